"""Predict at many past issue times; what comes back is scored elsewhere, nothing is stored, nothing is promoted.

The forecasts are those of `predict`: a recurrent model carries its state through the references one after another,
as it does in daily operation, and a baseline sees nothing after each reference.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from forecast.errors import ForecastError
from forecast.predict import Forecaster
from forecast.schema import TIME


def references(observed: xr.Dataset, span: tuple[Any, Any], leads: int) -> np.ndarray:
    """Return the reference times that forecast any valid time in a span, so that every lead has the same valid times.

    Args:
        observed: canonical observations on an even axis.
        span: first and last valid time, both included.
        leads: number of leads, in steps.

    Returns:
        Times on the axis, from ``leads`` steps before the span's first to one step before its last.

    Raises:
        ForecastError: the span holds no step of the axis, or only the first.
    """
    part = observed.get_index(TIME).slice_indexer(*span)
    axis = observed[TIME].values
    at = axis[max(0, part.start - leads) : max(0, part.stop - 1)]
    if part.stop <= part.start or not len(at):
        expected = f"a span within {axis[0]} to {axis[-1]}, with a step before its last"
        raise ForecastError(expected, f"{span[0]} to {span[1]}", "mend [split]")
    return at


def backtest(forecaster: Forecaster, observed: xr.Dataset, span: tuple[Any, Any]) -> dict[str, xr.DataArray]:
    """Forecast every valid time of a span at every lead, from references that reach back before it.

    Args:
        forecaster: a checkpoint at work.
        observed: canonical observations, with what lies before the span (context and spin-up).
        span: first and last valid time.

    Returns:
        target -> (forecast_reference_time, lead, *space); cut with ``verification.within`` before scoring.

    Raises:
        ForecastError: the observations do not fit the checkpoint, or the span is empty.
    """
    forecaster.checkpoint.check(observed)
    at = references(observed, span, len(forecaster.leads))
    central, _ = forecaster.central(observed.sel({TIME: slice(None, at[-1])}), at)
    return central
