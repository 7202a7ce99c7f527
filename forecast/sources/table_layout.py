"""What the columns of a table are: long (a row a series and time), wide (a column a series), or rows (a row a series).

long    time, id, one column a variable; without an id each file is one series
wide    time, one column a series, all of one variable
rows    id, one column a step, whose names are dates or count (V1, V2, ...): all of one variable
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from forecast.errors import ForecastError
from forecast.sources.table_parts import NAMELESS, Table

Shape = Literal["long", "wide", "rows"]
MANY = 16  # columns of numbers beyond which a table without an id is taken as wide
ALIKE = 3  # so many columns that differ in their number only are series, not variables
STEPS = 6  # columns or more whose names are steps make a table of rows


@dataclass(frozen=True)
class Layout:
    """Which column is what.

    Attributes:
        shape: of the table.
        time: the column of times; None: steps are numbered.
        ids: columns that together name a series.
        columns: of values: variables (long), series (wide) or steps (rows).
    """

    shape: Shape
    time: str | None
    ids: tuple[str, ...]
    columns: tuple[str, ...]


def layout(
    tables: Sequence[Table],
    *,
    shape: Shape | None = None,
    time: str | None = None,
    ids: tuple[str, ...] = (),
    columns: tuple[str, ...] = (),
    others: tuple[str, ...] = (),
) -> Layout:
    """Say what the columns of tables are, and hold what was stated against them.

    Args:
        tables: all of one shape.
        shape: stated, or None.
        time: the column of times, or None.
        ids: columns that name the series.
        columns: of values; none: all that are not named otherwise.
        others: columns that are neither.

    Raises:
        ForecastError: a column that is not there, or none with values.
    """
    found = tables[0].columns
    free = tuple(name for name in found if name not in (time, *ids, *others) and not name.startswith(NAMELESS))
    shape = shape or shape_of(found, time, ids, columns or free)
    time = None if shape == "rows" and time not in found else time
    chosen = columns or (_steps(free) if shape == "rows" else free)
    needed = [*([] if time is None else [time]), *ids, *others, *chosen]
    for table in tables:
        if missing := [name for name in needed if name not in table.columns]:
            raise ForecastError(
                f"the columns {_some(needed)}",
                f"{_some(list(table.columns))} in {table.name}, no {', '.join(missing)}",
                "mend source.time ('' numbers the rows of each series), source.id or source.columns",
            )
    text = [name for name in chosen if is_text(found[name])] if shape != "rows" else []
    if text or not chosen:
        raise ForecastError(
            "columns of numbers",
            f"text in {', '.join(text)}, in {tables[0].name}" if text else f"none in {tables[0].name}",
            "name the columns wanted in source.columns, attributes of series in source.attributes, or mend the table",
        )
    if shape == "rows" and not ids:
        raise ForecastError("a column that names the series of each row", "no source.id", "set source.id")
    return Layout(shape, time, ids, tuple(chosen))


def shape_of(found: Mapping[str, pa.DataType], time: str | None, ids: tuple[str, ...], columns: Sequence[str]) -> Shape:
    """Guess the shape of a table that nobody stated.

    Args:
        found: all columns, name -> type.
        time: the column of times, or None.
        ids: columns that name the series.
        columns: those that may hold values.
    """
    if time not in found and len(_steps(columns)) >= STEPS:
        return "rows"
    if ids:
        return "long"
    stems = [re.sub(r"\d+$", "", name) for name in columns]
    alike = len(columns) >= ALIKE and len(set(stems)) == 1 and all(name[-1:].isdigit() for name in columns)
    return "wide" if alike or len(columns) > MANY else "long"


def is_text(kind: pa.DataType) -> bool:
    """Say whether a column of this type holds text (or times), not numbers; one without any value is of numbers."""
    numbers = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal, pa.types.is_null)
    return not any(test(kind) for test in numbers)


def header(columns: Sequence[str]) -> np.ndarray:
    """Return the stamps that names of columns stand for: dates as nanoseconds since 1970, else 0, 1, 2, ...

    Args:
        columns: of a table of rows, in their order.
    """
    dates = pd.to_datetime(pd.Series(list(columns)), format="ISO8601", errors="coerce", utc=True)
    plain = all(re.fullmatch(r"[A-Za-z_]*\d+", name) for name in columns)
    if dates.notna().all() and not plain:
        return dates.dt.tz_localize(None).to_numpy("datetime64[ns]").astype("int64")
    return np.arange(len(columns), dtype="float64")


def _steps(columns: Sequence[str]) -> tuple[str, ...]:
    """Return the columns whose names are steps: all dates, or one stem and numbers that count upward."""
    dated = tuple(name for name in columns if re.fullmatch(r"\d{4}-\d{2}(-\d{2}.*)?", name))
    if len(dated) >= STEPS:
        return dated
    stems: dict[str, list[str]] = {}
    for name in columns:
        if found := re.fullmatch(r"([A-Za-z_ ]*)(\d+)", name):
            stems.setdefault(found[1], []).append(name)
    longest = max(stems.values(), key=len, default=[])
    count = [int(re.sub(r"\D", "", name)) for name in longest]
    return tuple(longest) if count and count == list(range(count[0], count[0] + len(count))) else ()


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
