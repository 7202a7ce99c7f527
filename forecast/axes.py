"""Axes of time whose steps have names: months, quarters, years, and steps that are only numbered.

Every axis is even. Months, quarters and years are, in CF's calendar ``360_day`` of twelve equal months: 2001-02-01
stays 2001-02-01, and a step is 30, 90 or 360 days. Series without dates count their steps: step n stands as 1970-01-01
and n days. The Dataset's attribute ``axis`` says which; axes without it are of dates and times.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

AXIS = "axis"
PERIODS = {"month": 30, "quarter": 90, "year": 360, "integer": 1}  # days of a step, by the attribute
EPOCH = np.datetime64("1970-01-01", "ns")
DAY = np.timedelta64(1, "D")


def integer_times(numbers: np.ndarray) -> np.ndarray:
    """Return the times that stand for numbered steps, datetime64[ns], same shape."""
    return np.asarray(EPOCH + np.asarray(numbers, "int64") * DAY)


def label(time: Any, axis: str = "") -> str:
    """Return a time as a person reads it: the step's own name, or date and time to the minute.

    Args:
        time: datetime64, Timestamp or cftime.
        axis: the attribute ``axis`` of its Dataset, "" for none.

    >>> label(np.datetime64("1970-01-18"), "integer"), label(np.datetime64("2001-05-01T06:00"))
    ('step 17', '2001-05-01T06:00')
    """
    if axis == "integer":
        return f"step {int((np.datetime64(time, 'ns') - EPOCH) // DAY)}"
    if axis in PERIODS:
        within = {"month": f"-{time.month:02d}", "quarter": f"-Q{(time.month + 2) // 3}"}
        return f"{time.year:04d}{within.get(axis, '')}"
    return str(time)[:16].replace(" ", "T")


def label_lead(lead: Any, axis: str = "") -> str:
    """Return a lead as a person reads it: in steps, where they have a name.

    Args:
        lead: timedelta64 or Timedelta.
        axis: the attribute ``axis`` of its Dataset, "" for none.

    >>> label_lead(np.timedelta64(90, "D"), "month"), label_lead(np.timedelta64(36, "h"))
    ('3 months', '1 days 12:00:00')
    """
    if axis not in PERIODS:
        return str(pd.Timedelta(lead))
    count = round(pd.Timedelta(lead) / pd.Timedelta(days=PERIODS[axis]))
    return f"{count} {'step' if axis == 'integer' else axis}{'s' * (count != 1)}"
