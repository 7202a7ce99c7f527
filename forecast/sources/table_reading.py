"""Tables become arrays (series, time) in two passes: names and times first, then each value to its place.

No part of a table is kept, so that memory is that of the arrays. They hold float32 where they are large. Two rows of
one series and time must agree, and a missing value gives way to one that is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from forecast.axes import label
from forecast.errors import ForecastError
from forecast.sources import frequency as often
from forecast.sources.frequency import Axis, Frequency
from forecast.sources.table_layout import Layout, header
from forecast.sources.table_parts import Table, numbers, texts
from forecast.sources.table_stamps import Stamps

Cells = tuple[str, np.ndarray, np.ndarray, np.ndarray]
"""A column, and of each of its values the number of its series, its stamp, and itself."""

LARGE = 2**24  # values beyond which arrays are of float32
JOIN = ":"  # between the parts of a name that several columns give


@dataclass(frozen=True)
class Reading:
    """How tables are read.

    Attributes:
        tables: all of one layout.
        layout: which column is what.
        frequency: stated, or None.
        time_format: of the column of times, or None.
        zone: of times without an offset, or None for UTC.
        origin: what the tables are called in messages.
    """

    tables: Sequence[Table]
    layout: Layout
    frequency: Frequency | None = None
    time_format: str | None = None
    zone: str | None = None
    origin: str = "the table"


@dataclass(frozen=True)
class Values:
    """What tables hold.

    Attributes:
        names: of the series, ascending, (S,).
        axis: the even axis of time, of T steps.
        arrays: variable -> (S, T), NaN where nothing was observed; "" names that of wide tables and tables of rows.
    """

    names: np.ndarray
    axis: Axis
    arrays: dict[str, np.ndarray]


class Names:
    """The names of series, numbered in the order in which they come.

    Attributes:
        known: all names so far.
    """

    def __init__(self, known: Sequence[str] = ()) -> None:
        self.known = pa.array(known, pa.string())

    def numbers(self, part: pa.RecordBatch, ids: Sequence[str], table: Table) -> np.ndarray:
        """Return the number of each row's series, int64; new ones are added.

        Args:
            part: of the table.
            ids: columns that name the series; none: the table's file does.
            table: which names the series, or is named in messages.

        Raises:
            ForecastError: a row without a name.
        """
        words = labels(part, ids, table)
        used = words.dictionary.take(pc.unique(words.indices).drop_null())
        if words.indices.null_count or pc.any(pc.equal(used, "")).as_py():
            got = f"a row without {' or '.join(ids)} in {table.name}"
            raise ForecastError("the name of its series in each row", got, "fill it in, or remove the row")
        fresh = used.filter(pc.invert(pc.is_in(used, value_set=self.known)))
        if len(fresh):
            self.known = pa.concat_arrays([self.known, fresh.unique()])
        places = pc.index_in(words.dictionary, value_set=self.known)
        return np.asarray(places.take(words.indices).to_numpy(zero_copy_only=False), "int64")


def labels(part: pa.RecordBatch, ids: Sequence[str], table: Table) -> pa.DictionaryArray:
    """Return the name of each row's series, each once: the text of the columns that name it, or the file's name.

    Args:
        part: of the table.
        ids: columns; the texts of several are joined.
        table: which is named where there are none.
    """
    if not ids:
        return pa.DictionaryArray.from_arrays(pa.array(np.zeros(part.num_rows, "int32")), pa.array([table.stem]))
    words = [texts(part.column(name)) for name in ids]
    if len(words) == 1:
        return words[0]
    return pc.binary_join_element_wise(*(one.dictionary_decode() for one in words), JOIN).dictionary_encode()


def read(reading: Reading) -> Values:
    """Return what tables hold.

    Args:
        reading: which tables, and how.

    Raises:
        ForecastError: the tables cannot be understood, or give two values for one place.
    """
    reading, names, axis = survey(reading)
    listed = np.array(names.known.to_pylist(), dtype=str)
    order = np.argsort(listed)
    rank = np.empty(len(listed), int)
    rank[order] = np.arange(len(listed))
    columns = reading.layout.columns if reading.layout.shape == "long" else ("",)
    size = len(listed) * len(axis.times) * len(columns)
    shape, dtype = (len(listed), len(axis.times)), "float32" if size > LARGE else "float64"
    found = Values(listed[order], axis, {column: np.full(shape, np.nan, dtype) for column in columns})
    for column, series, stamps, values in _cells(reading, names):
        _put(found, column, rank[series] * shape[1] + axis.places(stamps), values, reading.origin)
    return found


def survey(reading: Reading) -> tuple[Reading, Names, Axis]:
    """Return how to go on reading, the names of the series, and the axis: the first pass, without a value.

    Args:
        reading: which tables, and how; a zone is dropped where all stamps are midnights there: they are days.

    Raises:
        ForecastError: there are no rows, or names and times cannot be understood.
    """
    layout, names, stamps = reading.layout, Names(), np.zeros(0)
    for _, found, _, _ in _rows(reading, names, ()):
        if len(stamps) and len(found) and stamps.dtype.kind != found.dtype.kind:
            expected = f"dates or numbers in the column {layout.time}"
            raise ForecastError(expected, f"both in {reading.origin}", "set source.time_format, or mend the column")
        stamps = np.unique(np.concatenate([stamps, pd.unique(found)]) if len(stamps) else found)
    if layout.shape == "rows":
        stamps = header(layout.columns)
    if layout.shape == "wide":
        names = Names(layout.columns)
    if not len(stamps) or not len(names.known):
        raise ForecastError("rows", f"0 rows in {reading.origin}", "look for a table with rows")
    if reading.zone is not None and stamps.dtype.kind == "i":
        local = pd.DatetimeIndex(stamps).tz_localize("UTC").tz_convert(reading.zone)
        if (local == local.normalize()).all():
            return survey(replace(reading, zone=None))
    return reading, names, often.lay(stamps, reading.frequency, reading.origin)


def _rows(
    reading: Reading, names: Names, columns: Sequence[str]
) -> Iterator[tuple[np.ndarray, np.ndarray, pa.RecordBatch, Table]]:
    """Yield, part by part, the number of each row's series, its stamp, the part, and the table."""
    layout, clock = reading.layout, Stamps(reading.time_format, reading.zone, reading.origin)
    counts, words = np.zeros(0, int), [*layout.ids, *([] if layout.time is None else [layout.time])]
    for table in reading.tables:
        for part in table.parts(list(dict.fromkeys([*words, *columns])) or layout.columns[:1], words):
            if not part.num_rows:
                continue
            series = names.numbers(part, layout.ids, table)
            if layout.shape == "rows":
                stamps = np.zeros(0)
            elif layout.time is not None:
                stamps = clock.of(part.column(layout.time), layout.time, series)
            else:
                counts = np.pad(counts, (0, len(names.known) - len(counts)))
                stamps = (counts[series] + pd.Series(series).groupby(series).cumcount().to_numpy()).astype("float64")
                counts += np.bincount(series, minlength=len(counts))
            yield series, stamps, part, table


