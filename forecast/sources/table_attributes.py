"""What does not change within a series: attributes from its own table or one beside it, numbers or categories."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import xarray as xr

from forecast.errors import ForecastError
from forecast.schema import SERIES
from forecast.sources.table_layout import is_text
from forecast.sources.table_parts import Table, texts
from forecast.sources.table_reading import labels


def attributes(
    names: np.ndarray,
    tables: Sequence[Table],
    ids: Sequence[str],
    own: Sequence[str],
    beside: Table | None,
    units: Mapping[str, str],
) -> xr.Dataset:
    """Return attributes of series, (series,) float32, NaN where there is none; text as places in ``categories``.

    Args:
        names: of the series, (S,).
        tables: of values, whose columns ``own`` are constant within each series.
        ids: columns that name a series.
        own: columns of ``tables``.
        beside: a table with a row a series and the columns ``ids`` (or, with one id, its first column); None: there is
            none.
        units: by attribute; 1 where none is given.

    Raises:
        ForecastError: a series with two values of an attribute, or a table without the names of series.
    """
    found = _one_each([_rows(table, ids, own) for table in tables], "source.attributes") if own else pd.DataFrame()
    if beside is not None:
        first = list(ids) if set(ids) <= set(beside.columns) else [next(iter(beside.columns))]
        others = [name for name in beside.columns if name not in first]
        more = _one_each([_rows(beside, first, others)], beside.name)
        found = found.join(more, how="outer")
        if not more.index.isin(names).any():
            got = f"{', '.join(map(str, more.index[:3]))} in {beside.name}, {', '.join(names[:3])} in the table"
            raise ForecastError("attributes of the series of the table", got, "name the series alike in both")
    found = found.reindex(names)
    data = xr.Dataset(coords={SERIES: names})
    for name in map(str, found.columns):
        data[name] = _attribute(found[name], units.get(name, "1"))
    return data


def _rows(table: Table, ids: Sequence[str], wanted: Sequence[str]) -> pd.DataFrame:
    """Return the different rows of some columns, by the name of their series; what names one is a category."""
    words = [*ids, *(name for name in wanted if is_text(table.columns[name]))]
    parts = []
    for part in table.parts(list(dict.fromkeys([*ids, *wanted])), words):
        columns = {name: texts(part.column(name)) if name in words else part.column(name) for name in wanted}
        rows = pa.table(columns).to_pandas()
        rows.index = pd.Index(labels(part, ids, table).dictionary_decode().to_pandas(), name=SERIES)
        parts.append(_different(rows))
    return _different(pd.concat(parts)) if parts else pd.DataFrame(columns=list(wanted))


def _different(rows: pd.DataFrame) -> pd.DataFrame:
    text = rows.astype({name: object for name in rows if rows[name].dtype == "category"})
    return text[~text.reset_index().duplicated().to_numpy()].dropna(how="all")


def _one_each(parts: Sequence[pd.DataFrame], origin: str) -> pd.DataFrame:
    """Return one row a series, each value the only one that the series has."""
    rows = _different(pd.concat(list(parts)))
    grouped = rows.groupby(level=0)
    counts = grouped.nunique()
    if (counts > 1).any(axis=None):
        series = counts.index[(counts > 1).any(axis=1)][0]
        name = counts.columns[counts.loc[series] > 1][0]
        values = ", ".join(map(str, rows.loc[[series], name].unique()[:3]))
        raise ForecastError(
            f"one {name} for each series", f"{values} for {series}, from {origin}", "take it as a column of values"
        )
    return grouped.first()


def _attribute(values: pd.Series, units: str) -> xr.DataArray:
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values.dropna().infer_objects()):
        return xr.DataArray(values.to_numpy("float32", na_value=np.nan), dims=SERIES, attrs={"units": units})
    codes, categories = pd.factorize(values.where(values != ""), sort=True)
    attrs = {"units": units, "categories": json.dumps([str(one) for one in categories], ensure_ascii=False)}
    return xr.DataArray(np.where(codes < 0, np.nan, codes).astype("float32"), dims=SERIES, attrs=attrs)
