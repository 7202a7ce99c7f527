"""How long series are and how much of them is missing, for a person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from forecast.schema import SERIES, TIME


@dataclass(frozen=True)
class Gaps:
    """Where the values of one variable lie.

    Attributes:
        first: step of the first value of each series, (S,).
        last: step of its last, -1 for a series without any.
        seen: how many values it has.
    """

    first: np.ndarray
    last: np.ndarray
    seen: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """Steps from the first to the last value of each series, 0 for one without any."""
        return np.where(self.last < 0, 0, self.last - self.first + 1)

    @property
    def missing(self) -> float:
        """The share of these steps without a value."""
        return float(1 - self.seen.sum() / max(1, self.lengths.sum()))


def gaps(array: xr.DataArray) -> Gaps:
    """Return where the values of a variable lie.

    Args:
        array: (time, series), NaN where nothing was observed.
    """
    seen = np.isfinite(array.transpose(TIME, SERIES).values)
    ever = seen.any(axis=0)
    last = np.where(ever, len(seen) - 1 - seen[::-1].argmax(axis=0), -1)
    return Gaps(seen.argmax(axis=0), last, seen.sum(axis=0))


def described(data: xr.Dataset) -> str:
    """Say how many series there are, which is the shortest and the longest, and what is missing within them.

    Args:
        data: observations (time, series).
    """
    each = {str(name): gaps(array) for name, array in data.data_vars.items()}
    lengths = np.max([one.lengths for one in each.values()], axis=0)
    ends = [f"{lengths[at]} ({data[SERIES].values[at]})" for at in (lengths.argmin(), lengths.argmax())]
    span = ends[0] if lengths.min() == lengths.max() else " to ".join(ends)
    shares = ", ".join(f"{name} {_percent(one.missing)}" for name, one in each.items())
    return f"{len(lengths)} series of {span} steps; missing between a series' first and last: {shares}"


def _percent(share: float) -> str:
    return "none" if share == 0 else "below 0.1 %" if share < 0.001 else f"{share:.1%}".replace("%", " %")
