"""A first look at a table: what parts its fields, which column holds times, which name the series, its shape."""

from __future__ import annotations

import csv
import gzip
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from forecast.errors import ForecastError
from forecast.schema import VARIABLES
from forecast.sources.table_layout import is_text, layout
from forecast.sources.table_parts import NAMELESS, FrameTable, open_table
from forecast.sources.table_stamps import Stamps

ROWS = 200_000  # that are looked at
SEPARATORS = ",;\t|"
TIMES = {"time", "date", "datetime", "timestamp", "ds", "t", "step", "period", "year", "month", "week", "day", "hour"}
NAMES = {"id", "series", "name", "site", "station", "store", "shop", "item", "product", "sku", "dept", "department"} | {
    "family", "region", "country", "city", "location", "code", "ticker", "symbol", "sensor", "meter", "household",
    "key", "origin", "airport", "state", "brand", "customer", "client", "zone", "line", "route", "page", "group",
}  # fmt: skip
PLACES = {"lat", "lon", "latitude", "longitude", "elevation", "altitude"}  # where a station is, not what it measures
DAYS = ("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y", "%m/%d/%y", "%d/%m/%y", "%b %d, %Y", "%B %d, %Y")
HOURS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", " %H")
KINDS = 50  # of text, beyond which an attribute tells one series from another only
MOST = 3  # columns that name a series together, at most


@dataclass
class Look:
    """What a first look told.

    Attributes:
        options: of the source.
        said: a sentence for each guess.
    """

    options: dict[str, Any] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)


def look(paths: Sequence[Path]) -> Look:
    """Guess the options of a table from the first rows of its first file.

    Args:
        paths: of files of one layout.

    Raises:
        ForecastError: it cannot be read, or nothing tells its series and times apart.
    """
    found = Look()
    rows = _head(paths[0], found)
    if not len(rows):
        got = f"none in {paths[0]}: {', '.join(rows.columns)}"
        raise ForecastError("a table with rows, a column of times and columns of numbers", got, "name another file")
    if not _steps_across(rows, found):
        _time(rows, found)
        _ids(rows, found, paths)
        _columns(rows, found)
    return found


def _head(path: Path, found: Look) -> pd.DataFrame:
    """Return the first rows, and note separator and decimal mark where they are not the usual ones."""
    if path.suffix.lower() in (".csv", ".tsv", ".txt", ".gz", ".bz2"):
        found.options |= (dialect := _dialect(path))
        named = {"separator": "fields are parted by", "decimal": "numbers are written with"}
        found.said += [f"{named[key]} {value!r}" for key, value in dialect.items()]
    table, parts, count = open_table(path, **found.options), [], 0
    text = [name for name, kind in table.columns.items() if is_text(kind)]
    for part in table.parts(list(table.columns), text):
        parts.append(part.to_pandas())
        count += len(part)
        if count >= ROWS:
            break
    rows = pd.concat(parts)[:ROWS] if parts else pd.DataFrame(columns=list(table.columns))
    rows = rows.astype({name: object for name in rows if isinstance(rows[name].dtype, pd.CategoricalDtype)})
    numbered = [name for name in rows if name.startswith(NAMELESS) and pd.api.types.is_numeric_dtype(rows[name])]
    return rows.drop(columns=numbered)


def _dialect(path: Path) -> dict[str, Any]:
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            lines = list(itertools.islice(file, 20))
        first = csv.Sniffer().sniff("".join(lines), SEPARATORS).delimiter if lines else ","
    except csv.Error:
        first = ","  # one column
    except (OSError, UnicodeDecodeError) as error:
        raise ForecastError("a readable CSV or Parquet table", f"{path}: {error}", "mend the file") from error
    fields = [one.strip() for line in lines[1:] for one in line.split(first)]
    comma = first != "," and any(part.replace(",", "", 1).lstrip("-").isdigit() and "," in part for part in fields)
    return {**({"separator": first} if first != "," else {}), **({"decimal": ","} if comma else {})}


