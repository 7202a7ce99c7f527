"""Is one forecaster better than another, or lucky? A circular block bootstrap over the valid times, in pairs.

Errors of neighbouring days resemble each other, so whole blocks of neighbouring times are drawn with replacement, the
same for both forecasters: Künsch (1989), Annals of Statistics 17, 1217-1241; the circle, which counts every time alike:
Politis & Romano (1992), A circular block-resampling procedure for stationary data.
"""

from __future__ import annotations

import math

import numpy as np
import xarray as xr

from forecast.errors import ForecastError
from forecast.schema import LEAD, REFERENCE, valid_times
from forecast.verification.alignment import align, common


def block_length(times: int, leads: int) -> int:
    """Return the default length of a block, in steps: max(ceil(times^(1/3)), leads), at most half of the times.

    The cube root is the rate of Hall, Horowitz & Jing (1995), Biometrika 82, 561-574; forecasts for the same lead
    overlap by up to the lead, so that their errors are dependent over so many steps at least.
    """
    return max(1, min(max(math.ceil(times ** (1 / 3)), leads), times // 2))


def paired(
    a: xr.DataArray,
    b: xr.DataArray,
    observed: xr.DataArray,
    *,
    weights: xr.DataArray | None = None,
    block: int | None = None,
    n: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> xr.Dataset:
    """Return the difference of two forecasters' RMSE with its bootstrap interval, by lead, over the same valid times.

    Args:
        a: (forecast_reference_time, lead, *space); cut it with ``within`` so that all leads have the same valid times.
        b: the other forecaster; only cells that both have forecast count.
        observed: (time, *space).
        weights: of space, such as ``schema.area_weights``.
        block: length of a block in valid times; None takes ``block_length``.
        n: number of resamples.
        seed: of the resamples; the same seed gives the same interval.
        level: of the percentile interval.

    Returns:
        Dataset (lead): ``difference`` = RMSE(a) - RMSE(b) in units (negative: a is better), ``lower`` and ``upper``
        ends of the interval, ``better``, the share of resamples in which a has the lower RMSE; attributes block,
        resamples, level.

    Raises:
        ForecastError: fewer than 2 valid times, or a block, n or level out of range.
    """
    same = common({"a": a, "b": b, "observed": align(a, observed).astype("float64", copy=False)})
    first, second, met = same["a"], same["b"], same["observed"]
    squares_a, count = _sums(first, met, weights)
    squares_b, _ = _sums(second, met, weights)
    times, leads = count.shape
    block = block_length(times, leads) if block is None else block
    if not (times >= 2 and 1 <= block <= times and n >= 1 and 0 < level < 1):
        expected = "2 valid times or more, a block within them, n >= 1 and a level in (0, 1)"
        raise ForecastError(expected, f"times {times}, block {block}, n {n}, level {level}", "mend that argument")
    drawn = _draws(times, block, n, np.random.default_rng(seed))
    with np.errstate(invalid="ignore", divide="ignore"):
        mass = drawn @ count
        differences = np.sqrt(drawn @ squares_a / mass) - np.sqrt(drawn @ squares_b / mass)
        whole = np.sqrt(squares_a.sum(0) / count.sum(0)) - np.sqrt(squares_b.sum(0) / count.sum(0))
    low, high = np.quantile(differences, [(1 - level) / 2, (1 + level) / 2], axis=0)
    better = np.where(np.isnan(whole), np.nan, (differences < 0).mean(axis=0))
    values = {"difference": whole, "lower": low, "upper": high, "better": better}
    units = observed.attrs.get("units", "")
    return xr.Dataset(
        {name: (LEAD, value, {"units": "1" if name == "better" else units}) for name, value in values.items()},
        coords={LEAD: first[LEAD]},
        attrs={"block": block, "resamples": n, "level": level, "seed": seed},
    )


def _sums(forecast: xr.DataArray, met: xr.DataArray, weights: xr.DataArray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return sums over space of weighted squared errors and of weights, each (valid time, lead), no empty times."""
    squares = (forecast - met) ** 2
    space = [dim for dim in squares.dims if dim not in (REFERENCE, LEAD)]
    known = squares.notnull()
    weigh = xr.ones_like(known, dtype="float64") if weights is None else known * weights
    sums = [xr.dot(squares.fillna(0), weigh, dim=space), xr.dot(known.astype("float64"), weigh, dim=space)]
    valid = valid_times(squares[REFERENCE].values, squares[LEAD].values)
    times, place = np.unique(valid, return_inverse=True)
    place = place.reshape(valid.shape)
    squared, count = (np.zeros((len(times), len(squares[LEAD]))) for _ in sums)
    for by_time, part in zip((squared, count), sums, strict=True):
        np.put_along_axis(by_time, place, part.transpose(REFERENCE, LEAD).values, axis=0)
    scored = (count > 0).any(axis=1)
    return squared[scored], count[scored]


def _draws(times: int, block: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return how often each time is drawn, shape (n, times): rows of ``times`` draws in circular blocks."""
    starts = rng.integers(times, size=(n, math.ceil(times / block)))
    drawn = (starts[:, :, None] + np.arange(block)).reshape(n, -1)[:, :times] % times
    flat = drawn + times * np.arange(n)[:, None]
    return np.bincount(flat.ravel(), minlength=n * times).reshape(n, times).astype("float64")
