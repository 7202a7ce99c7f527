"""Linear forecast of series: ridge regression on lags of the anomaly and terms of the season.

Features of one series at one step: its newest anomalies (in units of their spread); cosine and sine of the year (where
there is a year to learn from) and of the day (where the step is finer); and these times the newest anomaly, so that
memory may change with the season. For each lead the number of lags, the use of the season, the penalty, and whether all
series share one regression or each has its own, are those that do best on the validation span (direct forecasts: Ben
Taieb et al. 2012, Expert Systems with Applications 39, 7067-7083; sharing: Montero-Manso and Hyndman 2021,
International Journal of Forecasting 37, 1632-1653).
"""

from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np
import pandas as pd
import xarray as xr

from forecast import climatology, schema
from forecast.baselines import ridge
from forecast.baselines.base import lagged, last_observed

# Lags for data of a day or coarser; finer data take 3 steps and 1, 2 and 7 seasons (days), up to MAX_LAGS.
LAGS = (3, 7, 14, 28)
SEASONS = (1, 2, 7)
MAX_LAGS = 336
# Beyond this many series a regression for each is not tried: sharing wins where there are many, and costs less.
MAX_OWN = 100


def fit(train: xr.DataArray, joined: xr.DataArray, choose: tuple[int, int], leads: int) -> xr.Dataset:
    """Learn climatology, spread and regression from the training span.

    Args:
        train: target (time, series).
        joined: the axis that begins with ``train`` and holds the steps that choose.
        choose: first step of ``joined`` that chooses, and one past the last.
        leads: number of leads.

    Returns:
        The climatology with ``spread`` (series), ``weight`` (forecast_lead, series, feature), ``memory`` (lag), the
        steps back that are read, and ``shared`` (forecast_lead), 1 where all series have one regression.
    """
    usual = climatology.fit(train)
    count, step = train.sizes[schema.TIME], schema.time_step(train)
    spread = usual["spread"].values
    lags = _lag_choices(step, count)
    term_TQ = _terms(joined[schema.TIME], step, yearly=step * count >= pd.Timedelta("365D"))
    z_TS = (joined.values - climatology.at(usual, joined[schema.TIME].values).values) / spread
    start, stop = choose
    learn, judge, whole = [], [], []
    for z in z_TS.T:
        x, y, known = _features(z, term_TQ, max(lags)), np.nan_to_num(z, nan=0.0)[:, None], np.isfinite(z)
        learn.append(ridge.sums(x, y, known, leads, 0, min(start, count)))
        judge.append(ridge.sums(x, y, known, leads, start, stop))
        whole.append(learn[-1] if start >= count else ridge.sums(x, y, known, leads, 0, count))
    season = max(lags) + np.arange(2 * term_TQ.shape[1])
    columns = [np.concatenate([np.arange(p), more]) for p in lags for more in (season[:0], season)]
    weight, shared = _regress(learn, judge, whole, columns)
    return usual.assign(
        spread=(schema.SERIES, spread),
        weight=(("forecast_lead", schema.SERIES, "feature"), weight),
        memory=("lag", np.arange(max(lags))),
        shared=("forecast_lead", shared.astype("int64")),
    )


def forecast(fitted: xr.Dataset, observed: xr.DataArray, usual: np.ndarray, ahead: np.ndarray) -> np.ndarray:
    """Forecast anomalies and add the climatology.

    Args:
        fitted: what ``fit`` returned.
        observed: target (time, series).
        usual: climatology (time + leads, series) over the observed steps and the leads after them.
        ahead: positions (reference, lead) on that axis; a reference is the step before its first.

    Returns:
        Values (reference, lead, series).
    """
    spread, weight, lags = fitted["spread"].values, fitted["weight"].values, fitted.sizes["lag"]
    terms = weight.shape[2] - lags
    z_TS = (observed.values - usual[: observed.sizes[schema.TIME]]) / spread
    step = pd.Timedelta(fitted.attrs["step"])
    daily = 2 if step < pd.Timedelta("1D") else 0
    term_TQ = _terms(observed[schema.TIME], step, yearly=terms // 2 > daily)
    reference = ahead[:, 0] - 1
    departure = np.stack(
        [_features(z, term_TQ, lags)[reference] @ own.T for z, own in zip(z_TS.T, weight.swapaxes(0, 1), strict=True)],
        axis=2,
    )
    return usual[ahead] + departure * spread


def _lag_choices(step: pd.Timedelta, count: int) -> list[int]:
    """Return the numbers of lags to try: no more than a quarter of the training steps."""
    season = schema.season_steps(step)
    wanted = LAGS if step >= pd.Timedelta("1D") else (LAGS[0], *(season * days for days in SEASONS))
    most = max(1, min(MAX_LAGS, count // 4))
    return sorted({min(lags, most) for lags in wanted})


def _terms(time: xr.DataArray, step: pd.Timedelta, *, yearly: bool) -> np.ndarray:
    """Return cosine and sine of the year and of the day, shape (time, 0, 2 or 4)."""
    cycles = [schema.day_of_year(time).values] if yearly else []
    if step < pd.Timedelta("1D"):
        cycles.append((time.dt.hour.values + time.dt.minute.values / 60) / 24)
    waves = [wave(2 * np.pi * cycle) for cycle in cycles for wave in (np.cos, np.sin)]
    return np.stack(waves, axis=1) if waves else np.zeros((time.size, 0))


def _features(z_T: np.ndarray, term_TQ: np.ndarray, lags: int) -> np.ndarray:
    """Return (time, lags + 2 Q): anomalies from the newest back, terms of the season, terms times the newest."""
    filled = np.nan_to_num(last_observed(z_T)[0], nan=0.0)[:, None]
    return np.concatenate([lagged(filled, lags), term_TQ, term_TQ * filled], axis=1)


def _regress(
    learn: list[ridge.Sums], judge: list[ridge.Sums], whole: list[ridge.Sums], columns: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return weights (lead, series, feature), and for each lead whether the series share them."""
    together, loss, _ = ridge.choose(reduce(add, learn), reduce(add, judge), reduce(add, whole), columns)
    weight = np.repeat(together[:, None, :, 0], len(learn), axis=1)
    if not 1 < len(learn) <= MAX_OWN:
        return weight, np.ones(len(weight), dtype=bool)
    each = [ridge.choose(*parts, columns) for parts in zip(learn, judge, whole, strict=True)]
    pairs = np.stack([part.pairs for part in judge])
    own_loss = np.nansum([pair * own for pair, (_, own, _) in zip(pairs, each, strict=True)], axis=0)
    shared = ~(own_loss < loss * pairs.sum(axis=0))
    own = np.stack([part[..., 0] for part, _, _ in each], axis=1)
    return np.where(shared[:, None, None], weight, own), shared
