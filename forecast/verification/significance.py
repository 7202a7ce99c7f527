"""Do two forecasters differ, or is it chance? Diebold & Mariano's test, over all cells or in each; false discoveries.

The difference of squared errors is a series in time that resembles itself: its mean's variance is estimated with
autocovariances (HAC), by Bartlett's weights, which never make it negative (Newey & West 1987, Econometrica 55,
703-708).
``scores.stats.statistical_tests`` has the uniform weights and an exponential model, series by series; ours are the same
numbers with ``kernel="uniform"``, all cells at once.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import xarray as xr
from scipy import stats
from scores.processing import aggregate

from forecast.errors import ForecastError
from forecast.schema import LEAD, REFERENCE
from forecast.verification.alignment import align, common
from forecast.verification.point import Over, dims

Kernel = Literal["bartlett", "uniform"]


def diebold_mariano(
    a: xr.DataArray,
    b: xr.DataArray,
    observed: xr.DataArray,
    *,
    over: Over,
    weights: xr.DataArray | None = None,
    kernel: Kernel = "bartlett",
    bandwidth: int | None = None,
) -> xr.Dataset:
    """Test whether two forecasters have the same mean squared error, lead by lead.

    Args:
        a: (forecast_reference_time, lead, *space); cut it with ``within`` so that all leads have the same valid times.
        b: the other forecaster; only cells that both have forecast count.
        observed: (time, *space).
        over: dimensions of space averaged over at each time before the test; () tests each cell.
        weights: of space, such as ``schema.area_weights``.
        kernel: weights of the autocovariances: "bartlett", 1 - k / (bandwidth + 1), or "uniform", 1, which may leave
            no variance (NaN).
        bandwidth: lags that count; None takes max(ceil(n^(1/3)), 2 (h - 1)) for Bartlett, and h - 1 for uniform
            weights, as errors at a lead of h steps are dependent over h - 1 at least.

    Returns:
        Dataset (lead, *space not averaged): ``difference`` = MSE(a) - MSE(b) in squared units (negative: a is better),
        ``statistic``, ``p`` (two-sided, Student's t with n - 1 degrees of freedom), ``times`` (n). NaN where there are
        too few times or no difference at all. Missing times count nothing, neighbours keep their distance.

    Raises:
        ForecastError: a bandwidth under 0, or fewer than 2 reference times.

    Source: Diebold & Mariano (1995), J. Bus. Econ. Stat. 13, 253-263; the correction for short series: Harvey,
    Leybourne & Newbold (1997), Int. J. Forecasting 13, 281-291, eqs. 5 and 9; missing times: Datta & Du (2012),
    Nonparametric HAC estimation for time series data with missing observations, Federal Reserve, IFDP 1060.
    """
    same = common({"a": a, "b": b, "observed": align(a, observed).astype("float64", copy=False)})
    ours, theirs = ((same[name] - same["observed"]) ** 2 for name in ("a", "b"))
    series = aggregate(ours - theirs, reduce_dims=dims(over), weights=weights).transpose(REFERENCE, LEAD, ...)
    if series.sizes[REFERENCE] < 2 or (bandwidth is not None and bandwidth < 0):
        got = f"{series.sizes[REFERENCE]} times, bandwidth {bandwidth}"
        raise ForecastError("2 reference times or more, and a bandwidth of 0 or more", got, "mend that argument")
    found = [
        _test(series.isel({LEAD: at}).values, steps, kernel, bandwidth)
        for at, steps in enumerate(_steps(series[REFERENCE].values, series[LEAD].values))
    ]
    shape = (LEAD, *series.dims[2:])
    units = f"({observed.attrs.get('units', '')})2"
    values = {name: (shape, np.stack([one[name] for one in found])) for name in found[0]}
    coords = {name: array for name, array in series.coords.items() if REFERENCE not in array.dims}
    result = xr.Dataset(values, coords, {"kernel": kernel})
    result["difference"].attrs["units"] = units
    return result


def discoveries(p: xr.DataArray, *, level: float = 0.05) -> xr.DataArray:
    """Return where a test of many cells found something, with false discoveries held at ``2 level`` of all found.

    Neighbouring cells resemble each other: the share controlled is twice the level wanted of one test.

    Args:
        p: p-values (lead, *space), NaN where nothing was tested.
        level: of one test.

    Returns:
        True where the difference counts, the shape of ``p``.

    Raises:
        ForecastError: a level outside (0, 0.5).

    Source: Wilks (2016), "The stippling shows statistically significant grid points", Bull. Amer. Meteor. Soc. 97,
    2263-2273; Benjamini & Hochberg (1995), J. Roy. Stat. Soc. B 57, 289-300.
    """
    if not 0 < level < 0.5:
        raise ForecastError("a level in (0, 0.5)", str(level), "take 0.05")
    ordered = p.transpose(LEAD, ...)
    found = np.zeros(ordered.shape, dtype=bool)
    for at, values in enumerate(ordered.values):
        tested = np.isfinite(values)
        if tested.any():
            found[at][tested] = stats.false_discovery_control(values[tested], method="bh") <= 2 * level
    return ordered.copy(data=found).assign_attrs(level=level, false_discovery_rate=2 * level)


def _test(series: np.ndarray, steps: int, kernel: Kernel, bandwidth: int | None) -> dict[str, np.ndarray]:
    """Test series (time, ...) of differences at a lead of so many steps."""
    known = np.isfinite(series)
    n = known.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, series, 0.0).sum(axis=0) / n
        about = np.where(known, series - mean, 0.0)
        usual = steps - 1 if kernel == "uniform" else max(math.ceil(int(n.max()) ** (1 / 3)), 2 * (steps - 1))
        lags = min(usual if bandwidth is None else bandwidth, len(series) - 1)
        variance = (about**2).sum(axis=0) / n
        for lag in range(1, lags + 1):
            share = 1 - lag / (lags + 1) if kernel == "bartlett" else 1.0
            variance = variance + 2 * share * (about[lag:] * about[:-lag]).sum(axis=0) / n
        short = (n + 1 - 2 * steps + steps * (steps - 1) / n) / n
        sound = (n > steps) & (n > 1) & (variance > 0)
        statistic = np.where(sound, mean * np.sqrt(short / (variance / n)), np.nan)
        p = 2 * stats.t.sf(np.abs(statistic), np.maximum(n - 1, 1))
    return {"difference": mean, "statistic": statistic, "p": np.where(sound, p, np.nan), "times": n}


def _steps(references: np.ndarray, leads: np.ndarray) -> list[int]:
    """Return each lead in steps of the reference times, rounded up."""
    every = np.diff(references).min()
    return [max(1, math.ceil(lead / np.timedelta64(every, "ns"))) for lead in leads.astype("timedelta64[ns]")]
