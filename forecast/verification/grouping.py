"""When and where each pair is counted: sums by month of the valid time, region and lead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any

import numpy as np
import xarray as xr

from forecast import schema
from forecast.schema import LEAD, REFERENCE, valid_times
from forecast.verification import contributions, events
from forecast.verification.contributions import Part
from forecast.verification.events import BIN, BINS, THRESHOLD, Event
from forecast.verification.exact import LIMBS, exact, exact_by, number
from forecast.verification.point import correlation

FORECASTER, LIMB, MONTH, REGION = "forecaster", "limb", "month", "region"
DIMS = (LIMB, MONTH, REGION, LEAD)


class Grouping:
    """The months, regions and leads of aligned observations, and the weight of each cell.

    Args:
        met: (forecast_reference_time, lead, *space), aligned observations.
        weights: of space, or None: all alike.
        cells: region -> which cells are its own.
    """

    def __init__(self, met: xr.DataArray, weights: xr.DataArray | None, cells: Mapping[str, np.ndarray]) -> None:
        self.space = schema.space_dims(met)
        even = xr.ones_like(met.isel({REFERENCE: 0, LEAD: 0}, drop=True), dtype="float64")
        self.area = (even if weights is None else even * weights).transpose(*self.space).values
        self.cells = cells
        times = valid_times(met[REFERENCE].values, met[LEAD].values)
        when = xr.DataArray(times.ravel(), dims="time").dt
        labels = np.char.add(
            np.char.mod("%04d-", when.year.values.astype(int)), np.char.mod("%02d", when.month.values.astype(int))
        )
        months, place = np.unique(labels, return_inverse=True)
        self.leads = met.sizes[LEAD]
        self.group = place.reshape(times.shape) * self.leads + np.arange(self.leads)  # (reference, lead)
        self.months = len(months)
        self.coords: dict[str, Any] = {MONTH: months.astype(object).astype(str), REGION: list(cells), LEAD: met[LEAD]}

    def summed(self, parts: Iterable[Part]) -> dict[str, xr.DataArray]:
        """Return the weighted sum of each part (limb, month, region, lead, ...).

        Args:
            parts: name, values (forecast_reference_time, lead, *space, ...); of one name, all are added up.
        """
        sums: dict[str, list[xr.DataArray]] = {}
        for name, array in parts:
            extra = [str(dim) for dim in array.dims if dim not in (REFERENCE, LEAD, *self.space)]
            values = array.transpose(*extra, REFERENCE, LEAD, *self.space).values
            shape = values.shape[: len(extra)]
            found = np.stack([self._by_group(values[at]) for at in np.ndindex(shape)], axis=-1)
            coords = {**self.coords, **{dim: array[dim].values for dim in extra}}
            summed = xr.DataArray(found.reshape(*found.shape[:-1], *shape), coords, (*DIMS, *extra))
            sums.setdefault(name, []).append(summed)
        return {name: many[0] if len(many) == 1 else _united(many) for name, many in sums.items()}

    def counted(self, met: xr.DataArray) -> xr.DataArray:
        """Return the number of pairs (limb, month, region, lead), whatever their areas.

        Args:
            met: (forecast_reference_time, lead, *space).
        """
        there = met.notnull().transpose(REFERENCE, LEAD, *self.space).values.reshape(*self.group.shape, -1)
        rows = np.stack([there[..., own].sum(axis=-1) for own in self.cells.values()], axis=-1)
        return xr.DataArray(self._of_rows(exact(rows[..., None].astype("float64"))), self.coords, DIMS)

    def correlated(self, forecast: xr.DataArray, met: xr.DataArray, mean: xr.DataArray) -> dict[str, xr.DataArray]:
        """Return sums of anomalies, and on maps the sum over times of each time's correlation.

        Args:
            forecast: (forecast_reference_time, lead, *space).
            met: what was observed then.
            mean: the climatology then.
        """
        rows = {}
        for name, array in contributions.anomalies(forecast, met, mean):
            values = self._weighted(array.transpose(REFERENCE, LEAD, *self.space).values)
            rows[name] = np.stack([exact(values[..., own]) for own in self.cells.values()], axis=-1)
        sums = {name: self._of_rows(row) for name, row in rows.items()}
        if schema.kind(met) == "map":
            numbers = {name: number(row) for name, row in rows.items()}
            for name, centred in (("acc_by_time", False), ("acc_by_time_centred", True)):
                each = correlation(**numbers, centred=centred)  # (reference, lead, region)
                sums[name] = self._of_rows(exact(np.nan_to_num(each)[..., None]))
                sums[f"{name}_weight"] = self._of_rows(exact(np.isfinite(each)[..., None].astype("float64")))
        return {name: xr.DataArray(array, self.coords, DIMS) for name, array in sums.items()}

    def reliable(
        self, members: xr.DataArray, met: xr.DataArray, chosen: Mapping[str, Event]
    ) -> dict[str, xr.DataArray]:
        """Return sums by bin of probability: of weights, of probabilities, of events.

        Args:
            members: (forecast_reference_time, lead, member, *space).
            met: what was observed then.
            chosen: events by name.
        """
        order = (REFERENCE, LEAD, *self.space)
        sums: dict[str, list[np.ndarray]] = {"bin_weight": [], "bin_probability": [], "bin_events": []}
        for event in chosen.values():
            chance = events.probability(members, event).transpose(*order).values
            pair = np.isfinite(chance) & met.notnull().transpose(*order).values
            share = np.where(pair, chance, 0.0)
            was = event.of(met).transpose(*order).values
            for name, values in (("bin_weight", pair * 1.0), ("bin_probability", share), ("bin_events", pair & was)):
                sums[name].append(self._by_group(np.where(pair, values, np.nan), events.bins(share), BINS))
        coords = {**self.coords, BIN: np.arange(BINS), THRESHOLD: list(chosen)}
        return {
            name: xr.DataArray(np.stack(many, axis=-1), coords, (*DIMS, BIN, THRESHOLD)) for name, many in sums.items()
        }

    def _weighted(self, values: np.ndarray) -> np.ndarray:
        """Return values times areas (reference, lead, cells), 0 where missing."""
        weighted = np.where(np.isnan(values), 0.0, values) * self.area
        return weighted.reshape(*values.shape[:2], -1)

    def _by_group(self, values: np.ndarray, bins: np.ndarray | None = None, count: int = 1) -> np.ndarray:
        """Return the sums of values (reference, lead, *space) as (limb, month, region, lead, [bin])."""
        weighted = self._weighted(values)
        place = np.broadcast_to(self.group[..., None], weighted.shape)
        if bins is not None:
            place = place * count + bins.reshape(weighted.shape)
        size = self.months * self.leads * count
        sums = [
            exact_by(weighted if own.all() else weighted[..., own], place if own.all() else place[..., own], size)
            for own in self.cells.values()
        ]
        shape = (LIMBS, self.months, self.leads, *(() if bins is None else (count,)))
        return np.stack([one.reshape(shape) for one in sums], axis=2)

    def _of_rows(self, rows: np.ndarray) -> np.ndarray:
        """Return rows (limb, reference, lead, region) added up by month: (limb, month, region, lead)."""
        sums = np.zeros((self.months * self.leads, LIMBS, rows.shape[-1]), dtype=np.int64)
        np.add.at(sums, self.group, np.moveaxis(rows, 0, 2))
        return np.moveaxis(sums.reshape(self.months, self.leads, LIMBS, -1), (2, 3), (0, 2))


def _united(many: list[xr.DataArray]) -> xr.DataArray:
    """Return sums of several thresholds or windows as one array."""
    same = xr.align(*many, join="outer", fill_value=0)
    return reduce(lambda a, b: a + b, same)
