"""How often a table is measured: stated or detected, and the even axis that its stamps lie on.

A stamp is the start of its interval, at any place within its month, quarter or year: 2001-03-01, 2001-03-31 and 2001Q1
are all read. Business days lie on an axis of days whose weekends are empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast import axes
from forecast.errors import ForecastError
from forecast.schema import duration
from forecast.sources.axis import whole_steps

DAY = pd.Timedelta("1D")
MONTHS = {"month": 1, "quarter": 3, "year": 12}
SPANS = {"week": "7D", "day": "1D", "business day": "1D", "hour": "1h", "minute": "1min", "second": "1s"}
MONDAY = np.datetime64("1970-01-05", "ns")
YEARS = (1000, 3000)  # numbers in this range are years where the frequency asks for them
HELD = (1700, 2262)  # years that datetime64[ns] holds
LONGEST = 100_000  # numbered steps that an axis of days since 1970 can hold in datetime64[ns]
SECOND = 1_000_000_000


@dataclass(frozen=True)
class Frequency:
    """How often: a span of time, or a number of months.

    Attributes:
        word: "month", "quarter", "year", "week", "day" ..., or "" for a span that is none of them.
        span: of regular steps; None for months, quarters and years.
    """

    word: str
    span: pd.Timedelta | None


@dataclass(frozen=True)
class Axis:
    """An even axis and where each stamp lies on it.

    Attributes:
        times: of the axis, (T,), datetime64[ns] or cftime.
        stamps: what the table says, ascending, each once: nanoseconds since 1970 (int64), or numbers (float64).
        steps: the place of each stamp on the axis, same shape.
        name: "month", "quarter", "year" or "integer" as in ``axes``; "" for dates and times.
    """

    times: np.ndarray
    stamps: np.ndarray
    steps: np.ndarray
    name: str

    def places(self, stamps: np.ndarray) -> np.ndarray:
        """Return the place on the axis of stamps that are on it, same shape."""
        return self.steps[np.searchsorted(self.stamps, stamps)]


def read(text: str) -> Frequency:
    """Return a frequency as a user writes it: "month", "quarter", "year", "week", "day", "1h", "15min", "7D".

    Raises:
        ForecastError: it is none.
    """
    word = text.strip().lower()
    if word in MONTHS:
        return Frequency(word, None)
    span = pd.Timedelta(SPANS[word]) if word in SPANS else duration(text)
    if not span > pd.Timedelta(0):
        expected = f"a frequency: {', '.join([*MONTHS, *SPANS])}, or a span such as '1h', '15min', '7D'"
        raise ForecastError(expected, repr(text), "mend source.frequency, or leave it out: it is then detected")
    return Frequency(word if word in SPANS else "", span)


def lay(stamps: np.ndarray, frequency: Frequency | None, origin: str) -> Axis:
    """Return the even axis on which stamps lie.

    Args:
        stamps: all there are, ascending, each once: nanoseconds since 1970 (int64), or numbers (float64).
        frequency: stated; None detects it.
        origin: where the table came from, for messages.

    Raises:
        ForecastError: stamps between the steps of the axis, or an axis almost without stamps.
    """
    numbered = stamps.dtype.kind == "f"
    if numbered and frequency is None:
        dates = _compact(stamps)
        return Axis(stamps=stamps, **_dates(dates, None, origin)) if dates is not None else _counted(stamps, origin)
    if numbered:
        assert frequency is not None
        return Axis(stamps=stamps, **_numbers(stamps, frequency, origin))
    return Axis(stamps=stamps, **_dates(stamps.astype("datetime64[ns]"), frequency, origin))


def _numbers(numbers: np.ndarray, frequency: Frequency, origin: str) -> dict[str, Any]:
    """Lay numbers of a stated frequency: years, decimal years, 200103, 20010331, or steps counted from 1970-01-01."""
    dates = _compact(numbers)
    if dates is not None:
        return _dates(dates, frequency, origin)
    if frequency.span is not None:
        counted = (numbers - numbers[0]).astype("int64") if _whole(numbers, origin) else numbers
        return _even(pd.DatetimeIndex(axes.EPOCH + counted * frequency.span.to_timedelta64()), frequency.span, origin)
    size = MONTHS[frequency.word]
    if numbers[0] >= YEARS[0] and numbers[-1] < YEARS[1]:
        periods = np.floor(numbers * (12 / size) + 0.02).astype("int64") - 1970 * 12 // size
    else:
        periods = (numbers - numbers[0]).astype("int64") if _whole(numbers, origin) else numbers
    return _periods(periods * size, size, 1, origin)


def _counted(numbers: np.ndarray, origin: str) -> Axis:
    if _whole(numbers, origin) and np.abs(numbers).max() > LONGEST:
        raise ForecastError(
            f"at most {LONGEST} numbered steps",
            f"steps {numbers[0]:.0f} to {numbers[-1]:.0f} in {origin}",
            "say how far steps are apart, such as source.frequency = '1min' (a nominal clock begins in 1970), or write "
            "dates",
        )
    laid = _even(pd.DatetimeIndex(axes.integer_times(numbers.astype("int64"))), None, origin)
    return Axis(stamps=numbers, **{**laid, "name": "integer"})


def _whole(numbers: np.ndarray, origin: str) -> bool:
    if not (numbers == np.rint(numbers)).all():
        broken = numbers[np.argmax(numbers != np.rint(numbers))]
        raise ForecastError(
            "whole numbers of steps, dates, or decimal years with source.frequency",
            f"{broken:g} in {origin}",
            "set source.frequency = 'month', 'quarter' or 'year' for decimal years, or mend the column",
        )
    return True


def _compact(numbers: np.ndarray) -> np.ndarray | None:
    """Return the dates that numbers such as 20010331, 200103 or seconds since 1970 stand for; None for others."""
    low, high = numbers[0], numbers[-1]
    if (numbers != np.rint(numbers)).any():
        return None
    whole = numbers.astype("int64")
    if low > 1e7 and high < 1e8:
        days = pd.to_datetime(pd.Series(whole.astype(str)), format="%Y%m%d", errors="coerce")
        return None if days.isna().any() else days.to_numpy("datetime64[ns]")
    if HELD[0] * 100 < low and high < HELD[1] * 100 and np.isin(whole % 100, np.arange(1, 13)).all():
        return ((whole // 100 - 1970) * 12 + whole % 100 - 1).astype("datetime64[M]").astype("datetime64[ns]")
    for unit, size in (("s", 1e9), ("ms", 1e12)):
        if size / 10 < low and high < size * 10:
            return whole.astype(f"datetime64[{unit}]").astype("datetime64[ns]")
    return None


def _dates(dates: np.ndarray, frequency: Frequency | None, origin: str) -> dict[str, Any]:
    index = pd.DatetimeIndex(dates)
    if frequency is None and _monthly(index):
        months = _commonest(_month(index))
        size = next(size for size in (12, 3, 1) if months % size == 0)
        return _periods(_month(index), size, months // size, origin)
    if frequency is None:
        return _even(index, None, origin)
    if frequency.span is None:
        size = MONTHS[frequency.word]
        return _periods(_month(index) // size * size, size, 1, origin)
    if frequency.word == "week" and len(set(index.dayofweek)) > 1:
        weeks = (index.to_numpy() - MONDAY) // np.timedelta64(7, "D")
        index = pd.DatetimeIndex(MONDAY + weeks * np.timedelta64(7, "D"))
    elif "day" in frequency.word and len(set(index - index.normalize())) > 1:
        index = index.normalize()
    return _even(index, frequency.span, origin)


def _month(index: pd.DatetimeIndex) -> np.ndarray:
    return index.to_numpy().astype("datetime64[M]").astype("int64")


def _monthly(index: pd.DatetimeIndex) -> bool:
    """Say whether stamps are of months, quarters or years: firsts or lasts of months, or of a month each and uneven."""
    if len(index) < 2 or (index != index.normalize()).any():
        return False
    if index.is_month_start.all() or index.is_month_end.all():
        return True
    apart = np.diff(index.to_numpy()) / DAY.to_timedelta64()
    usual = np.median(apart)
    dated = usual in (30, 31) or (apart % usual != 0).any() or len(set(index.day)) == 1
    return bool(dated and usual >= 26 and np.unique(_month(index)).size == len(index))


def _periods(months: np.ndarray, size: int, step: int, origin: str) -> dict[str, Any]:
    """Lay months, counted since 1970, on the axis of twelve equal months.

    Args:
        months: ascending; within one period they agree, or differ from step to step by the same.
        size: months of a period: 1, 3 or 12.
        step: periods between two steps.
        origin: for messages.
    """
    name = next(word for word, length in MONTHS.items() if length == size)
    first = int(months[0]) // size * size + 1970 * 12
    start = xr.date_range(f"{first // 12:04d}-{first % 12 + 1:02d}-01", periods=1, calendar="360_day", use_cftime=True)
    since = months - months[0]
    whole = whole_steps(
        since / (size * step), lambda at: axes.label(start[0] + pd.Timedelta(days=30 * int(since[at])), "month"), origin
    )
    apart = pd.Timedelta(days=30 * size * step).to_pytimedelta()
    times = np.array([start[0] + number * apart for number in range(int(whole[-1]) + 1)], dtype=object)
    return {"times": times, "steps": whole, "name": name}


def _even(index: pd.DatetimeIndex, step: pd.Timedelta | None, origin: str) -> dict[str, Any]:
    """Lay times on an axis of even steps; stamps of seconds and more are rounded to the second."""
    stamps = index.to_numpy().astype("int64")
    if len(stamps) > 1 and np.median(np.diff(stamps)) >= SECOND:
        stamps = np.rint(stamps / SECOND).astype("int64") * SECOND
    if step is None:
        step = pd.Timedelta(_commonest(stamps), unit="ns") if len(stamps) > 1 else DAY
    whole = whole_steps((stamps - stamps[0]) / step.value, lambda at: str(index[at]), origin, str(step))
    times = stamps[0] + np.arange(int(whole[-1]) + 1) * step.value
    return {"times": times.astype("datetime64[ns]"), "steps": whole, "name": ""}


def _commonest(numbers: np.ndarray) -> int:
    """Return the commonest difference between neighbours, the smallest where several are; 1 for a single number."""
    found, counts = np.unique(np.diff(np.unique(numbers)), return_counts=True)
    return int(found[np.argmax(counts)]) if len(found) else 1
