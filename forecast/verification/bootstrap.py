"""Is one forecaster better than another, or lucky? A circular block bootstrap over the valid times, in pairs.

Errors of neighbouring days resemble each other, so whole blocks of neighbouring times are drawn with replacement, the
same for both forecasters: Künsch (1989), Annals of Statistics 17, 1217-1241; the circle, which counts every time alike:
Politis & Romano (1992), A circular block-resampling procedure for stationary data. Of a table of many series, which
say little of each other, whole series are drawn.
"""

from __future__ import annotations

import math

import numpy as np
import xarray as xr

from forecast.errors import ForecastError
from forecast.schema import LEAD, REFERENCE, SERIES, valid_times
from forecast.verification.alignment import align, common

ENOUGH = 20  # series; of fewer, blocks of valid times are drawn
AT_ONCE = 50  # resamples


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


def paired_series(
    a: xr.DataArray,
    b: xr.DataArray,
    observed: xr.DataArray,
    *,
    scale: xr.DataArray,
    n: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> xr.Dataset:
    """Return the difference of two forecasters' MASE with its bootstrap interval, over all leads and by lead.

    Series are drawn with replacement, the same for both; of tables of fewer than 20, circular blocks of valid times.

    Args:
        a: (forecast_reference_time, lead, series); cut it with ``within`` first.
        b: the other forecaster; only pairs that both have forecast count.
        observed: (time, series).
        scale: (series) from ``panel.scale``; series without one are left out.
        n: number of resamples.
        seed: of the resamples; the same seed gives the same interval.
        level: of the percentile interval.

    Returns:
        Dataset: ``difference`` = MASE(a) - MASE(b) (negative: a is better), ``lower`` and ``upper`` ends of its
        interval and ``better``, the share of resamples in which a has the lower MASE, by lead; the same over all leads
        as ``whole_difference`` and so on; attributes ``drawn`` ("series" or "valid times"), block (1 for series),
        resamples, level, seed. NaN where fewer than two series or times could be drawn.

    Raises:
        ForecastError: no pair that counts, or n or level out of range.
    """
    same = common({"a": a, "b": b, "observed": align(a, observed).astype("float64", copy=False)})
    first, second, met = (same[name].transpose(REFERENCE, LEAD, SERIES) for name in ("a", "b", "observed"))
    gain = (abs(first - met) - abs(second - met)).values / scale.reindex({SERIES: met[SERIES]}).values
    known = ~np.isnan(gain)
    if not (known.any() and n >= 1 and 0 < level < 1):
        expected = "a pair that both have forecast, n >= 1 and a level in (0, 1)"
        raise ForecastError(expected, f"{known.sum()} pairs, n {n}, level {level}", "mend that argument")
    rng, many = np.random.default_rng(seed), int(known.any(axis=(0, 1)).sum()) >= ENOUGH
    whole, drawn, block = _over_series(gain, n, rng) if many else _over_times(gain, met, n, rng)
    blank = np.isnan(drawn).all(axis=0)
    bounds = np.nanquantile(np.where(blank, 0.0, drawn), [(1 - level) / 2, (1 + level) / 2], axis=0)
    better = _ratio((drawn < 0).sum(axis=0), (~np.isnan(drawn)).sum(axis=0))
    values = {"difference": whole, "better": better}
    values |= {name: np.where(blank, np.nan, end) for name, end in zip(("lower", "upper"), bounds, strict=True)}
    by_lead = {name: xr.Variable(LEAD, value[:-1], {"units": "1"}) for name, value in values.items()}
    over_all = {f"whole_{name}": xr.Variable((), value[-1], {"units": "1"}) for name, value in values.items()}
    attrs = {"drawn": "series" if many else "valid times", "block": block, "resamples": n, "level": level, "seed": seed}
    return xr.Dataset(by_lead | over_all, coords={LEAD: met[LEAD]}, attrs=attrs)


def _over_series(gain: np.ndarray, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the mean over series of each one's mean, by lead and last over all, whole and of resampled series."""
    known = ~np.isnan(gain)
    total, count = np.where(known, gain, 0.0).sum(axis=0), known.sum(axis=0)
    total, count = (np.vstack([part, part.sum(axis=0)]).T for part in (total, count))  # (series, lead + 1)
    there = count[:, -1] > 0
    means, counted = total[there] / np.maximum(count[there], 1), (count[there] > 0).astype("float64")
    drawn = []
    for start in range(0, n, AT_ONCE):
        times = _draws(len(means), 1, min(AT_ONCE, n - start), rng)
        drawn.append(_ratio(times @ means, times @ counted))
    return _ratio(means.sum(axis=0), counted.sum(axis=0)), np.concatenate(drawn), 1


def _over_times(
    gain: np.ndarray, met: xr.DataArray, n: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the same of resampled blocks of valid times; a lead of one time alone has no spread."""
    valid = valid_times(met[REFERENCE].values, met[LEAD].values)
    times, place = np.unique(valid, return_inverse=True)
    place = np.broadcast_to(place.reshape(valid.shape)[:, :, None], gain.shape)
    known = ~np.isnan(gain)
    total, count = (np.zeros((len(times), *gain.shape[1:])) for _ in range(2))
    np.put_along_axis(total, place, np.where(known, gain, 0.0), axis=0)
    np.put_along_axis(count, place, known.astype("float64"), axis=0)
    scored = count.any(axis=(1, 2))
    total, count = total[scored], count[scored]
    block = block_length(len(total), gain.shape[1])

    def means(weigh: np.ndarray) -> np.ndarray:  # (resample, time) -> (resample, lead + 1)
        sums = (np.tensordot(weigh, part, axes=1) for part in (total, count))
        each = _ratio(*(np.concatenate([part, part.sum(axis=1, keepdims=True)], axis=1) for part in sums))
        there = ~np.isnan(each)
        return _ratio(np.where(there, each, 0.0).sum(axis=2), there.sum(axis=2))

    starts = range(0, n, AT_ONCE)
    drawn = np.concatenate([means(_draws(len(total), block, min(AT_ONCE, n - start), rng)) for start in starts])
    alone = np.append((count.any(axis=2).sum(axis=0) < 2), len(total) < 2)
    return means(np.ones((1, len(total))))[0], np.where(alone, np.nan, drawn), block


def _ratio(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    return np.divide(total, count, out=np.full(np.shape(total), np.nan), where=np.asarray(count) > 0)


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
