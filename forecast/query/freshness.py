"""How old a forecast is, in one sentence, and whether it is older than it should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median

import pandas as pd

RECENT = 10  # issues that tell the cadence
PATIENCE = 1.5  # cadences after which a missing issue is late, not merely due
UNITS = (
    (timedelta(days=730), 365.25 * 86400, "years"),
    (timedelta(days=2), 86400, "days"),
    (timedelta(hours=2), 3600, "hours"),
)


@dataclass(frozen=True)
class Freshness:
    """Age of a forecast at a given moment.

    Attributes:
        sentence: what a person reads.
        stale: a newer issue should have come, or every lead lies in the past.
        age: seconds since the issue; None where the issue's calendar is not ours.
    """

    sentence: str
    stale: bool
    age: float | None


def cadence(issue_times: Sequence[datetime], step: timedelta) -> timedelta:
    """Return the usual time between issues: the median of the last ten gaps.

    Two issues or fewer tell nothing yet: a day is taken, or the step of the data where that is longer.
    """
    times = sorted(set(issue_times))[-RECENT - 1 :]
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    return timedelta(seconds=median(gaps)) if len(gaps) >= 2 else max(step, timedelta(days=1))


def moment(written: str) -> datetime | None:
    """Read an issue time; None where our calendar has no such day (30 February)."""
    try:
        time = pd.Timestamp(written)
    except ValueError:
        return None
    return (time.tz_localize("UTC") if time.tzinfo is None else time.tz_convert("UTC")).to_pydatetime()


def freshness(issue_time: str, end: str, now: datetime, usual: timedelta) -> Freshness:
    """Say when a forecast was issued, how long ago, and whether that is too long.

    Args:
        issue_time: ISO 8601.
        end: end of the last lead's interval, ISO 8601.
        now: the present, with a time zone or in UTC.
        usual: time between issues, from ``cadence``.
    """
    issued, last = moment(issue_time), moment(end)
    now = now if now.tzinfo else now.replace(tzinfo=UTC)
    stamp = f"Issued {issue_time[:16].replace('T', ' ')} UTC"
    if issued is None or last is None:
        return Freshness(f"{stamp}, in a calendar of its own", False, None)
    age = now - issued
    parts = [f"{stamp}, {_span(age)}"]
    if last <= now:
        parts.append("every lead lies in the past")
    elif age > PATIENCE * usual:
        parts.append(f"a new one was due after {_length(usual)}")
    return Freshness("; ".join(parts), len(parts) > 1, age.total_seconds())


def _span(age: timedelta) -> str:
    return f"{_length(age)} ago" if age >= timedelta(0) else f"{_length(-age)} ahead of the clock"


def _length(span: timedelta) -> str:
    for least, seconds, name in UNITS:
        if span >= least:
            return f"{span.total_seconds() / seconds:.0f} {name}"
    minutes = round(span.total_seconds() / 60)
    return f"{minutes} minute" + ("" if minutes == 1 else "s")
