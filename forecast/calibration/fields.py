"""Members that look like weather: each follows the whole error field, over all leads, of one past day of the season.

A handful of fields is not yet the right distribution. In each cell the day with the i-th largest error should have the
i-th largest of the calibrated values (the Schaake shuffle: Clark et al. 2004, J. Hydrometeorology 5, 243-262); cell by
cell that would put noise between neighbours, half as much again as weather has. So what the shuffle asks for is
averaged over the neighbouring cells and then added: members keep the texture of the fields, twenty score nearly as the
whole distribution does, and an area's interval comes from errors that hang together.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from forecast.calibration import scale
from forecast.schema import LEAD, REFERENCE, SEASONS, season_of, valid_times

MIN_DAYS = 20  # a season with fewer takes the fields of the whole span


def valid(forecast: xr.DataArray) -> xr.DataArray:
    """Return the valid times (forecast_reference_time, lead)."""
    return xr.DataArray(valid_times(forecast[REFERENCE].values, forecast[LEAD].values), dims=(REFERENCE, LEAD))


def seasons(times: xr.DataArray) -> np.ndarray:
    """Return the season of each time as its place in ``SEASONS``."""
    return season_of(times.dt.month).values


def days(residual: xr.DataArray) -> list[int]:
    """Return for each season how many distinct days have a residual at some cell."""
    times = valid(residual)
    known = residual.notnull().any(list(residual.dims[2:])).values
    date, season = times.dt.floor("D").values, seasons(times)
    return [len(np.unique(date[known & (season == code)])) for code in range(len(SEASONS))]


def trajectories(
    error: np.ndarray, season: np.ndarray, members: int, pooled: list[bool], rng: np.random.Generator
) -> np.ndarray:
    """Return error trajectories (season, member, lead, *space), one from each of equal parts of the season.

    Whole trajectories are preferred; what one lacks, it takes from the member before it.

    Args:
        error: (n, lead, *space), NaN where unknown.
        season: of each, its place in ``SEASONS`` (0 where there are none), shape (n,).
        members: how many.
        pooled: for each season, whether it takes those of the whole span.
        rng: draws within each part.
    """
    seen = np.isfinite(error)
    possible = seen.any(axis=0)
    some = seen.reshape(len(seen), -1).any(axis=1)
    whole = (seen | ~possible).reshape(len(seen), -1).all(axis=1)
    chosen = np.empty((len(pooled), members, *error.shape[1:]), error.dtype)
    for code, few in enumerate(pooled):
        own = np.full(len(season), few) | (season == code)
        rows = np.flatnonzero(own & whole)
        if len(rows) < min(members, MIN_DAYS):
            rows = np.flatnonzero(own & some) if (own & some).any() else np.flatnonzero(some)
        edges = np.linspace(0, len(rows), members + 1).astype(int)
        inside = rng.random(members) * np.maximum(np.diff(edges), 1)
        picked = rows[np.minimum(edges[:-1] + inside.astype(int), len(rows) - 1)]
        chosen[code] = _filled(error[picked], error)
    return chosen


def shuffled(fields: np.ndarray, values: np.ndarray, periodic: bool | None) -> np.ndarray:
    """Return the fields moved to where the values, in the fields' order, are: exactly for series, smoothly for maps.

    Args:
        fields: (season, member, lead, *space); a cell that is NaN stays NaN.
        values: ascending, (lead, member, *space).
        periodic: for maps, whether the last axis closes the circle; None for series.

    Returns:
        As ``fields``.
    """
    rank = np.argsort(np.argsort(fields, axis=1, kind="stable"), axis=1)
    ordered = np.take_along_axis(np.swapaxes(values, 0, 1)[None], rank, axis=1)
    ordered = np.where(np.isfinite(fields), ordered, np.nan)
    if periodic is None:
        return ordered
    move = (ordered - fields).reshape(-1, *fields.shape[3:])
    return fields + scale.over_neighbours(move, periodic).reshape(fields.shape)


def _filled(members: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Fill each gap of members (member, ...) from the member before it, the first from the newest error."""
    if np.isfinite(members).all():
        return members
    every = np.concatenate([error, members])
    at = np.arange(len(every)).reshape(-1, *[1] * (members.ndim - 1))
    newest = np.maximum.accumulate(np.where(np.isfinite(every), at, 0), axis=0)
    return np.take_along_axis(every, newest[len(error) :], axis=0)
