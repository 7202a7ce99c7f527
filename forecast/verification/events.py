"""Events: a value at or above a threshold, or below one. Forecast yes or no, or with a probability.

What members say: the share of them in which the event happens. Probabilities are sorted into bins for reliability.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scores.categorical import BasicContingencyManager
from scores.probability import brier_score

from forecast.errors import ForecastError
from forecast.schema import MEMBER
from forecast.verification.point import Over, dims, truth

THRESHOLD, BIN = "threshold", "bin"
BINS = 10
BELOW = re.compile(r"\s*<\s*([-+0-9.eE]+)\s*")


@dataclass(frozen=True)
class Event:
    """An event of one variable.

    Attributes:
        limit: the threshold, in the unit of the data.
        below: whether the event is a value below it; else a value at or above it.
    """

    limit: float
    below: bool = False

    def of(self, data: xr.DataArray) -> xr.DataArray:
        """Return where it happens; a missing value is never it."""
        return data < self.limit if self.below else data >= self.limit

    def __str__(self) -> str:
        return f"{'<' if self.below else '>='} {self.limit:g}"


def event(text: str | float) -> Event:
    """Return the event of a number (at or above it) or of text such as ``"< 98000"`` (below it).

    Raises:
        ForecastError: neither.
    """
    found = BELOW.fullmatch(text) if isinstance(text, str) else None
    try:
        return Event(float(found.group(1)) if found else float(text), found is not None)
    except ValueError as error:
        expected = "a threshold as a number (the event is a value at or above it) or as text such as '< 98000'"
        raise ForecastError(expected, repr(text), "mend [verification] thresholds") from error


def named(thresholds: Iterable[str | float]) -> dict[str, Event]:
    """Return events by what they are called: ">= 100000", "< 98000"."""
    return {str(one): one for one in map(event, thresholds)}


def probability(members: xr.DataArray, event: Event) -> xr.DataArray:
    """Return the share of members in which an event happens, NaN where a member is missing.

    Args:
        members: (forecast_reference_time, lead, member, *space).
        event: what may happen.
    """
    return event.of(members).mean(MEMBER).where(members.notnull().all(MEMBER))


def brier(
    forecast: xr.DataArray, observed: xr.DataArray, event: Event, *, over: Over, weights: xr.DataArray | None = None
) -> xr.DataArray:
    """Brier score: mean of (probability - whether it happened)²; 0 is best.

    Args:
        forecast: probabilities of the event, (forecast_reference_time, lead, *space).
        observed: (time, *space), or aligned: values, not events.
        event: what was forecast.
        over: dimensions averaged over.
        weights: of space.

    Source: Brier (1950), Mon. Wea. Rev. 78, 1-3; ``scores.probability.brier_score``.
    """
    met = truth(forecast, observed)
    was = event.of(met).astype("float64").where(met.notnull())
    if not dims(over):
        return brier_score(forecast, was, preserve_dims="all", check_args=False)
    return brier_score(forecast, was, reduce_dims=dims(over), weights=weights, check_args=False)


def bins(chance: np.ndarray) -> np.ndarray:
    """Return the bin of each probability: [0, 0.1), [0.1, 0.2), ... [0.9, 1]."""
    return np.minimum(np.floor(chance * BINS + 1e-9), BINS - 1).astype(int)


def contingency(
    hits: xr.DataArray, misses: xr.DataArray, false_alarms: xr.DataArray, rejections: xr.DataArray
) -> xr.Dataset:
    """Return POD, FAR, CSI and the frequency bias of a table of (area-weighted) counts; NaN where nothing counts.

    Args:
        hits: forecast and happened.
        misses: happened, not forecast.
        false_alarms: forecast, did not happen.
        rejections: neither.

    Source: Wilks (2019), chapter on forecast verification; ``scores.categorical``.
    """
    table = BasicContingencyManager(
        {"tp_count": hits, "fn_count": misses, "fp_count": false_alarms, "tn_count": rejections}
    )
    return xr.Dataset(
        {
            "pod": table.probability_of_detection(),
            "far": table.false_alarm_ratio(),
            "csi": table.critical_success_index(),
            "frequency_bias": table.frequency_bias(),
        }
    )
