"""Tables of series: CSV or Parquet in long form (id, time, value columns) become (time, series)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import xarray as xr
from pydantic import Field, field_validator

from forecast.errors import ForecastError
from forecast.schema import SERIES, TIME, VARIABLES, check_observations
from forecast.sources import base
from forecast.sources.axis import clip, even
from forecast.sources.paths import find, named

FILE = "__file__"  # the column that names the series where a table has no id


class TableOptions(base.Options):
    """Options of a table.

    Attributes:
        paths: files or patterns; a string is one.
        time: the column of times, ISO 8601; times with an offset are brought to UTC, others are taken as UTC.
        id: the column that names the series; None makes each file one series, named after it.
        columns: value columns, each one variable; empty for all beside time and id.
        time_format: a strptime format where times are not ISO 8601, such as ``%d/%m/%Y %H:%M``.
        separator: what parts the fields of a CSV file.
        title: what the data are called; by default the first file's name.
        licence: the terms of the data.
    """

    paths: tuple[str, ...] = Field(min_length=1)
    time: str = "time"
    id: str | None = None
    columns: tuple[str, ...] = ()
    time_format: str | None = None
    separator: str = ","
    title: str = ""
    licence: str = "not stated"

    @field_validator("paths", "columns", mode="before")
    @classmethod
    def _many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


class SeriesTable(base.Source):
    """Series from tables."""

    Options: ClassVar[type[base.Options]] = TableOptions

    def fetch(self, start: Any = None, end: Any = None) -> xr.Dataset:
        """Return series (time, series) in [start, end]; see ``base.Source.fetch``. A span without data is empty."""
        options: Any = self.options
        files = find(options.paths)
        frame = pd.concat([self._frame(path) for path in files], ignore_index=True)
        columns = options.columns or tuple(c for c in frame.columns if c not in (options.time, options.id, FILE))
        data = tabular(frame, options.time, options.id or FILE, columns, options.units, ", ".join(options.paths))
        data.attrs = {
            "title": options.title or files[0].name,
            "source": f"series_table: {named(files)}",
            "licence": options.licence,
        }
        return check_observations(clip(even(data, ", ".join(options.paths)), start, end))

    def _frame(self, path: Path) -> pd.DataFrame:
        options: Any = self.options
        try:
            if path.suffix.lower() in (".parquet", ".pq"):
                frame = pd.read_parquet(path)
                frame = frame if options.time in frame.columns else frame.reset_index()
            else:
                text = {options.id: str} if options.id else None  # "007" stays a name
                frame = pd.read_csv(path, sep=options.separator, dtype=text)
        except Exception as error:  # pandas and pyarrow raise a dozen kinds
            raise ForecastError("a readable CSV or Parquet table", f"{path}: {error}", "mend the file") from error
        needed = [options.time, *([options.id] if options.id else []), *options.columns]
        missing = [column for column in needed if column not in frame.columns]
        if missing:
            raise ForecastError(
                f"the columns {', '.join(needed)}",
                f"{', '.join(map(str, frame.columns))} in {path}, no {', '.join(missing)}",
                "mend source.time, source.id or source.columns",
            )
        frame[options.time] = times(frame[options.time], options.time_format, str(path))
        return frame.assign(**{FILE: path.stem}) if options.id is None else frame


def times(column: pd.Series, time_format: str | None, origin: str) -> pd.Series:
    """Return a column of times as datetime64[ns] in UTC, without a zone.

    Args:
        column: ISO 8601 text, text of ``time_format``, or times already; numbers are refused as ambiguous.
        time_format: a strptime format, or None for ISO 8601.
        origin: the file, for messages.

    Raises:
        ForecastError: numbers, a missing time, or text that does not follow the format.
    """
    text = column.astype(str) if time_format else column
    try:
        if pd.api.types.is_numeric_dtype(text):
            raise ValueError(f"numbers such as {text.iloc[0] if len(text) else 'none'}")
        parsed = pd.to_datetime(text, utc=True, format=time_format or "ISO8601")
        if parsed.isna().any():
            raise ValueError(f"{int(parsed.isna().sum())} missing")
    except (ValueError, TypeError) as error:
        raise ForecastError(
            f"times as {time_format or 'ISO 8601, such as 2001-01-31 06:00'}, none missing",
            f"{str(error).split('. You might')[0]} in column {column.name} of {origin}",
            "set source.time_format, such as '%d/%m/%Y %H:%M', or mend the column",
        ) from error
    return parsed.dt.tz_localize(None).astype("datetime64[ns]")


def tabular(
    frame: pd.DataFrame, time: str, id: str, columns: Sequence[str], units: Mapping[str, str], origin: str
) -> xr.Dataset:
    """Turn a long table into variables (time, series): times ascend, series are sorted by name, absent rows are NaN.

    Args:
        frame: a row for each series and time.
        time: the column of times, datetime64[ns].
        id: the column that names the series.
        columns: value columns, numbers.
        units: unit of each value column.
        origin: where the table came from, for messages.

    Raises:
        ForecastError: no rows, text among the numbers, a row without a name, no unit, or two values for one time.
    """
    broken = [column for column in columns if not pd.api.types.is_numeric_dtype(frame[column])]
    nameless = int(frame[id].isna().sum())
    if frame.empty or not columns or broken or nameless:
        raise ForecastError(
            "rows of numbers, each with a series",
            f"{len(frame)} rows, text in {', '.join(broken) or 'no column'}, {nameless} rows without {id}, in {origin}",
            "name the columns wanted in source.columns, and mend the table",
        )
    unknown = [column for column in columns if column not in units]
    if unknown:
        lines = ", ".join(f'{column} = "..."' for column in unknown)
        raise ForecastError("a unit for each column", f"none for {', '.join(unknown)}", f"set units = {{{lines}}}")
    rows = frame[[time, id, *columns]].assign(**{id: frame[id].astype(str)}).drop_duplicates()
    twice = rows[rows.duplicated([time, id], keep=False)]
    if len(twice):
        first = twice.iloc[0]
        raise ForecastError(
            "one row for each series and time",
            f"{len(twice)} rows that differ, such as {first[id]} at {first[time]}, in {origin}",
            "remove the wrong rows; local times repeat an hour in autumn: write UTC or an offset",
        )
    wide = rows.set_index([time, id])
    data = xr.Dataset()
    for column in columns:
        table = wide[column].unstack(id).sort_index().sort_index(axis=1).astype("float64")
        known = VARIABLES.get(column)
        attrs = {"units": units[column], "long_name": known.long_name if known else column}
        if known and known.standard_name:
            attrs["standard_name"] = known.standard_name
        coords = {TIME: table.index.to_numpy(), SERIES: table.columns.to_numpy(dtype=str)}
        data[column] = xr.DataArray(table.to_numpy(), dims=(TIME, SERIES), coords=coords, attrs=attrs)
    return data