def _cells(reading: Reading, names: Names) -> Iterator[Cells]:
    """Yield, part by part, the values of each column with their series and stamps: the second pass."""
    layout = reading.layout
    here = names if layout.shape != "wide" else Names()
    steps = header(layout.columns)
    for series, stamps, part, table in _rows(reading, here, layout.columns):
        for number, column in enumerate(layout.columns):
            values = numbers(part, column, table.name)
            if layout.shape == "wide":
                yield "", np.full(len(values), number), stamps, values
            elif layout.shape == "rows":
                yield "", series, np.full(len(values), steps[number]), values
            else:
                yield column, series, stamps, values


def _put(found: Values, column: str, places: np.ndarray, values: np.ndarray, origin: str) -> None:
    """Write values to their places; refuse two that differ for one place.

    Args:
        found: whose array is written to.
        column: names the array.
        places: of the values, in the flat array.
        values: NaN is not written.
        origin: for messages.
    """
    flat = found.arrays[column].reshape(-1)
    there = ~np.isnan(values)
    places, values = places[there], values[there].astype(flat.dtype)
    before = flat[places]
    flat[places] = values
    differ = (~np.isnan(before) & (before != values)) | (flat[places] != values)
    if differ.any():
        first = int(np.argmax(differ))
        series, step = divmod(int(places[first]), found.arrays[column].shape[1])
        two = (values[first], flat[places][first]) if np.isnan(before[first]) else (before[first], values[first])
        raise ForecastError(
            "one value for each series and time",
            f"{two[0]:g} and {two[1]:g} for {column or 'the value'} of {found.names[series]} at "
            f"{label(found.axis.times[step], found.axis.name)}, in {origin}",
            "remove the wrong rows; name every column that tells series apart in source.id; local times repeat an hour "
            "in autumn: set source.time_zone",
        )
