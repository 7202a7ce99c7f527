"""Tables of many series: one group of all errors, each over its series' own size, pooled over series and origins.

    z = (observed - forecast) / size of the series, or over the network's own spread

One origin of many series says as much as many origins of one. A quantile is the forecast plus the conformal quantile of
z at its lead, times the size; pairs of a series and an origin are what is exchangeable. Where they are few, errors of
all leads are pooled as well, each over what is usual for its lead, a power of the lead.

Members follow past trajectories of z over all leads. Where there are many origins and the table is small, all series of
a member follow the errors of one origin, so that they hang together as they did; else trajectories are drawn over
series and origins, each series takes them in an order of its own, and what series have in common is not in them.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from forecast.calibration import fields, ranks
from forecast.errors import ForecastError
from forecast.schema import LEAD, MEMBER, QUANTILE, SERIES

SIZE = "size"
FEW = 40  # errors of a lead; under so many the leads are pooled
LARGEST = 2**22  # numbers that members of their own may take


def fit(error: xr.DataArray, size: xr.DataArray, levels: np.ndarray, members: int, seed: int) -> xr.Dataset:
    """Return what a table's errors say.

    Args:
        error: z, (forecast_reference_time, lead, series), NaN where unknown.
        size: (series) that z is to be multiplied by.
        levels: of the quantiles, ascending.
        members: how many trajectories to keep.
        seed: of their choice, and of the order in which each series takes them.

    Returns:
        ``size`` (series), ``offset`` (lead, quantile) and ``error`` (member, lead) or (member, lead, series);
        attributes ``errors`` (how many by lead, at most), ``clipped`` (quantiles beyond the smallest or largest error),
        seed.

    Raises:
        ForecastError: fewer than two errors.
    """
    values = error.values.astype("float64")
    pairs = np.moveaxis(values, 1, 2).reshape(-1, values.shape[1])  # (series and origin, lead)
    pairs = pairs[np.isfinite(pairs).any(axis=1)]
    counts = np.isfinite(pairs).sum(axis=0)
    if counts.sum() < 2:
        remedy = "lengthen the validation span, or ingest its truth"
        raise ForecastError("2 errors or more to calibrate on", f"{counts.sum()}", remedy)
    many = counts.min() >= FEW
    usual = np.ones(len(counts)) if many else growth(pairs)
    own = [pairs[:, [lead]] for lead in range(len(usual))] if many else [(pairs / usual).reshape(-1, 1)] * len(usual)
    found = [ranks.conformal(one, levels) for one in own]
    offset = usual[:, None] * np.stack([quantile for quantile, _ in found])
    drawn = usual[:, None] * np.stack([ranks.middles(one, members) for one in own])
    together = len(values) >= fields.MIN_DAYS and members * values[0].size <= LARGEST
    rows = values if together else pairs[:, :, None]
    rng = np.random.default_rng(seed)
    chosen = fields.trajectories(rows, np.zeros(len(rows), dtype=int), members, [True], rng)
    wide = np.broadcast_to(drawn[:, :, None], (*drawn.shape, rows.shape[2]))
    cast = fields.shuffled(chosen, wide, None)[0].astype("float32")
    variables = {
        SIZE: (SERIES, size.values.astype("float32")),
        "offset": ((LEAD, QUANTILE), offset),
        "error": ((MEMBER, LEAD, SERIES), cast) if together else ((MEMBER, LEAD), cast[:, :, 0]),
    }
    coords = {QUANTILE: levels, MEMBER: np.arange(members), LEAD: error[LEAD], SERIES: error[SERIES]}
    beyond = ", ".join(f"{level:g}" for level in levels[np.any([one for _, one in found], axis=0)]) or "none"
    return xr.Dataset(variables, coords, {"errors": int(counts.max()), "clipped": beyond, "seed": seed})


def growth(pairs: np.ndarray) -> np.ndarray:
    """Return what errors are usual at each lead, their root mean square smoothed: c lead^p, p from 0 to 1.

    Args:
        pairs: (n, lead), NaN where unknown.
    """
    counts = np.isfinite(pairs).sum(axis=0)
    squares = np.nansum(pairs**2, axis=0) / np.maximum(counts, 1)
    lead = np.arange(1, len(counts) + 1)
    there = squares > 0
    if not there.any():
        return np.ones(len(lead))
    weight, x, y = counts[there], np.log(lead[there]), np.log(squares[there]) / 2
    x, y = (one - np.average(one, weights=weight) for one in (x, y))
    power = np.clip(np.sum(weight * x * y) / max(np.sum(weight * x**2), 1e-12), 0, 1)
    shape = lead**power
    return shape * np.sqrt(np.average(squares[there] / shape[there] ** 2, weights=weight))


def sizes(fitted: xr.Dataset, forecast: xr.DataArray) -> xr.DataArray:
    """Return the size of each series of a forecast (series,); a series that was not there takes the median.

    Args:
        fitted: of ``fit``.
        forecast: (forecast_reference_time, lead, series).
    """
    known = fitted[SIZE]
    return known.reindex({SERIES: forecast[SERIES]}, fill_value=float(known.median())).astype(forecast.dtype)


def cast(fitted: xr.Dataset, forecast: xr.DataArray) -> xr.DataArray:
    """Return what members add to a forecast, over the size: (member, lead, series).

    Args:
        fitted: of ``fit``, at the forecast's leads.
        forecast: (forecast_reference_time, lead, series).
    """
    error = fitted["error"]
    place = fitted.get_index(SERIES).get_indexer(forecast.get_index(SERIES))
    if SERIES in error.dims:
        return error.isel({SERIES: place})
    rng, count = np.random.default_rng(int(fitted.attrs["seed"])), error.sizes[MEMBER]
    order = rng.permuted(np.tile(np.arange(count), (fitted.sizes[SERIES], 1)), axis=1)[place]
    taken = error.isel({MEMBER: xr.DataArray(order, {SERIES: forecast[SERIES].variable}, (SERIES, MEMBER))})
    return taken.assign_coords({MEMBER: error[MEMBER].values}).transpose(MEMBER, LEAD, SERIES)


def checked(size: xr.DataArray, forecast: xr.DataArray) -> xr.DataArray:
    """Return a positive size of every series of a forecast, float64; one that has none takes the median of the others.

    Args:
        size: (series), in the data's unit; NaN or 0 where none is known.
        forecast: (forecast_reference_time, lead, series).

    Raises:
        ForecastError: no series has a size.
    """
    given = size.reindex({SERIES: forecast[SERIES]}).astype("float64")
    known = given.where((given > 0) & np.isfinite(given))
    if not bool(known.notnull().any()):
        raise ForecastError("a size above 0 of one series or more", "none", "fit the scaling on what was observed")
    return known.fillna(float(known.median()))
