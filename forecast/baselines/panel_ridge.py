"""Linear forecast of tables of many series: one ridge regression on lags for all of them, direct for every lead.

    z(t + l) - c(t) = sum_k B_l(k) (z(t - k) - c(t)) + B_l(0)

with z the scaled series (scaling/series.py) and c(t) the mean of its newest season, so that a series counts by its
shape and not by its level (Montero-Manso and Hyndman 2021, International Journal of Forecasting 37, 1632-1653: sharing;
Ben Taieb et al. 2012, Expert Systems with Applications 39, 7067-7083: direct forecasts). The newest lags reach over two
seasons and the leads, but no further than half of the series' median length; how many are used, and the penalty, is
chosen for each lead on the validation span. What lies before a series' first value stands as c(t), a gap as
the value before it.

Letters of shapes: T time, S series, F features (the lags, newest first, then 1).
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from forecast import blocks, schema
from forecast.baselines import ridge
from forecast.baselines.base import last_observed
from forecast.scaling import BaseScaling, SeriesScaling, restore

NAME = "values"
KNOWN = "known_series"  # what the scaling knows; other series may be forecast
EFFORT = 4e9  # multiplications for the sums of squares: beyond this a sample of the series is enough


def fit(train: xr.DataArray, joined: xr.DataArray, choose: tuple[int, int], leads: int) -> xr.Dataset:
    """Learn scaling and regression from the training span.

    Args:
        train: target (time, series).
        joined: the axis that begins with ``train`` and holds the steps that choose.
        choose: first step of ``joined`` that chooses, and one past the last.
        leads: number of leads.

    Returns:
        ``weight`` (forecast_lead, feature), ``memory`` (lag), the steps back that are read, and the scaling.
    """
    season, count = schema.season_of_data(train), train.sizes[schema.TIME]
    scaling = SeriesScaling.fit(train.to_dataset(name=NAME), [NAME])
    most = max(2, int(np.median(_lengths(train))) // 2)
    lags = sorted({min(most, wanted) for wanted in (2, season + 1, 2 * season, max(2 * season, leads))})
    window = min(season, most)
    effort = joined.sizes[schema.TIME] * (lags[-1] + 1) * (lags[-1] + 1 + leads)
    size = int(np.clip(EFFORT // effort, 1, train.sizes[schema.SERIES]))
    sample = np.unique(np.linspace(0, train.sizes[schema.SERIES] - 1, size).astype(int))
    start, stop = choose
    learn, judge, whole = [], [], []
    parts = -(-len(sample) * joined.sizes[schema.TIME] * (lags[-1] + 1) * 8 // blocks.BYTES)
    for part in np.array_split(sample, min(len(sample), parts)):
        z_TS = _scaled(scaling, joined.isel({schema.SERIES: part}))
        learn.append(_sums(z_TS, lags[-1], window, leads, (0, min(start, count))))
        judge.append(_sums(z_TS, lags[-1], window, leads, (start, stop)))
        whole.append(learn[-1] if start >= count else _sums(z_TS, lags[-1], window, leads, (0, count)))
    columns = [np.append(np.arange(used), lags[-1]) for used in lags]
    weight, _, _ = ridge.choose(_added(learn), _added(judge), _added(whole), columns)
    found = scaling.to_dataset().rename({schema.SERIES: KNOWN})
    return found.assign(
        weight=(("forecast_lead", "feature"), weight[..., 0]), memory=("lag", np.arange(lags[-1]))
    ).assign_attrs(season=season, window=window)


def forecast(fitted: xr.Dataset, observed: xr.DataArray, at: np.ndarray) -> np.ndarray:
    """Forecast each series from its newest values.

    Args:
        fitted: what ``fit`` returned.
        observed: target (time, series).
        at: positions of the references.

    Returns:
        Values (reference, lead, series).
    """
    weight, lags, window = fitted["weight"].values, fitted.sizes["lag"], int(fitted.attrs["window"])
    scaling = restore(fitted.drop_vars(["weight", "memory"]).rename({KNOWN: schema.SERIES}))
    found = np.empty((len(at), len(weight), observed.sizes[schema.SERIES]), observed.dtype)
    each = 8 * max(observed.sizes[schema.TIME], len(at) * (lags + len(weight)))
    size = max(1, blocks.BYTES // each)
    for start in range(0, found.shape[2], size):
        part = slice(start, start + size)
        here = observed.isel({schema.SERIES: part})
        x_RSF, level_RS = _features(_scaled(scaling, here), lags, window, at)
        ahead = np.einsum("rsf,lf->rls", x_RSF, weight, optimize=True) + level_RS[:, None]
        dims = (schema.REFERENCE, schema.LEAD, schema.SERIES)
        labelled = xr.DataArray(ahead, {schema.SERIES: here[schema.SERIES]}, dims)
        found[..., part] = scaling.undo(labelled, NAME).values
    return found


def _scaled(scaling: BaseScaling, data: xr.DataArray) -> np.ndarray:
    return scaling.apply(data.to_dataset(name=NAME))[NAME].values.astype("float64")


def _lengths(data: xr.DataArray) -> np.ndarray:
    """Return how many steps each series has from its first value on, of those that have one."""
    found = [0]
    size = max(1, blocks.BYTES // (8 * data.sizes[schema.TIME]))
    for start in range(0, data.sizes[schema.SERIES], size):
        seen = np.isfinite(data.isel({schema.SERIES: slice(start, start + size)}).values)
        found += (len(seen) - np.argmax(seen, axis=0))[seen.any(axis=0)].tolist()
    return np.array(found[1:] or found)


def _features(z_TS: np.ndarray, lags: int, window: int, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return features (reference, S, F) and level c (reference, S), NaN where nothing recent was observed."""
    filled = last_observed(z_TS)[0]
    back = at[:, None] - np.arange(max(lags, window))
    past = np.where((back >= 0)[..., None], filled[np.maximum(back, 0)], np.nan)
    newest = past[:, :window]
    seen = np.isfinite(newest)
    count = seen.sum(axis=1)
    level = np.where(seen, newest, 0.0).sum(axis=1) / np.maximum(count, 1)
    x_RSF = np.nan_to_num(past[:, :lags] - level[:, None]).swapaxes(1, 2)
    return np.concatenate([x_RSF, np.ones((*level.shape, 1))], axis=2), np.where(np.isfinite(past[:, 0]), level, np.nan)


def _sums(z_TS: np.ndarray, lags: int, window: int, leads: int, span: tuple[int, int]) -> ridge.Sums:
    """Return the sums over the references whose targets lie in the span (the reference may be the step before)."""
    start, stop = span
    at = np.arange(max(start - 1, 0), stop - 1)
    x_RSF, level_RS = _features(z_TS, lags, window, at)
    seen = np.isfinite(z_TS)
    known = seen[at] & (seen.cumsum(axis=0)[at] >= min(lags, max(1, start)))
    cross, power, pairs = [], [], []
    for lead in range(1, leads + 1):
        inside = at[(at + lead >= start) & (at + lead < stop)] - at[:1].sum()
        target = z_TS[at[inside] + lead] - level_RS[inside]
        paired = known[inside] & np.isfinite(target)
        y = target[paired]
        cross.append((x_RSF[inside][paired].T @ y)[:, None])
        power.append([(y**2).sum()])
        pairs.append(len(y))
    x = x_RSF[known]
    return ridge.Sums(x.T @ x, np.stack(cross), np.array(power), len(x), np.array(pairs))


def _added(parts: list[ridge.Sums]) -> ridge.Sums:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
