"""Tables of series, CSV, Parquet or pandas frames, long or wide, become (time, series) with each series' attributes."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import Field, field_validator

from forecast import axes
from forecast.schema import SERIES, TIME, VARIABLES, check_observations
from forecast.sources import base, frequency
from forecast.sources.axis import clip
from forecast.sources.paths import find, named
from forecast.sources.table_attributes import attributes
from forecast.sources.table_layout import Layout, layout
from forecast.sources.table_parts import FrameTable, Table, open_table
from forecast.sources.table_reading import Reading, Values, read, survey

FRAME = "a pandas frame"  # stands for the paths of a frame


class TableOptions(base.Options):
    """Options of a table.

    Attributes:
        paths: files or patterns; a string is one.
        time: the column of times: ISO 8601, 2001Q1, 2001M03, 2001W05, 20010331; or numbered steps. Times with an offset
            are brought to UTC. "": each series' rows are its steps 0, 1, 2, ...
        id: the column that names the series, or several that do so together; none: each file is one series, named
            after it.
        columns: value columns: variables (long), series (wide) or steps (rows); empty for all not named otherwise.
        shape: "long" (a row a series and time), "wide" (a column a series) or "rows" (a row a series); None: detected.
        value: what the values of a wide table, or one of rows, are called.
        frequency: "year", "quarter", "month", "week", "day", "hour", or a span such as "15min"; each stamp is brought
            to its period. None: detected.
        time_zone: of times without an offset, such as "Europe/Paris"; None: they are UTC.
        time_format: a strptime format for other times, such as ``%d/%m/%Y %H:%M``.
        attributes: columns of the table that are constant within each series.
        static: another table, a row a series: its id and attributes, numbers or text.
        separator: what parts the fields of a CSV file.
        decimal: what parts the whole of a number from its fraction in a CSV file.
        title: what the data are called; by default the first file's name.
        licence: the terms of the data.
    """

    paths: tuple[str, ...] = Field(min_length=1)
    time: str | None = "time"
    id: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    shape: Literal["long", "wide", "rows"] | None = None
    value: str = "value"
    frequency: str | None = None
    time_zone: str | None = None
    time_format: str | None = None
    attributes: tuple[str, ...] = ()
    static: str | None = None
    separator: str = Field(",", min_length=1, max_length=1)
    decimal: Literal[".", ","] = "."
    title: str = ""
    licence: str = "not stated"

    @field_validator("paths", "id", "columns", "attributes", mode="before")
    @classmethod
    def _many(cls, value: Any) -> Any:
        return () if value is None else (value,) if isinstance(value, str) else value

    @field_validator("frequency")
    @classmethod
    def _often(cls, value: str | None) -> str | None:
        if value is not None:
            frequency.read(value)
        return value

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, value: str | None) -> str | None:
        try:
            return value if value is None else ZoneInfo(value).key
        except (OSError, ValueError) as error:  # ZoneInfoNotFoundError is a KeyError
            raise ValueError(f"{value!r} is no zone such as 'Europe/Paris'") from error
        except KeyError as error:
            raise ValueError(f"{value!r} is no zone such as 'Europe/Paris'") from error


class SeriesTable(base.Source):
    """Series from tables."""

    Options: ClassVar[type[base.Options]] = TableOptions
    _frame: pd.DataFrame | None = None
    _static: pd.DataFrame | None = None

    def fetch(self, start: Any = None, end: Any = None) -> xr.Dataset:
        """Return series (time, series) in [start, end]; see ``base.Source.fetch``. A span without data is empty.

        Months, quarters, years and numbered steps are as ``axes`` says. Large tables are float32.
        """
        options: Any = self.options
        data = _dataset(read(self._reading), options.value, options.units)
        files = [] if self._frame is not None else find(options.paths)
        data.attrs |= {
            "title": options.title or (files[0].name if files else FRAME),
            "source": f"series_table: {named(files) if files else FRAME}",
            "licence": options.licence,
        }
        return check_observations(data if start is None and end is None else clip(data, start, end))

    def static(self) -> xr.Dataset | None:
        """Return the attributes of the series of ``fetch``, (series,): numbers, and text as numbered categories.

        All are float32, NaN where a series has none; those that were text have the attribute ``categories``, a JSON
        list whose places the numbers are.
        """
        options: Any = self.options
        own, beside = options.attributes, self._beside
        if not own and beside is None:
            return None
        names = np.sort(np.array(survey(self._reading)[1].known.to_pylist(), dtype=str))
        return attributes(names, self._tables if own else [], options.id, own, beside, options.units)

    @cached_property
    def _tables(self) -> list[Table]:
        if self._frame is not None:
            return [FrameTable(self._frame)]
        options: Any = self.options
        return [open_table(path, options.separator, options.decimal) for path in find(options.paths)]

    @cached_property
    def _beside(self) -> Table | None:
        """The table of attributes beside the one of values."""
        options: Any = self.options
        if self._static is not None:
            return FrameTable(self._static)
        return open_table(find((options.static,))[0], options.separator, options.decimal) if options.static else None

    @cached_property
    def layout(self) -> Layout:
        """Which column is what."""
        options: Any = self.options
        others = tuple(name for name in options.attributes if name not in options.id)
        return layout(
            self._tables,
            shape=options.shape,
            time=options.time or None,
            ids=options.id,
            columns=options.columns,
            others=others,
        )

    @property
    def _reading(self) -> Reading:
        options: Any = self.options
        often = None if options.frequency is None else frequency.read(options.frequency)
        origin = FRAME if self._frame is not None else named([Path(table.name) for table in self._tables])
        return Reading(self._tables, self.layout, often, options.time_format, options.time_zone, origin)


def from_frame(frame: pd.DataFrame, *, static: pd.DataFrame | None = None, **options: Any) -> SeriesTable:
    """Return a source of the series in a pandas frame, for use in Python: ``from_frame(frame, id="shop").fetch()``.

    Args:
        frame: long, wide or a row a series; an index that is named, or of times ("time"), is a column.
        static: a row a series: its id and attributes.
        options: as in ``TableOptions``, but for ``paths`` and ``static``.

    Raises:
        ForecastError: an unknown or impossible option.
    """
    source = SeriesTable(paths=FRAME, **options)
    source._frame, source._static = frame, static
    return source


def _dataset(found: Values, value: str, units: dict[str, str]) -> xr.Dataset:
    """Return what was read as a Dataset (time, series) with units and names.

    Args:
        found: names, axis and arrays.
        value: the variable of a wide table.
        units: by variable; 1 where none is given.
    """
    data = xr.Dataset(coords={TIME: found.axis.times, SERIES: found.names})
    for column, array in found.arrays.items():
        name = column or value
        known = VARIABLES.get(name)
        attrs = {"units": units.get(name, "1"), "long_name": known.long_name if known else name}
        if known and known.standard_name:
            attrs["standard_name"] = known.standard_name
        data[name] = xr.DataArray(array.T, dims=(TIME, SERIES), attrs=attrs)
    return data.assign_attrs({axes.AXIS: found.axis.name} if found.axis.name else {})