def _steps_across(rows: pd.DataFrame, found: Look) -> bool:
    """Say whether each row is a series, and note what names it."""
    texts = _texts(rows)
    try:
        laid = layout([FrameTable(rows.head(9))], time="time", ids=tuple(texts[:1]))
    except ForecastError:
        return False
    if laid.shape != "rows":
        return False
    chosen = next((name for name in texts if rows[name].is_unique), None)
    if chosen is not None and _format(rows[chosen]) is not False:
        return False  # it holds times: the columns are series
    if chosen is None:
        raise ForecastError("a column that names each row", f"{', '.join(texts) or 'none'}", "write [source] by hand")
    others = [name for name in texts if name != chosen and name not in laid.columns]
    found.options |= {"shape": "rows", "id": chosen, "value": "value"}
    found.options |= {"attributes": others} if others else {}
    found.said.append(f"each row is a series named by {chosen}, its steps are the columns {laid.columns[0]} to "
                      f"{laid.columns[-1]}")  # fmt: skip
    return True


def _time(rows: pd.DataFrame, found: Look) -> None:
    """Note the column of times, its format where it is not ISO 8601, and the frequency of years."""
    candidates = sorted(rows.columns, key=lambda name: name.lower() not in TIMES)
    for name in candidates:
        if pd.api.types.is_datetime64_any_dtype(rows[name]):
            return _noted(name, None, found)
        if rows[name].dtype == object and (format_ := _format(rows[name])) is not False:
            return _noted(name, str(format_), found)
    for name in candidates:
        numbers = pd.api.types.is_numeric_dtype(rows[name]) and not pd.api.types.is_bool_dtype(rows[name])
        if numbers and name.lower() in TIMES and rows[name].notna().all():
            _noted(name, None, found)
            years = rows[name].between(1000, 3000).all()
            whole = (rows[name] == rows[name].round()).all()
            if years and ((whole and "year" in name.lower()) or not whole):
                apart = float(np.median(np.diff(np.unique(rows[name])))) if rows[name].nunique() > 1 else 1.0
                word = "year" if apart > 0.9 else "quarter" if apart > 0.2 else "month"
                found.options["frequency"] = word
                found.said.append(f"{name} holds years: frequency {word}")
            return None
    found.options["time"] = ""
    found.said.append("no column holds times: each series' rows are its steps, in their order")
    return None


def _noted(name: str, format_: str | None, found: Look) -> None:
    found.options["time"] = name
    if format_:
        found.options["time_format"] = format_
        found.said.append(f"times in {name} are written {format_}: mend time_format if day and month are exchanged")


def _format(column: pd.Series) -> str | bool:
    """Return the format of text that holds times, "" where none need be told, False where it holds something else."""
    words = pd.Series(column.unique())
    if words.isna().any() or not all(isinstance(word, str) for word in words):
        return _are_dates(words) and ""
    try:
        kind = Stamps(None, None, "").of(pa.array(words), str(column.name)).dtype.kind
        return "" if kind == "i" else False
    except ForecastError:
        pass
    fitting = {}
    for format_ in (day + hour for day in DAYS for hour in HOURS):
        parsed = pd.to_datetime(words, format=format_, errors="coerce")
        if parsed.notna().all():
            fitting[format_] = len(set(np.diff(np.sort(parsed.to_numpy()))))
    return min(fitting, key=lambda one: fitting[one]) if fitting else False


def _are_dates(words: pd.Series) -> bool:
    return bool(words.notna().all() and all(hasattr(word, "isoformat") for word in words))


