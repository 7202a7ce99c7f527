"""The stamps of a table: text, dates or numbers become nanoseconds since 1970 in UTC, or numbers of steps.

Local times of a zone are brought to UTC. The hour that autumn repeats is taken in the order of rows: the first time a
series names it is summer time, the second is not. An hour that spring leaves out is refused.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from forecast.errors import ForecastError
from forecast.sources.table_parts import texts

PERIODS = {  # text that names a period: pattern -> how its parts become a date
    r"(?P<y>\d{4})[-/ ]?Q(?P<q>[1-4])": lambda p: pd.to_datetime(p.y + "-" + (p.q.astype(int) * 3 - 2).astype(str)),
    r"Q(?P<q>[1-4])[-/ ]?(?P<y>\d{4})": lambda p: pd.to_datetime(p.y + "-" + (p.q.astype(int) * 3 - 2).astype(str)),
    r"(?P<y>\d{4})[-/ ]?M(?P<m>\d{1,2})": lambda p: pd.to_datetime(p.y + "-" + p.m),
    r"(?P<y>\d{4})[-/ ]?W(?P<w>\d{1,2})": lambda p: pd.to_datetime(p.y + "-" + p.w + "-1", format="%G-%V-%u"),
}
FORMATS = ("%Y/%m/%d", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%d %b %Y", "%d-%b-%Y", "%b %Y", "%b-%Y", "%B %Y")
REMEDY = "set source.time_format, such as '%d/%m/%Y %H:%M', or mend the column"


class Stamps:
    """Turns columns of times into stamps, part after part, in the order of rows.

    Args:
        time_format: a strptime format, or None for ISO 8601 and what can only be read in one way.
        zone: of times without an offset, such as "Europe/Paris"; None: they are UTC.
        origin: the table, for messages.
    """

    def __init__(self, time_format: str | None, zone: str | None, origin: str) -> None:
        self.format, self.zone, self.origin = time_format, zone, origin
        self._seen: dict[tuple[int, int], int] = {}  # how often a series named a stamp of the repeated hour

    def of(self, column: pa.Array, name: str, series: np.ndarray | None = None) -> np.ndarray:
        """Return the stamp of each row: nanoseconds since 1970 (int64), or numbers (float64).

        Args:
            column: of times.
            name: of the column, for messages.
            series: the series of each row, whole numbers; None: all rows are of one.

        Raises:
            ForecastError: a time is missing, is not understood, or does not exist in the zone.
        """
        words = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        used = pc.unique(words.indices)
        if used.null_count:
            missing = f"{column.null_count} missing in column {name} of {self.origin}"
            raise ForecastError("a time in each row", missing, "remove the rows without one, or fill it in")
        rows = pc.index_in(words.indices, used).to_numpy(zero_copy_only=False)
        try:
            first, second = self._read(words.dictionary.take(used))
        except (ValueError, TypeError, OverflowError) as error:
            expected = f"times as {self.format or 'ISO 8601, such as 2001-01-31 06:00'}, none missing"
            got = f"{str(error).split('. You might')[0]} in column {name} of {self.origin}"
            raise ForecastError(expected, got, REMEDY) from error
        stamps = first[rows]
        again = np.flatnonzero((first != second)[rows])
        if len(again):
            self._resolve(stamps, second[rows], again, np.zeros(len(rows), int) if series is None else series)
        return stamps

    def _resolve(self, stamps: np.ndarray, second: np.ndarray, again: np.ndarray, series: np.ndarray) -> None:
        """Turn the second row of a repeated hour in each series to winter time, in place."""
        for row in again:
            key = int(series[row]), int(stamps[row])
            self._seen[key] = self._seen.get(key, 0) + 1
            if self._seen[key] > 1:
                stamps[row] = second[row]

    def _read(self, words: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Return the stamps of different words, as summer time and as winter time where the zone leaves both open."""
        kind = words.type
        if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
            zoned = pa.types.is_timestamp(kind) and kind.tz is not None
            moments = pd.DatetimeIndex(pc.cast(words, pa.timestamp("ns", kind.tz if zoned else None)).to_pandas())
            return self._local(moments.tz_convert("UTC").tz_localize(None) if zoned else moments, zoned)
        if self.format is None and (figures := _figures(words)) is not None:
            return figures, figures
        text = texts(words).dictionary_decode().to_pandas()
        if (text == "").any():
            raise ValueError(f"{int((text == '').sum())} missing")
        return self._local(*_moments(text, self.format))

    def _local(self, moments: pd.DatetimeIndex, known: bool) -> tuple[np.ndarray, np.ndarray]:
        if self.zone is None or known:
            stamps = moments.to_numpy("datetime64[ns]").astype("int64")
            return stamps, stamps
        summer, winter = (
            moments.tz_localize(self.zone, ambiguous=np.full(len(moments), dst), nonexistent="NaT")
            for dst in (True, False)
        )
        if summer.isna().any():
            raise ForecastError(
                f"times that exist in {self.zone}",
                f"{moments[summer.isna()][0]} in {self.origin}, in the hour that summer time leaves out",
                "the clock of the table knows no summer time: name a zone without one, such as 'Etc/GMT-1' (UTC+1)",
            )
        utc = [one.tz_convert("UTC").tz_localize(None).to_numpy("datetime64[ns]") for one in (summer, winter)]
        return utc[0].astype("int64"), utc[1].astype("int64")


def _figures(words: pa.Array) -> np.ndarray | None:
    """Return numbers, written as such or as text; None for other words."""
    try:
        figures = pc.cast(pc.cast(words, pa.string()), pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None
    return figures if np.isfinite(figures).all() else None


def _moments(text: pd.Series, time_format: str | None) -> tuple[pd.DatetimeIndex, bool]:
    """Return text as times in UTC, and whether it said so itself; times without an offset stay as they are."""
    if time_format is not None:
        parsed = pd.to_datetime(text, format=time_format, utc="%z" in time_format)
        return _plain(parsed), "%z" in time_format
    for pattern, date in PERIODS.items():
        if (parts := text.str.extract(f"^{pattern}$", flags=re.IGNORECASE)).notna().all(axis=None):
            return pd.DatetimeIndex(date(parts)), True
    try:
        return _plain(pd.to_datetime(text, utc=True, format="ISO8601")), bool(_offset(text).all())
    except ValueError:
        for form in FORMATS:
            parsed = pd.to_datetime(text, format=form, errors="coerce")
            if parsed.notna().all():
                return pd.DatetimeIndex(parsed), False
        raise


def _offset(text: pd.Series) -> pd.Series:
    return text.str.contains(r":?\d(?:Z|[+-]\d{2}:?\d{2}|[+-]\d{2})$", regex=True) & text.str.contains(":|T")


def _plain(parsed: pd.Series) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(parsed.dt.tz_localize(None))
