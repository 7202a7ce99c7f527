"""An answer as a file: CSV, JSON and NetCDF, a table of ``name -> (media type, writer)``.

CSV and JSON are flat, a row a lead; a column is named VAR, VAR_quantile_0.05, VAR_baseline_persistence, VAR_skill_...,
and every CSV row repeats the unit, the issue and the versions, so that a line cut out still says what it is.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from forecast.errors import ForecastError
from forecast.query import times
from forecast.query.names import choose
from forecast.schema import BASELINE, LAT, LEAD, LON, MEMBER, QUANTILE, SERIES, VALID_TIME

IDENTITY = ("forecast_id", "issue_time", "model", "model_version", "data_version")


def columns(answer: xr.Dataset) -> dict[str, xr.DataArray]:
    """Flatten an answer at a place to columns (lead), each with its units; the name holds quantile or baseline.

    A whole forecast is flattened likewise, to columns (lead, *space).
    """
    flat: dict[str, xr.DataArray] = {}
    for name, array in answer.data_vars.items():
        inner = [dim for dim in array.dims if dim in (QUANTILE, BASELINE, MEMBER)]
        if not inner:
            flat[str(name)] = array
            continue
        for index, label in enumerate(array[inner[0]].values):
            flat[f"{name}_{_label(label)}"] = array.isel({inner[0]: index})
    return flat


def column(data: xr.Dataset, name: str) -> xr.DataArray:
    """Return one column of a forecast Dataset with its space kept: (lead, *space).

    Raises:
        ForecastError: no such column; the known ones are listed.
    """
    return columns(data)[choose("parameter", columns(data), name, ForecastError)]


def pick(answer: xr.Dataset, names: list[str]) -> dict[str, xr.DataArray]:
    """Return the columns asked for by name, all of them where none is named.

    Raises:
        ForecastError: no such column; the known ones are listed, the nearest suggested.
    """
    flat = columns(answer)
    return {name: flat[choose("parameter", flat, name, ForecastError)] for name in names} if names else flat


def _label(value: object) -> str:
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)


def frame(answer: xr.Dataset, names: list[str] | None = None) -> pd.DataFrame:
    """Return an answer at a place as a table, a row a lead: valid_time, lead_hours, then the columns."""
    flat = pick(answer, names or [])
    hours = answer[LEAD].values / np.timedelta64(1, "h")
    head = {VALID_TIME: [times.text(time) for time in answer[VALID_TIME].values], "lead_hours": hours}
    return pd.DataFrame({**head, **{name: array.values for name, array in flat.items()}})


def place_of(answer: xr.Dataset) -> dict[str, float | str]:
    """Return the place of an answer: latitude and longitude of the cell's centre in degrees, or the series' name."""
    return {
        name: str(answer[name].values) if name == SERIES else float(answer[name])
        for name in (LAT, LON, SERIES)
        if name in answer.coords and answer[name].ndim == 0
    }


def to_csv(answer: xr.Dataset, names: list[str] | None = None) -> bytes:
    """Write a table with a header; missing values are empty."""
    table = frame(answer, names)
    for name, value in place_of(answer).items():
        table[name] = value
    units = {array.attrs["units"] for array in answer.values()} - {"1"}
    table["units"] = "; ".join(sorted(units))
    for name in IDENTITY:
        table[name] = answer.attrs.get(name, "")
    return table.to_csv(index=False).encode()


def records(answer: xr.Dataset, names: list[str] | None = None) -> dict[str, object]:
    """Return an answer as plain values for JSON: attributes, place, units, rows; missing values are None."""
    flat = pick(answer, names or [])
    rows = [
        {name: value if value == value else None for name, value in row.items()}  # NaN is unequal to itself
        for row in frame(answer, names).to_dict("records")
    ]
    return {
        "attributes": {str(name): value for name, value in answer.attrs.items()},
        "place": place_of(answer),
        "units": {name: array.attrs["units"] for name, array in flat.items()},
        "rows": rows,
    }


def to_json(answer: xr.Dataset, names: list[str] | None = None) -> bytes:
    """Write ``records`` as JSON."""
    return json.dumps(records(answer, names), default=str).encode()


def to_netcdf(answer: xr.Dataset, names: list[str] | None = None) -> bytes:
    """Write the Dataset itself as NetCDF-4; with ``names``, the columns asked for as variables (lead)."""
    if names:
        answer = xr.Dataset(dict(pick(answer, names)), attrs=answer.attrs)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "answer.nc"
        answer.to_netcdf(path, engine="netcdf4")
        return path.read_bytes()


FORMATS: dict[str, tuple[str, Callable[..., bytes]]] = {
    "csv": ("text/csv; charset=utf-8", to_csv),
    "json": ("application/json", to_json),
    "netcdf": ("application/x-netcdf", to_netcdf),
}


def write(answer: xr.Dataset, name: str, names: list[str] | None = None) -> bytes:
    """Write an answer in a format.

    Args:
        answer: at a place, as ``Issue.at`` gives it.
        name: of the format.
        names: columns to write; None writes all.

    Raises:
        ForecastError: no such format, or no such column.
    """
    return FORMATS[choose("format", FORMATS, name, ForecastError)][1](answer, names)
