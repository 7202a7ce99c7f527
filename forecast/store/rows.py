"""Issues as rows: those of the same shape (variables, units, coordinates, state) share arrays, one behind the other.

So a thousand issues cost hardly more to open than one, and a point is read from one chunk of its issue. What an issue
has of its own, its attributes, lies beside it as text.
"""

from __future__ import annotations

import hashlib
import json
import re
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
import zarr

from forecast import schema
from forecast.errors import ForecastError
from forecast.snapshots import TIME_UNITS, calendar, moments

ISSUE, ID, ABOUT = "issue", "forecast_id", "about"
COLUMNS = (ID, schema.REFERENCE, "issue_time", "model", "model_version", "data_version", "code_version")
NEEDED = ("forecast_id", "issue_time", "model", "model_version", "data_version")
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+00:00)?")
# A chunk is one issue's whole field for as many members and leads as fit in this; a point is then one read or few.
CHUNK_BYTES = 2**22
# Where the text beside an issue holds what is not an attribute of its Dataset.
KEPT = "_kept"


def complete(forecast: xr.Dataset) -> xr.Dataset:
    """Refuse more than one reference time and missing attributes."""
    if forecast.sizes[schema.REFERENCE] != 1:
        raise ForecastError("one reference time an issue", f"{forecast.sizes[schema.REFERENCE]}", "write one by one")
    lacking = [name for name in NEEDED if not forecast.attrs.get(name)]
    if lacking:
        raise ForecastError(f"attributes {', '.join(NEEDED)}", f"no {', '.join(lacking)}", "set them on the forecast")
    if not ISO.fullmatch(str(forecast.attrs["issue_time"])):
        got = f"{forecast.attrs['issue_time']}"
        raise ForecastError("issue_time such as 2009-01-01T06:00:00Z (UTC)", got, "write it in ISO 8601")
    return forecast


def place(index: pd.DataFrame, attrs: dict[str, Any]) -> tuple[str, Any]:
    """Return the id to write under and the entry that it replaces, or None."""
    versions = _versions(attrs)
    same = [entry for entry in index.itertuples() if entry.asked == attrs[ID]]
    former = next((entry for entry in same if entry.versions == versions), None)
    if former is not None:
        return str(former.forecast_id), former
    return str(attrs[ID]) if not same else f"{attrs[ID]}-r{len(same) + 1}", None


def _versions(attrs: dict[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in sorted(attrs.items()) if key.endswith("_version")}


def from_forecast(forecast: xr.Dataset, name: str, state: dict[str, np.ndarray], order: int) -> xr.Dataset:
    """Return a forecast as a row of its layout: variables (issue, lead, ...), its attributes as text, its state.

    Args:
        forecast: one issue, complete.
        name: the id under which it will be found.
        state: arrays by name; {} for none.
        order: counts what was written, so that of two issues at the same time the later one is known.

    Raises:
        ForecastError: a state that is not made of numbers.
    """
    kept = {"asked": forecast.attrs[ID], "order": order, "valid_time": forecast[schema.VALID_TIME].attrs}
    about = json.dumps({**forecast.attrs, ID: name, KEPT: kept}, default=lambda value: value.tolist())
    bare = forecast.drop_vars([schema.VALID_TIME, schema.REFERENCE]).drop_attrs(deep=False).drop_encoding()
    row = objects(bare).rename_dims({schema.REFERENCE: ISSUE})
    row = row.assign({ID: (ISSUE, np.array([name], object)), ABOUT: (ISSUE, np.array([about], object))})
    row[schema.REFERENCE] = (ISSUE, forecast[schema.REFERENCE].values, forecast[schema.REFERENCE].attrs)
    for i, (key, value) in enumerate(sorted(state.items())):
        stored, dtype = np.asarray(value), np.asarray(value).dtype
        if dtype.kind not in "biufcmM":
            raise ForecastError("a state of numbers", f"{key} of type {dtype}", "keep numbers, booleans or datetime64")
        stored = stored.view({"b": "u1", "m": "i8", "M": "i8"}.get(dtype.kind, dtype))
        dims = (ISSUE, *(f"state_{i}_{axis}" for axis in range(stored.ndim)))
        row[f"state_{i}"] = (dims, stored[None], {"state": key, "dtype": dtype.str})
    return row


def layout(row: xr.Dataset) -> str:
    """Return the digest of everything that issues must share to lie in the same arrays."""
    parts: list[Any] = [calendar(row[schema.REFERENCE].values)]
    for name in sorted(map(str, row.variables)):
        variable = row[name].variable
        same = [name, variable.dims, str(variable.dtype), variable.shape[1:], variable.attrs]
        parts.append([*same, None if ISSUE in variable.dims else variable.values.tolist()])
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:16]


