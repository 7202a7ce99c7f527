"""One issued forecast: narrowed to a day, a time or an area, and answered at a place with all that qualifies it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast import sphere
from forecast.errors import ForecastError
from forecast.query import place, times
from forecast.query.place import Place
from forecast.query.skill import skill
from forecast.schema import (
    BASELINE,
    LAT,
    LEAD,
    LON,
    MEMBER,
    QUANTILE,
    REFERENCE,
    SERIES,
    TIME,
    VALID_TIME,
    Y,
    kind,
    space_dims,
)

PARTS = (QUANTILE, BASELINE, MEMBER)


@dataclass(frozen=True)
class Issue:
    """A forecast and what is known about it. Every method that narrows returns an Issue, so that questions chain:
    ``latest().tomorrow().at(60.4, 5.3)``.

    Attributes:
        data: the forecast Dataset without its reference dimension: VAR (lead, *space), VAR_quantile, VAR_member,
            VAR_baseline, as the contract of forecasts has them; NaN where the grid has no value.
        scores: ``VAR_rmse`` (forecaster, lead, *space) over past forecasts, in units of VAR; empty where none exist.
        observed: observations (time, *space) around the forecast, as the newest data version has them; may be empty.
    """

    data: xr.Dataset
    scores: xr.Dataset
    observed: xr.Dataset

    @property
    def targets(self) -> list[str]:
        """Names of the variables forecast."""
        return [str(name) for name, array in self.data.data_vars.items() if not set(PARTS) & set(array.dims)]

    @property
    def kind(self) -> str:
        """``"map"`` or ``"series"``."""
        return kind(self.data)

    @property
    def step(self) -> pd.Timedelta:
        """Length of the interval that a value stands for."""
        return pd.Timedelta(self.data.attrs["step"])

    @property
    def moments(self) -> list[Any]:
        """Valid times of the leads, as Timestamps or cftime objects."""
        return times.moments(self.data[VALID_TIME].values)

    @property
    def end(self) -> str:
        """End of the last lead's interval, ISO 8601."""
        return times.text(self.moments[-1] + self.step.to_pytimedelta())

    def at(self, lat: float, lon: float) -> xr.Dataset:
        """Answer at the grid cell that holds a point (degrees; longitudes of either convention); see ``answer``.

        Raises:
            ForecastError: the point lies farther than half a cell outside the grid.
        """
        return self.answer(place.point(self.data, lat, lon))

    def series(self, name: str) -> xr.Dataset:
        """Answer for a series by name; see ``answer``.

        Raises:
            NotFound: no such series; the known ones are listed.
        """
        return self.answer(place.named(self.data, name))

    def answer(self, where: Place) -> xr.Dataset:
        """Return all that is known at one place, by lead.

        Returns:
            A Dataset with, for each target VAR in its unit: VAR (lead), VAR_quantile (lead, quantile), VAR_baseline
            (lead, baseline), VAR_observed (lead; NaN until the truth is in), VAR_rmse (lead; of this forecaster there)
            and VAR_skill (lead, baseline; 1 - MSE / MSE of the baseline), where scores exist; coordinates valid_time
            and the place; attributes of the issue, ``place``, and ``note`` where something must be said.
        """
        here = self._select(where.index)
        data = here.data.drop_vars([name for name, array in here.data.items() if MEMBER in array.dims])
        data = data.drop_vars([name for name in (MEMBER,) if name in data.coords]).load()
        for target in self.targets:
            data = data.assign(_truth(here.observed, data, target) | skill(here.scores, data, target))
        note = self._note(data, where)
        return data.assign_attrs({"place": where.name, **({"note": note} if note else {})})

    def history(self, where: Place) -> xr.Dataset:
        """Return the observations (time) at a place up to the newest, for the chart that leads into the forecast."""
        return self._select(where.index).observed.load()

    def _note(self, data: xr.Dataset, where: Place) -> str:
        if any(np.isfinite(data[target].values).any() for target in self.targets):
            return ""
        if self.kind == "series":
            return f"No value: nothing could be forecast for {where.name}."
        field = self.data[self.targets[0]].isel({LEAD: 0}).load()
        known = np.isfinite(field.values)
        said = f"No value in the cell at {where.name}: it is masked (such as sea in data for land)."
        if not known.any():
            return said
        lats, lons = (one.transpose(*field.dims).values[known] for one in xr.broadcast(field[LAT], field[LON]))
        near = int(sphere.distance(lats, lons, float(data[LAT]), float(data[LON])).argmin())
        return f"{said} The nearest cell with values is {place.coordinates(lats[near], lons[near])}."

    def tomorrow(self) -> Issue:
        """Narrow to the calendar day after the date of issue (daily data: one lead; hourly: 24; longer steps: the
        step that holds the day).

        Raises:
            ForecastError: no lead falls on that day.
        """
        issued, wide = self.data.attrs["issue_time"], self.step > pd.Timedelta("1D")
        return self._during(*times.day_after(issued, self.moments[0]), f"tomorrow, the day after {issued[:10]}", wide)

    def valid_time(self, when: str) -> Issue:
        """Narrow to the leads valid at a moment, on a date (the whole day) or in a span ``first/last``.

        Raises:
            ForecastError: the run does not reach there; the valid range is given.
        """
        return self._during(*times.parse(when, self.moments[0]), repr(when), True)

    def _during(self, first: Any, last: Any, said: str, overlapping: bool) -> Issue:
        step = self.step.to_pytimedelta() if overlapping else times.MOMENT
        held = [
            index
            for index, time in enumerate(self.moments)
            if (first is None or time + step > first) and (last is None or time <= last)
        ]
        if not held:
            begin = times.text(self.moments[0])
            raise ForecastError(
                f"a time from {begin} to before {self.end}", said, "ask within the run, or another issue"
            )
        return self._select({LEAD: np.array(held)})

    def area(self, south: float, north: float, west: float, east: float) -> Issue:
        """Narrow to the cells whose centres lie in a box, degrees; ``west > east`` crosses the seam of the circle.

        On a projected grid the other cells of the smallest window around them are NaN.

        Args:
            south: lowest latitude.
            north: highest latitude.
            west: longitude of the left edge, either convention.
            east: longitude of the right edge.

        Raises:
            ForecastError: the box holds no cell; the valid range is given.
        """
        if self.kind == "series":
            raise ForecastError("a map", "a pipeline of series", "ask for a series by its name")
        if Y in self.data.dims:
            index, meant = place.window(self.data, south, north, west, east)
            parts = self._select(index)._parts()
            return Issue(**{name: data.where(meant) if Y in data.dims else data for name, data in parts.items()})
        index, lons = place.box(self.data, south, north, west, east)
        issue = self._select(index)
        moved = {name: data.assign_coords({LON: lons}) for name, data in issue._parts().items() if LON in data.dims}
        return replace(issue, **moved)

    def _parts(self) -> dict[str, xr.Dataset]:
        return {"data": self.data, "scores": self.scores, "observed": self.observed}

    def _select(self, index: Mapping[str, Any]) -> Issue:
        return Issue(**{name: data.isel(index, missing_dims="ignore") for name, data in self._parts().items()})


