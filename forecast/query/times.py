"""Times as people write them, in any calendar: a moment, a day (a date alone), or a span ``first/last``.

A forecast's time stamp labels the start of its interval, so a moment belongs to the step that holds it.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from forecast.errors import ForecastError

Span = tuple[Any, Any]
FORM = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d)(?::?(\d\d))?(?::?(\d\d)(?:\.\d+)?)?)?\s*(Z|[+-]\d\d:?\d\d)?", re.ASCII
)
MOMENT = timedelta(microseconds=1)


def moments(times: np.ndarray) -> list[Any]:
    """Return times, shape (n,), as objects with fields: pandas Timestamps, or cftime in their own calendar."""
    return [pd.Timestamp(time) if isinstance(time, np.datetime64) else time for time in np.asarray(times)]


def text(time: Any) -> str:
    """Write one time (datetime64, Timestamp or cftime) as ISO 8601 in UTC, such as 2009-01-01T00:00:00Z."""
    if isinstance(time, np.datetime64):
        time = pd.Timestamp(time)
    return f"{time.year:04d}-{time.month:02d}-{time.day:02d}T{time.hour:02d}:{time.minute:02d}:{time.second:02d}Z"


def parse(written: str, like: Any) -> Span:
    """Read a moment, a date (the whole day) or ``first/last`` (an end may be open: "..").

    Args:
        written: ISO 8601; without an offset it is UTC.
        like: a time (Timestamp or cftime) whose calendar is meant.

    Returns:
        (first, last), both included, in the calendar of ``like``; None at an open end.

    Raises:
        ForecastError: the text cannot be understood, or ends before it begins.
    """
    first, slash, last = written.strip().partition("/")
    span = (_bound(first, like, 0), _bound(last if slash else first, like, 1))
    if None not in span and span[0] > span[1]:
        raise ForecastError("a span that ends after it begins", repr(written), "exchange its ends")
    return span


def _bound(written: str, like: Any, end: int) -> Any:
    if written in ("", ".."):
        return None
    match = FORM.fullmatch(written)
    remedy = "write a time such as 2009-01-01T12:00Z, a date such as 2009-01-01, or a span first/last"
    if not match:
        raise ForecastError("a time, a date or a span in ISO 8601", repr(written), remedy)
    *fields, offset = match.groups()
    try:
        time = type(like)(*(int(field or 0) for field in fields))
    except ValueError as error:
        raise ForecastError("a time that its calendar has", f"{written!r} ({error})", remedy) from error
    if offset and offset != "Z":
        minutes = int(offset[1:3]) * 60 + int(offset[-2:])
        time = time - timedelta(minutes=minutes if offset[0] == "+" else -minutes)
    if fields[3] is None and end:
        return time + timedelta(days=1) - MOMENT
    return time


def day_after(written: str, like: Any) -> Span:
    """Return the calendar day after the date of ``written`` as (first, last), in the calendar of ``like``."""
    first, last = parse(written[:10], like)
    return first + timedelta(days=1), last + timedelta(days=1)