def write(row: xr.Dataset, store: Any, former: Any) -> None:
    """Write a row to an open store: in place of its former entry (of the index, or None), behind the last, or first."""
    name = layout(row)
    if former is not None and former.layout != name:
        array(store, former.layout, ID)[int(former.row)] = ""
        former = None
    group = f"issues/{name}"
    moving = row.drop_vars([name for name in row.variables if ISSUE not in row[name].dims])
    if former is not None:
        moving.to_zarr(store, group=group, region={ISSUE: slice(former.row, former.row + 1)}, consolidated=False)
    elif group in zarr.open_group(store, mode="a"):
        moving.to_zarr(store, group=group, append_dim=ISSUE, consolidated=False)
    else:
        encoding: dict[Any, Any] = {name: {"chunks": _chunks(row[name])} for name in moving.variables}
        encoding[ID] = encoding[ABOUT] = {"chunks": (256,)}
        time = {"units": TIME_UNITS, "calendar": calendar(row[schema.REFERENCE].values), "dtype": "int64"}
        encoding[schema.REFERENCE] = {**time, "chunks": (4096,)}
        row.to_zarr(store, group=group, mode="a", consolidated=False, encoding=encoding)


def _chunks(array: xr.DataArray) -> tuple[int, ...]:
    """Return chunks of one issue, leads (then members) halved until one fits in CHUNK_BYTES."""
    chunks = list(array.shape)
    for axis in range(1, array.ndim):
        while array.dtype.itemsize * np.prod(chunks) > CHUNK_BYTES and chunks[axis] > 1:
            chunks[axis] = -(-chunks[axis] // 2)
    return tuple(chunks)


def index(store: Any) -> pd.DataFrame:
    """Return every issue, sorted: the columns of ``Store.issues`` and where each lies (layout, row)."""
    entries = []
    issues = None if store is None else zarr.open_group(store, mode="r" if store.read_only else "a").get("issues")
    for name in sorted(issues.group_keys()) if isinstance(issues, zarr.Group) else ():
        time = array(store, name, schema.REFERENCE)
        references = moments(np.asarray(time[:]), str(time.attrs["calendar"]))
        texts = [np.asarray(array(store, name, column)[:]).tolist() for column in (ID, ABOUT)]
        for row, (forecast_id, about, reference) in enumerate(zip(*texts, references, strict=True)):
            if forecast_id:
                attrs = json.loads(about)
                known = [attrs.get(column, "") for column in COLUMNS[2:]]
                own = [attrs[KEPT]["asked"], attrs[KEPT]["order"], _versions(attrs)]
                entries.append([str(forecast_id), reference, *known, *own, name, row])
    frame = pd.DataFrame(entries, columns=[*COLUMNS, "asked", "order", "versions", "layout", "row"])
    return frame.sort_values([schema.REFERENCE, "issue_time", "order"], ignore_index=True)


def find(index: pd.DataFrame, forecast_id: str) -> Any:
    """Return the entry of one id; ForecastError names the nearest where there is none."""
    found = index[index[ID] == forecast_id]
    if found.empty:
        near = get_close_matches(forecast_id, index[ID], n=1, cutoff=0)
        remedy = f"did you mean {near[0]!r}? Otherwise choose one from issues()" if near else "issue a forecast first"
        raise ForecastError(f"the id of one of {len(index)} issued forecasts", repr(forecast_id), remedy)
    return found.iloc[0]


def read(store: Any, entry: Any) -> xr.Dataset:
    """Return the forecast of one entry of the index, as it was written, lazily."""
    data = xr.open_zarr(store, group=f"issues/{entry.layout}", consolidated=False, chunks=None)
    one = data.isel({ISSUE: [entry.row]})
    attrs = json.loads(str(one[ABOUT].values[0]))
    one = one.drop_vars([ID, ABOUT, *(name for name in one.data_vars if "state" in one[name].attrs)])
    one = texts(one.set_coords(schema.REFERENCE).swap_dims({ISSUE: schema.REFERENCE}))
    valid = schema.valid_times(one[schema.REFERENCE].values, one[schema.LEAD].values)
    kept = attrs.pop(KEPT)
    one = one.assign_coords({schema.VALID_TIME: ((schema.REFERENCE, schema.LEAD), valid, kept["valid_time"])})
    return one.assign_attrs(attrs)


def state(store: Any, entry: Any) -> dict[str, np.ndarray] | None:
    """Return the state of one entry of the index, in the types it was written in; None where it has none."""
    group = zarr.open_group(store, path=f"issues/{entry.layout}", mode="r")
    found = [one for _, one in group.arrays() if "state" in one.attrs]
    return {str(one.attrs["state"]): np.asarray(one[entry.row]).view(str(one.attrs["dtype"])) for one in found} or None


def array(store: Any, layout: str, name: str) -> zarr.Array:
    """Open one array, by its name, of a layout; for writing where the store allows it."""
    return zarr.open_array(store, path=f"issues/{layout}/{name}", mode="r" if store.read_only else "r+")


def objects(data: xr.Dataset) -> xr.Dataset:
    """Return text as Python strings, which zarr keeps at any length."""
    return _retype(data, "U", object)


def texts(data: xr.Dataset) -> xr.Dataset:
    """Return text as numpy's plain strings, as it was before ``objects``."""
    return _retype(data, "T", str)


def _retype(data: xr.Dataset, kind: str, wanted: type) -> xr.Dataset:
    found = {name: data[name].variable for name in data.variables if data[name].dtype.kind == kind}
    changed: Any = {name: (one.dims, np.array(one.values.tolist(), wanted), one.attrs) for name, one in found.items()}
    data = data.assign_coords({name: one for name, one in changed.items() if name in data.coords})
    return data.assign({name: one for name, one in changed.items() if name not in data.coords})