def build(forecast: xr.Dataset, scores: xr.Dataset | None, observed: xr.Dataset | None) -> Issue:
    """Join one stored forecast with the scores and the observations that belong to its grid and leads.

    Args:
        forecast: contract of forecasts, one reference time.
        scores: ``VAR_rmse`` (forecaster, lead, *space) or None; left out where its places are others.
        observed: (time, *space) or None; likewise.
    """
    data = forecast.isel({REFERENCE: 0})
    space = space_dims(data)
    if data.attrs.get("align") == "end":  # its steps are of no axis that observations have
        observed = None
    scores, observed = _same(scores, data, space), _same(observed, data, space)
    if LEAD in scores.dims:
        scores = scores.reindex({LEAD: data[LEAD]})
    return Issue(data, scores, observed)


def _truth(observed: xr.Dataset, data: xr.Dataset, target: str) -> dict[str, tuple[Any, ...]]:
    """Return VAR_observed (lead): what was observed at the valid times, NaN where nothing was yet."""
    if target not in observed:
        return {}
    at = observed.indexes[TIME].get_indexer(pd.Index(data[VALID_TIME].values))
    values = np.append(observed[target].values, np.nan)[at]  # -1, not there, is the last: NaN
    return {f"{target}_observed": (LEAD, values, {"units": data[target].attrs["units"], "long_name": "observed"})}


def _same(other: xr.Dataset | None, data: xr.Dataset, space: tuple[str, ...]) -> xr.Dataset:
    if other is None or any(dim not in other.indexes for dim in space):
        return xr.Dataset()
    if SERIES in space:
        return other.reindex({SERIES: data[SERIES].values})
    return other if all(other.indexes[dim].equals(data.indexes[dim]) for dim in space) else xr.Dataset()
