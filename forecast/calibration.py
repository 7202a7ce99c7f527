"""From past errors to intervals and members: residuals by lead, cell and season of a span not learned from.

Quantiles are the forecast plus an order statistic of the residuals (observed - forecast) of the same lead, cell and
season of the valid time: split conformal prediction, the q-th quantile being the floor((n + 1) q)-th smallest of n
residuals below the median and the ceil((n + 1) q)-th above, so that exchangeable errors are covered at least as often
as promised (Vovk, Gammerman & Shafer 2005; Lei et al. 2018, J. Amer. Stat. Assoc. 113, 1094-1111). The median is the
residuals' own, so it need not equal the central forecast.

Members are the forecast plus one whole residual trajectory of a past reference time in the same season, so that they
keep the errors' structure over leads and space ("dressing": Roulston & Smith 2003, Tellus A 55, 16-30): an area's
interval comes from them. Seasons are DJF, MAM, JJA, SON; one without enough days takes the residuals of the whole span.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from forecast.errors import ForecastError
from forecast.schema import LEAD, MEMBER, QUANTILE, REFERENCE, TIME, valid_times

SEASON = "season"
SEASONS = ("DJF", "MAM", "JJA", "SON")
MIN_DAYS = 20  # 19 residuals bound a 5 % quantile: floor(20 * 0.05) = 1


@dataclass(frozen=True)
class Calibration:
    """What past errors say about the next forecast.

    Attributes:
        fitted: ``offset`` (season, lead, quantile, *space) and ``residual`` (season, member, lead, *space), in units
            of the data, NaN in cells that were never observed; attributes: ``days`` (distinct days by season),
            ``pooled`` (the seasons that take all residuals), ``clipped`` (the quantiles that lie beyond the smallest
            or largest residual), seed.
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
    ) -> Calibration:
        """Learn residuals over the calibration span.

        Args:
            forecast: (forecast_reference_time, lead, *space); NaN where it does not count.
            observed: (time, *space), the same calendar; NaN where nothing was observed.
            quantiles: levels in (0, 1), ascending.
            members: how many residual trajectories to keep for each season, spread evenly over its days.
            seed: of their choice; the same seed chooses the same.

        Raises:
            ForecastError: quantiles not ascending in (0, 1), no member, or fewer than two days with residuals.
        """
        levels = _checked(quantiles, members)
        residual = _residuals(forecast, observed)
        season, days = _seasons(residual), _days(residual)
        if sum(days) < 2:
            remedy = "lengthen the validation span, or ingest its truth"
            raise ForecastError("2 days or more with residuals", f"{sum(days)}", remedy)
        enough = max(MIN_DAYS, math.ceil(1 / min(levels[0], 1 - levels[-1])) - 1)
        pooled = [count < enough for count in days]
        offset, clipped = _offsets(residual.values, season, levels, pooled)
        chosen = _trajectories(residual.values, season[:, 0], members, pooled, np.random.default_rng(seed))
        space = residual.dims[2:]
        values = {
            "offset": ((SEASON, LEAD, QUANTILE, *space), offset.astype(residual.dtype)),
            "residual": ((SEASON, MEMBER, LEAD, *space), chosen),
        }
        coords = {SEASON: list(SEASONS), QUANTILE: levels, MEMBER: np.arange(members)}
        attrs = {
            "days": ", ".join(f"{name} {count}" for name, count in zip(SEASONS, days, strict=True)),
            "pooled": ", ".join(np.array(SEASONS)[pooled]) or "none",
            "clipped": ", ".join(f"{level:g}" for level in levels[clipped]) or "none",
            "seed": seed,
        }
        return cls(xr.Dataset(values, coords | {dim: residual[dim] for dim in (LEAD, *space)}, attrs))

    def quantiles(self, forecast: xr.DataArray) -> xr.DataArray:
        """Return quantiles (forecast_reference_time, lead, quantile, *space), ascending, in units of the forecast.

        Args:
            forecast: (forecast_reference_time, lead, *space).

        Raises:
            ForecastError: a lead that was not calibrated.
        """
        season = xr.DataArray(_seasons(forecast), dims=(REFERENCE, LEAD))
        leads = xr.DataArray(np.arange(forecast.sizes[LEAD]), dims=LEAD)
        return _dressed(forecast, self._known(forecast, "offset").isel({SEASON: season, LEAD: leads}), QUANTILE)

    def members(self, forecast: xr.DataArray) -> xr.DataArray:
        """Return members (forecast_reference_time, lead, member, *space), in the forecast's units and dtype.

        All leads of a member carry the errors of one past reference time, of the season of the first lead's valid time.

        Args:
            forecast: (forecast_reference_time, lead, *space).

        Raises:
            ForecastError: a lead that was not calibrated.
        """
        season = xr.DataArray(_seasons(forecast)[:, 0], dims=REFERENCE)
        return _dressed(forecast, self._known(forecast, "residual").isel({SEASON: season}), MEMBER)

    def to_dataset(self) -> xr.Dataset:
        """Return everything learned, for a checkpoint."""
        return self.fitted

    @classmethod
    def from_dataset(cls, fitted: xr.Dataset) -> Calibration:
        """Take up what ``to_dataset`` gave."""
        return cls(fitted)

    def _known(self, forecast: xr.DataArray, name: str) -> xr.DataArray:
        known, asked = self.fitted[LEAD].values, forecast[LEAD].values
        if not np.isin(asked, known).all():
            expected = f"leads among the {len(known)} calibrated, up to {known[-1].astype('timedelta64[h]')}"
            raise ForecastError(expected, f"{asked[-1].astype('timedelta64[h]')}", "calibrate on this horizon")
        return self.fitted[name].sel({LEAD: asked})


