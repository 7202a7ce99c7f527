"""Tables by parts: CSV, Parquet and pandas frames as streams of Arrow batches, so that no table need fit in memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from forecast.errors import ForecastError

PARQUET = (".parquet", ".pq")
ROWS = 2**18  # of a part
BLOCK = 2**24  # bytes of a CSV file that are parsed at a time
HEAD = 2**23  # bytes from which the kinds of a CSV file's columns are told
NOTHING = ["", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "-nan", "NULL", "null", "None", "<NA>", "?", "."]  # no value
NAMELESS = ("unnamed", "Unnamed:", "__index_level")  # how columns without a name begin: they are no values
LABEL = pa.dictionary(pa.int32(), pa.string())


class Table(ABC):
    """One table.

    Attributes:
        name: what it is called in messages.
        stem: its file's name without ending.
        columns: name -> Arrow type, as far as can be told without reading it all.
    """

    name: str
    stem: str
    columns: dict[str, pa.DataType]

    @abstractmethod
    def parts(self, columns: Collection[str], labels: Collection[str] = ()) -> Iterator[pa.RecordBatch]:
        """Yield batches of rows, in their order, with the columns asked for.

        Args:
            columns: wanted.
            labels: those of them that are wanted as text.

        Raises:
            ForecastError: the file cannot be read, or a column of numbers holds text.
        """


@dataclass
class CsvTable(Table):
    """A CSV file.

    Attributes:
        path: of the file; ``.gz`` and ``.bz2`` are unpacked.
        separator: what parts fields.
        decimal: what parts a number's whole from its fraction.
    """

    path: Path
    separator: str = ","
    decimal: str = "."

    def __post_init__(self) -> None:
        self.name, self.stem = str(self.path), self.path.name.split(".")[0]
        self._header: list[str] | None = None
        try:
            names = self._open(HEAD, {}).schema.names
            if "" in names:
                self._header = [name or f"unnamed_{number}" for number, name in enumerate(names)]
            self.columns = _named_once(self._open(HEAD, {}).schema, self.name)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise _unreadable(self.name, error) from error

    def parts(self, columns: Collection[str], labels: Collection[str] = ()) -> Iterator[pa.RecordBatch]:
        """Yield batches; see ``Table.parts``."""
        types = {name: LABEL if name in labels else self._number(name) for name in columns}
        try:
            yield from self._open(BLOCK, types, list(columns))
        except (OSError, ValueError, pa.ArrowException) as error:
            if "conversion error" not in str(error):
                raise _unreadable(self.name, error) from error
            raise ForecastError(
                f"numbers in the columns {', '.join(name for name in columns if name not in labels)}",
                f"{error} in {self.name}",
                "name the columns wanted in source.columns, or mend the table",
            ) from error

    def _number(self, name: str) -> pa.DataType:
        return pa.bool_() if pa.types.is_boolean(self.columns[name]) else pa.float64()

    def _open(self, block: int, types: dict[str, pa.DataType], columns: list[str] | None = None) -> Any:
        return pcsv.open_csv(
            self.path,
            pcsv.ReadOptions(block_size=block, column_names=self._header, skip_rows=int(self._header is not None)),
            pcsv.ParseOptions(delimiter=self.separator, newlines_in_values=False),
            pcsv.ConvertOptions(
                column_types=types, include_columns=columns, null_values=NOTHING, decimal_point=self.decimal
            ),
        )


@dataclass
class ParquetTable(Table):
    """A Parquet file.

    Attributes:
        path: of the file.
    """

    path: Path

    def __post_init__(self) -> None:
        self.name, self.stem = str(self.path), self.path.stem
        try:
            self.columns = _named_once(pq.read_schema(self.path), self.name)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise _unreadable(self.name, error) from error

    def parts(self, columns: Collection[str], labels: Collection[str] = ()) -> Iterator[pa.RecordBatch]:
        """Yield batches; see ``Table.parts``."""
        try:
            with pq.ParquetFile(self.path, read_dictionary=_texts(self.columns, columns)) as file:
                yield from file.iter_batches(ROWS, columns=list(columns))
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(self.name, error) from error


@dataclass
class FrameTable(Table):
    """A pandas frame in memory; an index that is named, or of times, is a column.

    Attributes:
        frame: the rows.
    """

    frame: pd.DataFrame

    def __post_init__(self) -> None:
        self.name = self.stem = "the frame"
        frame, index = self.frame, self.frame.index
        if isinstance(index, pd.MultiIndex) or index.name is not None:
            frame = frame.reset_index()
        elif isinstance(index, (pd.DatetimeIndex, pd.PeriodIndex)):
            frame = frame.rename_axis("time").reset_index()
        periods = [name for name in frame.columns if isinstance(frame[name].dtype, pd.PeriodDtype)]
        frame = frame.assign(**{name: frame[name].dt.to_timestamp() for name in periods})
        self._frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
        try:
            self.columns = _named_once(pa.Schema.from_pandas(self._frame, preserve_index=False), self.name)
        except (ValueError, pa.ArrowException) as error:
            raise _unreadable(self.name, error) from error

    def parts(self, columns: Collection[str], labels: Collection[str] = ()) -> Iterator[pa.RecordBatch]:
        """Yield batches; see ``Table.parts``."""
        wanted = self._frame[list(columns)]
        for first in range(0, len(wanted), ROWS):
            yield pa.RecordBatch.from_pandas(wanted.iloc[first : first + ROWS], preserve_index=False)


def open_table(path: Path, separator: str = ",", decimal: str = ".") -> Table:
    """Return the table in a file: Parquet by its ending, CSV otherwise.

    Args:
        path: of the file.
        separator: of a CSV file's fields.
        decimal: what parts a CSV file's numbers.

    Raises:
        ForecastError: it cannot be read, or two columns have one name.
    """
    return ParquetTable(path) if path.suffix.lower() in PARQUET else CsvTable(path, separator, decimal)


def texts(column: pa.Array) -> pa.DictionaryArray:
    """Return a column as text, each word once: names keep their zeros, whole numbers are written without a point."""
    words = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    kinds = words.dictionary
    if pa.types.is_floating(kinds.type) and pc.all(pc.equal(kinds, pc.floor(kinds))).as_py():
        kinds = pc.cast(kinds, pa.int64())
    return pa.DictionaryArray.from_arrays(words.indices, pc.cast(kinds, pa.string()))


def numbers(batch: pa.RecordBatch, name: str, origin: str) -> np.ndarray:
    """Return a column of a batch as float64, NaN where there is none.

    Args:
        batch: of rows.
        name: of the column.
        origin: the table, for messages.

    Raises:
        ForecastError: text that is not numbers.
    """
    column = batch.column(name)
    try:
        column = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        column = column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column
        return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), "float64")
    except pa.ArrowException as error:
        raise ForecastError(
            f"numbers in the column {name}",
            f"{error} in {origin}",
            "name the columns wanted in source.columns, or mend the table",
        ) from error


def _texts(columns: dict[str, pa.DataType], wanted: Collection[str]) -> list[str]:
    return [name for name in wanted if pa.types.is_string(columns[name]) or pa.types.is_large_string(columns[name])]


def _named_once(schema: pa.Schema, name: str) -> dict[str, pa.DataType]:
    twice = sorted({column for column in schema.names if schema.names.count(column) > 1})
    if twice:
        raise ForecastError("columns that differ in name", f"{', '.join(twice)} twice in {name}", "rename one of them")
    return dict(zip(schema.names, schema.types, strict=True))


def _unreadable(name: str, error: Exception) -> ForecastError:
    return ForecastError("a readable CSV or Parquet table", f"{name}: {error}", "mend the file")
