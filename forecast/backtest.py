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
from forecast.schema import REFERENCE, TIME


def references(observed: xr.Dataset, span: tuple[Any, Any], leads: int, origins: int | None = None) -> np.ndarray:
    """Return the reference times from which a span is forecast.

    Args:
        observed: canonical observations on an even axis.
        span: first and last valid time, both included.
        leads: number of leads, in steps.
        origins: None: all that forecast any valid time in the span, so that every lead has the same valid times. A
            number: every so-manieth step, the first the last before the span, with all leads inside the span; a span
            shorter than the leads has the first alone.

    Returns:
        Times on the axis: without ``origins`` from ``leads`` steps before the span's first to one step before its last.

    Raises:
        ForecastError: the span holds no step of the axis, or only the first.
    """
    part = observed.get_index(TIME).slice_indexer(*span)
    axis = observed[TIME].values
    if origins is None:
        at = axis[max(0, part.start - leads) : max(0, part.stop - 1)]
    else:
        first = part.start - 1 if part.start else origins - 1
        at = axis[first : max(first + 1, part.stop - leads) : origins] if first < part.stop - 1 else axis[:0]
    if part.stop <= part.start or not len(at):
        expected = f"a span within {axis[0]} to {axis[-1]}, with a step before its last"
        raise ForecastError(expected, f"{span[0]} to {span[1]}", "mend [split]")
    return at


def backtest(
    forecaster: Forecaster, observed: xr.Dataset, span: tuple[Any, Any], origins: int | None = None
) -> dict[str, xr.DataArray]:
    """Forecast the valid times of a span, each reference as it would have been forecast then.

    Args:
        forecaster: a checkpoint at work.
        observed: canonical observations, with what lies before the span (context and spin-up).
        span: first and last valid time.
        origins: None: every valid time at every lead, from references that reach back before the span; a number: from
            every so-manieth step, all leads inside the span. See ``references``.

    Returns:
        target -> (forecast_reference_time, lead, *space); cut with ``verification.within`` before scoring.

    Raises:
        ForecastError: the observations do not fit the checkpoint, or the span is empty.
    """
    forecaster.checkpoint.check(observed)
    return at_references(forecaster, observed, references(observed, span, len(forecaster.leads), origins))


def at_references(forecaster: Forecaster, observed: xr.Dataset, references: np.ndarray) -> dict[str, xr.DataArray]:
    """Forecast from reference times, near or far from each other, and forget what lies after each.

    Args:
        forecaster: a checkpoint at work.
        observed: canonical observations that fit it.
        references: times on the axis, ascending. A run of neighbours is forecast in one go; what carries a state
            carries it from one to the next, as in daily operation.

    Returns:
        target -> (forecast_reference_time, lead, *space).
    """
    axis = observed.get_index(TIME)
    at = axis.get_indexer(references)
    ahead = len(forecaster.leads) if forecaster.checkpoint.settings.get("known") else 0
    parts, state, begin = [], None, 0
    for run in np.split(at, np.flatnonzero(np.diff(at) > 1) + 1):
        seen = observed.isel({TIME: slice(begin, run[-1] + 1 + ahead)})
        central, after = forecaster.central(seen, axis.values[run], state)
        parts.append(central)
        if forecaster.carries:
            state, begin = after, int(run[-1]) + 1
    if len(parts) == 1:
        return parts[0]
    return {name: xr.concat([part[name] for part in parts], REFERENCE) for name in parts[0]}