def _checked(quantiles: Sequence[float], members: int) -> np.ndarray:
    levels = np.asarray(quantiles, dtype="float64")
    inside = len(levels) > 0 and levels[0] > 0 and levels[-1] < 1 and bool((np.diff(levels) > 0).all())
    if not inside or members < 1:
        expected = "ascending quantiles in (0, 1) and one member or more"
        raise ForecastError(expected, f"{levels.tolist()} and {members}", "mend task.quantiles or task.members")
    return levels


def _residuals(forecast: xr.DataArray, observed: xr.DataArray) -> xr.DataArray:
    """Return observed - forecast (forecast_reference_time, lead, *space), references ascending."""
    forecast = forecast.sortby(REFERENCE)
    valid = _valid(forecast)
    truth = observed.reindex({TIME: np.unique(valid.values)}).sel({TIME: valid})
    return truth.drop_vars(TIME).transpose(*forecast.dims) - forecast


def _valid(forecast: xr.DataArray) -> xr.DataArray:
    return xr.DataArray(valid_times(forecast[REFERENCE].values, forecast[LEAD].values), dims=(REFERENCE, LEAD))


def _seasons(forecast: xr.DataArray) -> np.ndarray:
    """Return the season of each valid time, (forecast_reference_time, lead), as its place in ``SEASONS``."""
    return (_valid(forecast).dt.month % 12 // 3).values


def _days(residual: xr.DataArray) -> list[int]:
    """Return for each season how many distinct days have a residual at some cell."""
    known = residual.notnull().any(list(residual.dims[2:])).values
    days, season = _valid(residual).dt.floor("D").values, _seasons(residual)
    return [len(np.unique(days[known & (season == code)])) for code in range(len(SEASONS))]


def _offsets(
    residual: np.ndarray, season: np.ndarray, levels: np.ndarray, pooled: list[bool]
) -> tuple[np.ndarray, np.ndarray]:
    """Return offsets (season, lead, quantile, *space) and which quantiles fell beyond the outermost residual."""
    offset = np.full((len(SEASONS), residual.shape[1], len(levels), *residual.shape[2:]), np.nan)
    clipped = np.zeros(len(levels), dtype=bool)
    for lead in range(residual.shape[1]):
        everything = _ranked(residual[:, lead], levels)
        for code, few in enumerate(pooled):
            values, beyond = everything if few else _ranked(residual[season[:, lead] == code, lead], levels)
            # a cell never observed in this season takes the whole span's
            offset[code, lead] = np.where(np.isnan(values), everything[0], values)
            clipped |= beyond
    return offset, clipped


def _ranked(residual: np.ndarray, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return conformal order statistics (quantile, *space) of residuals (n, *space), and which levels need more."""
    if len(residual) == 0:
        return np.full((len(levels), *residual.shape[1:]), np.nan), np.zeros(len(levels), dtype=bool)
    ordered = np.sort(residual, axis=0)  # NaN last
    count = np.isfinite(ordered).sum(axis=0)
    place = np.multiply.outer(levels, count + 1)
    rounded = np.round(place, 9)  # 0.95 * 20 is not 19 in binary
    low, high = np.floor(rounded), np.ceil(rounded)
    side = levels.reshape(-1, *[1] * count.ndim)
    first, last = np.where(side > 0.5, high, low), np.where(side < 0.5, low, high)
    beyond = ((first < 1) | (last > count)) & (count > 0)
    values = [
        np.take_along_axis(ordered, (np.clip(rank, 1, np.maximum(count, 1)) - 1).astype(int), axis=0)
        for rank in (first, last)
    ]
    return (values[0] + values[1]) / 2, beyond.reshape(len(levels), -1).any(axis=1)


def _trajectories(
    residual: np.ndarray, season: np.ndarray, members: int, pooled: list[bool], rng: np.random.Generator
) -> np.ndarray:
    """Return residual trajectories (season, member, lead, *space), one from each of equal parts of the season.

    Whole trajectories are preferred; what one lacks, it takes from the member before it.
    """
    seen = np.isfinite(residual)
    possible = seen.any(axis=0)
    some = seen.reshape(len(seen), -1).any(axis=1)
    whole = (seen | ~possible).reshape(len(seen), -1).all(axis=1)
    chosen = np.empty((len(SEASONS), members, *residual.shape[1:]), residual.dtype)
    for code, few in enumerate(pooled):
        own = np.full(len(season), few) | (season == code)
        rows = np.flatnonzero(own & whole)
        if len(rows) < min(members, MIN_DAYS):
            rows = np.flatnonzero(own & some) if (own & some).any() else np.flatnonzero(some)
        edges = np.linspace(0, len(rows), members + 1).astype(int)
        inside = rng.random(members) * np.maximum(np.diff(edges), 1)
        picked = rows[np.minimum(edges[:-1] + inside.astype(int), len(rows) - 1)]
        chosen[code] = _filled(residual[picked], residual)
    return chosen


def _filled(members: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """Fill each gap of members (member, ...) from the member before it, the first from the newest residual."""
    if np.isfinite(members).all():
        return members
    every = np.concatenate([residual, members])
    at = np.arange(len(every)).reshape(-1, *[1] * (members.ndim - 1))
    newest = np.maximum.accumulate(np.where(np.isfinite(every), at, 0), axis=0)
    return np.take_along_axis(every, newest[len(residual) :], axis=0)


def _dressed(forecast: xr.DataArray, shift: xr.DataArray, dim: str) -> xr.DataArray:
    """Return forecast + shift as (forecast_reference_time, lead, dim, *space), attributes and dtype of the forecast."""
    order = (REFERENCE, LEAD, dim, *forecast.dims[2:])
    total = (forecast + shift.astype(forecast.dtype).reset_coords(drop=True)).transpose(*order)
    return total.assign_attrs(forecast.attrs).rename(forecast.name)