def _ids(rows: pd.DataFrame, found: Look, paths: Sequence[Path]) -> None:
    """Note the fewest columns that tell rows of one time apart; text first, then numbers with the name of a name."""
    time = found.options.get("time")
    texts = [name for name in _texts(rows) if name != time]
    named = [name for name in rows if name != time and _is_name(name) and (name in texts or _whole(rows[name]))]
    alone = not time or not rows.duplicated([time]).any()
    sure = [name for name in texts if name in named or rows[name].nunique() == 1]
    if alone and not sure:
        return _note_shape(rows, found, paths)
    candidates = list(dict.fromkeys([*named, *texts]))
    if not time:
        chosen: tuple[str, ...] | None = tuple(candidates[:1])
    else:
        chosen = next((few for count in range(1, MOST + 1) for few in itertools.combinations(candidates, count)
                       if not rows.duplicated([time, *few]).any()), None)  # fmt: skip
    if not chosen:
        raise ForecastError(
            "columns that tell the series of a table apart",
            f"several rows of one {time}, and among {', '.join(candidates) or 'no columns of names'} none that do",
            "name them in source.id, written by hand, or remove rows told twice",
        )
    found.options["id"] = chosen[0] if len(chosen) == 1 else list(chosen)
    found.said.append(f"a long table: a row for each {' and '.join(chosen)} and time")
    return None


def _note_shape(rows: pd.DataFrame, found: Look, paths: Sequence[Path]) -> None:
    time = found.options.get("time") or None
    laid = layout([FrameTable(rows.head(9))], time=time, columns=tuple(_numbers(rows, found)))
    found.options["shape"] = laid.shape
    if laid.shape == "wide":
        found.options["value"] = "value"
        found.said.append(f"a wide table: each of its {len(laid.columns)} columns is a series of one variable")
    elif len(paths) > 1:
        found.said.append("no column names series: each file is one series")
    else:
        found.said.append('one series, each column a variable: set shape = "wide" if each is a series of its own')


def _columns(rows: pd.DataFrame, found: Look) -> None:
    """Note the columns of values with their units, and of text those that are constant within each series."""
    ids = [found.options["id"]] if isinstance(found.options.get("id"), str) else found.options.get("id", [])
    numbers = _numbers(rows, found)
    constant = [
        name
        for name in rows
        if ids and name not in (*ids, *numbers, found.options.get("time"))
        and rows.groupby(ids, sort=False)[name].nunique().max() <= 1
    ]  # fmt: skip
    if found.options.get("shape") != "wide" or len(numbers) < rows.shape[1] - 1:
        found.options["columns"] = numbers
    attributes = [*(ids if len(ids) > 1 else []), *constant]
    if attributes := [name for name in attributes if rows[name].nunique() <= KINDS or _whole(rows[name])]:
        found.options["attributes"] = attributes
    left = [name for name in _texts(rows) if name not in (*ids, *attributes, found.options.get("time"))]
    if left:
        found.said.append(f"text that changes with time, or of many kinds, is left out: {', '.join(left)}")
    if found.options.get("shape") != "wide":
        found.options["units"] = {name: VARIABLES[name].units if name in VARIABLES else "1" for name in numbers}


def _whole(column: pd.Series) -> bool:
    numbers = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    return bool(numbers and column.notna().all() and (column == column.round()).all())


def _numbers(rows: pd.DataFrame, found: Look) -> list[str]:
    ids = found.options.get("id", ())
    taken = {found.options.get("time"), *([ids] if isinstance(ids, str) else ids)}
    free = [name for name in rows.select_dtypes(["number", "bool"]).columns if name not in taken]
    numbers = [name for name in free if name.lower() not in PLACES]
    if not numbers:
        expected = "a table with columns of numbers"
        raise ForecastError(expected, f"{', '.join(rows.columns)}", "name a table with a column of values")
    return numbers


def _texts(rows: pd.DataFrame) -> list[str]:
    return [name for name in rows if rows[name].dtype == object or isinstance(rows[name].dtype, pd.StringDtype)]


def _is_name(name: str) -> bool:
    words = name.lower().replace("-", "_").split("_")
    return (
        bool(NAMES & {*words, words[-1].removesuffix("id")})
        or words[-1] in ("nbr", "no", "number")
        or (name.lower().endswith("id"))
    )
