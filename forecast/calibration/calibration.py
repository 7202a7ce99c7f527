"""What a forecaster's past errors say about its next forecast: quantiles of each cell, and members that hang together.

    z = (observed - forecast) / (own spread x usual size of the error here and now)

is pooled over groups of cells, lead by lead: a series is a group; a map's cells fall into four, by the usual size of
their errors. A quantile is the forecast plus the conformal quantile of z in the group, times the size (locally weighted
conformal prediction: Lei et al. 2018, J. Amer. Stat. Assoc. 113, 1094-1111, section 5.2). The series of a table,
each of a size of its own, are one group, however few errors each has (pooled.py).

A forecaster that has an idea of its own of how far it may be wrong says so in two coordinates of its forecast,
``below`` and ``above`` (forecast_reference_time, lead, *space), in units of the data: the distance from its median to
its outer quantiles, for a network that forecasts quantiles. They are then multiplied by what the errors ask for
(CQR-m: Romano, Patterson & Candes 2019; Kivaranovic, Johnson & Leeb 2020). Without them both sides are 1.

The median is the errors' own, so it need not equal the central forecast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from forecast import schema
from forecast.calibration import fields, pooled, ranks, scale
from forecast.errors import ForecastError
from forecast.schema import LEAD, MEMBER, QUANTILE, REFERENCE, SEASONS, TIME

SEASON, GROUP = "season", "group"
BELOW, ABOVE = "below", "above"
GROUPS = 4  # of a map's cells
MIN_CELLS = 100  # a map with fewer is one group


@dataclass(frozen=True)
class Calibration:
    """What past errors say about the next forecast.

    Attributes:
        fitted: ``scale`` (coefficient, lead, *space), ``group`` (*space), ``offset`` (lead, quantile, group) and
            ``error`` (season, member, lead, *space), numbers without unit, NaN in cells that were never observed;
            attributes: ``days`` (distinct days by season), ``pooled`` (the seasons that take the whole span's fields),
            ``waves`` (year, day) of the scale, ``clipped`` (the quantiles that lie beyond the smallest or largest
            error), seed. Of a table of series: what ``pooled.fit`` returns.
    """

    fitted: xr.Dataset

    @classmethod
    def fit(
        cls,
        forecast: xr.DataArray,
        observed: xr.DataArray,
        quantiles: Sequence[float],
        members: int,
        seed: int,
        size: xr.DataArray | None = None,
    ) -> Calibration:
        """Learn from the errors of the calibration span.

        Args:
            forecast: (forecast_reference_time, lead, *space); NaN where it does not count.
            observed: (time, *space), the same calendar; NaN where nothing was observed.
            quantiles: levels in (0, 1), ascending.
            members: how many error fields to keep for each season, spread evenly over its days.
            seed: of their choice; the same seed chooses the same.
            size: (series), how large an error each series usually makes, in the data's unit: all series of a table are
                one group, pooled over series and origins. A forecaster's own spread goes before it. None: each series
                is a group of its own, and its errors say how large they are.

        Raises:
            ForecastError: quantiles not ascending in (0, 1), no member, fewer than two days with errors (of a table:
                two errors), or no series with a size.
        """
        levels = _checked(quantiles, members)
        residual = _residuals(forecast.sortby(REFERENCE), observed)
        if size is not None:
            own = ABOVE in residual.coords
            sizes = xr.ones_like(residual[0, 0]) if own else pooled.checked(size, residual)
            scaled = (residual / _side(residual, residual) / sizes).transpose(*residual.dims)
            return cls(pooled.fit(scaled, sizes, levels, members, seed))
        days = fields.days(residual)
        if sum(days) < 2:
            remedy = "lengthen the validation span, or ingest its truth"
            raise ForecastError("2 days or more with residuals", f"{sum(days)}", remedy)
        few = [count < fields.MIN_DAYS for count in days]
        waves = _waves(fields.valid(residual), not any(few), sum(days))
        residual = residual / _side(residual, residual)
        coefficient, usual = _scales(residual, waves)
        error = residual.values / usual
        group = _groups(residual, usual)
        offset, drawn, beyond = _numbers(error, group, levels, members)
        season = fields.seasons(fields.valid(residual))[:, 0]
        chosen = fields.trajectories(error, season, members, few, np.random.default_rng(seed))
        space = residual.dims[2:]
        variables = {
            "scale": (("coefficient", LEAD, *space), coefficient),
            GROUP: (space, group),
            "offset": ((LEAD, QUANTILE, GROUP), offset),
            "error": (
                (SEASON, MEMBER, LEAD, *space),
                fields.shuffled(chosen, drawn[..., group], _periodic(residual)).astype("float32"),
            ),
        }
        attrs = {
            "days": ", ".join(f"{name} {count}" for name, count in zip(SEASONS, days, strict=True)),
            "pooled": ", ".join(np.array(SEASONS)[few]) or "none",
            "waves": ", ".join(name for name, there in zip(("year", "day"), waves, strict=True) if there) or "none",
            "clipped": ", ".join(f"{level:g}" for level in levels[beyond]) or "none",
            "seed": seed,
        }
        coords = {SEASON: list(SEASONS), QUANTILE: levels, MEMBER: np.arange(members), LEAD: residual[LEAD]}
        return cls(xr.Dataset(variables, coords | schema.space_coords(residual), attrs))

    def quantiles(self, forecast: xr.DataArray) -> xr.DataArray:
        """Return quantiles (forecast_reference_time, lead, quantile, *space), ascending, in units of the forecast.

        Args:
            forecast: (forecast_reference_time, lead, *space).

        Raises:
            ForecastError: a lead that was not calibrated.
        """
        known = self._known(forecast)
        if pooled.SIZE in known:
            return _dressed(forecast, known["offset"], pooled.sizes(known, forecast), QUANTILE)
        return _dressed(
            forecast, known["offset"].isel({GROUP: known[GROUP].astype(int)}), self._usual(forecast), QUANTILE
        )

    def members(self, forecast: xr.DataArray) -> xr.DataArray:
        """Return members (forecast_reference_time, lead, member, *space), in the forecast's units and dtype.

        All leads of a member follow the errors of one past reference time, of the season of the first lead's valid
        time; those of a table of series take no heed of seasons. In each cell they lie about the quantiles at the
        levels (i - 1/2) / members.

        Args:
            forecast: (forecast_reference_time, lead, *space).

        Raises:
            ForecastError: a lead that was not calibrated.
        """
        known = self._known(forecast)
        if pooled.SIZE in known:
            return _dressed(forecast, pooled.cast(known, forecast), pooled.sizes(known, forecast), MEMBER)
        season = xr.DataArray(fields.seasons(fields.valid(forecast))[:, 0], dims=REFERENCE)
        return _dressed(forecast, known["error"].isel({SEASON: season}), self._usual(forecast), MEMBER)

    def to_dataset(self) -> xr.Dataset:
        """Return everything learned, for a checkpoint."""
        return self.fitted

    @classmethod
    def from_dataset(cls, fitted: xr.Dataset) -> Calibration:
        """Take up what ``to_dataset`` gave."""
        return cls(fitted)

    def _known(self, forecast: xr.DataArray) -> xr.Dataset:
        known, asked = self.fitted[LEAD].values, forecast[LEAD].values
        if not np.isin(asked, known).all():
            expected = f"leads among the {len(known)} calibrated, up to {known[-1].astype('timedelta64[h]')}"
            raise ForecastError(expected, f"{asked[-1].astype('timedelta64[h]')}", "calibrate on this horizon")
        return self.fitted.sel({LEAD: asked})

    def _usual(self, forecast: xr.DataArray) -> xr.DataArray:
        """Return the usual size of the error, own spread apart, (forecast_reference_time, lead, *space)."""
        waves = [name in self.fitted.attrs["waves"] for name in ("year", "day")]
        regressors = scale.design(fields.valid(forecast), *waves)
        coefficient = self._known(forecast)["scale"].values
        usual = np.stack(
            [scale.at(regressors[:, lead], coefficient[:, lead]) for lead in range(forecast.sizes[LEAD])], axis=1
        )
        return forecast.copy(data=usual.astype("float32"))


def _checked(quantiles: Sequence[float], members: int) -> np.ndarray:
    levels = np.asarray(quantiles, dtype="float64")
    inside = len(levels) > 0 and levels[0] > 0 and levels[-1] < 1 and bool((np.diff(levels) > 0).all())
    if not inside or members < 1:
        expected = "ascending quantiles in (0, 1) and one member or more"
        raise ForecastError(expected, f"{levels.tolist()} and {members}", "mend task.quantiles or task.members")
    return levels


def _residuals(forecast: xr.DataArray, observed: xr.DataArray) -> xr.DataArray:
    """Return observed - forecast (forecast_reference_time, lead, *space), with the forecast's coordinates."""
    valid = fields.valid(forecast)
    truth = observed.reindex({TIME: np.unique(valid.values)}).sel({TIME: valid})
    return forecast.copy(data=truth.transpose(*forecast.dims).values - forecast.values)


def _side(forecast: xr.DataArray, sign: xr.DataArray) -> xr.DataArray:
    """Return the forecast's own spread on the side that the sign says, 1 where it has none."""
    if ABOVE not in forecast.coords:
        return xr.ones_like(forecast, dtype="float32").drop_attrs()
    return xr.where(sign > 0, forecast.coords[ABOVE], forecast.coords[BELOW])


def _waves(valid: xr.DataArray, seasonal: bool, days: int) -> tuple[bool, bool]:
    """Say whether the scale may have waves of the year and of the day."""
    clock = np.unique((valid.dt.hour * 3600 + valid.dt.minute * 60).values)
    return seasonal, len(clock) >= scale.TIMES_OF_DAY and days >= fields.MIN_DAYS


def _scales(residual: xr.DataArray, waves: tuple[bool, bool]) -> tuple[np.ndarray, np.ndarray]:
    """Return the scale's coefficients (coefficient, lead, *space), and the scale itself (n, lead, *space)."""
    regressors = scale.design(fields.valid(residual), *waves)
    periodic = _periodic(residual)
    by_lead = [
        scale.fit(residual.values[:, lead], regressors[:, lead], periodic) for lead in range(residual.sizes[LEAD])
    ]
    usual = [scale.at(regressors[:, lead], one) for lead, one in enumerate(by_lead)]
    return np.stack(by_lead, axis=1), np.stack(usual, axis=1)


def _periodic(residual: xr.DataArray) -> bool | None:
    """Say whether a map closes the circle of longitude; None for series."""
    if schema.kind(residual) == "series":
        return None
    return schema.LON in residual.dims and schema.is_periodic(residual[schema.LON].values)


def _groups(residual: xr.DataArray, usual: np.ndarray) -> np.ndarray:
    """Return the group of each cell: its own for a series; on maps the quarter that the size of its errors is in."""
    size = usual.mean(axis=(0, 1))
    if schema.kind(residual) == "series":
        return np.arange(size.size)
    known = size[np.isfinite(size)]
    edges = np.quantile(known, np.arange(1, GROUPS) / GROUPS) if known.size >= MIN_CELLS else []
    return np.searchsorted(edges, np.nan_to_num(size))


def _numbers(
    error: np.ndarray, group: np.ndarray, levels: np.ndarray, members: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return conformal quantiles (lead, quantile, group), members' values (lead, member, group), and levels beyond."""
    groups, clipped = int(group.max()) + 1, np.zeros(len(levels), dtype=bool)
    offset, drawn = (np.full((error.shape[1], count, groups), np.nan) for count in (len(levels), members))
    for lead, at in np.ndindex(error.shape[1], groups):
        own = error[:, lead][:, group == at]
        offset[lead, :, at], beyond = ranks.conformal(own, levels)
        drawn[lead, :, at] = ranks.middles(own, members)
        clipped |= beyond
    return offset, drawn, clipped


def _dressed(forecast: xr.DataArray, number: xr.DataArray, usual: xr.DataArray, dim: str) -> xr.DataArray:
    """Return forecast + number x size as (forecast_reference_time, lead, dim, *space), as the forecast is otherwise."""
    order = (REFERENCE, LEAD, dim, *forecast.dims[2:])
    number = number.astype(forecast.dtype).reset_coords(drop=True)
    total = (forecast + number * (usual * _side(forecast, number)).astype(forecast.dtype)).transpose(*order)
    return total.drop_vars([BELOW, ABOVE], errors="ignore").assign_attrs(forecast.attrs).rename(forecast.name)
