"""Forecasts as CF-1.11 describes them: a cube of issues, and one issue as maps over time that any tool reads.

The cube      VAR, VAR_quantile, VAR_member, VAR_baseline (forecast_reference_time, lead, [quantile | member |
              baseline], *space), valid_time (forecast_reference_time, lead) beside them
One issue     VAR, VAR_q05, VAR_q95 ... (time, *space): plain variables over one axis of time, as CDO reads them

Times label the start of an interval; where the data's ``cell_methods`` say what is done over it, bounds say how long it
is. On a projected grid lat and lon are 2-D beside y and x, and ``crs`` holds the projection where it is known.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast.errors import ForecastError
from forecast.query import times
from forecast.query.issue import Issue
from forecast.schema import (
    BASELINE,
    CONVENTIONS,
    LAT,
    LEAD,
    LON,
    MEMBER,
    QUANTILE,
    REFERENCE,
    SERIES,
    TIME,
    VALID_TIME,
    VARIABLES,
    X,
    Y,
    shift_time,
    space_coords,
    space_dims,
)

BOUNDS = "bnds"
OWN = ("forecast_id", "issue_time", "model", "model_version", "data_version", "code_version", "degraded", "inputs")
# What CF says of each coordinate (CF-1.11, sections 4, 5.6 and the standard name table 91).
COORDINATES: dict[str, dict[str, str]] = {
    REFERENCE: {"standard_name": "forecast_reference_time", "long_name": "last observed step"},
    LEAD: {"standard_name": "forecast_period", "long_name": "valid time since the last observed step"},
    VALID_TIME: {"standard_name": "time", "long_name": "start of the interval forecast"},
    TIME: {"standard_name": "time", "long_name": "start of the interval forecast", "axis": "T"},
    QUANTILE: {"long_name": "quantile: share of outcomes below", "units": "1"},
    MEMBER: {"standard_name": "realization", "long_name": "member of the ensemble", "units": "1"},
    BASELINE: {"long_name": "reference forecast"},
    SERIES: {"long_name": "name of the series"},
    LAT: {"standard_name": "latitude", "long_name": "latitude", "units": "degrees_north"},
    LON: {"standard_name": "longitude", "long_name": "longitude", "units": "degrees_east"},
    Y: {"long_name": "row of the grid", "units": "1"},
    X: {"long_name": "column of the grid", "units": "1"},
}
# Attributes of the data that go on to the file.
KEPT = ("units", "standard_name", "long_name", "cell_methods", "quantile")
AXES = {LAT: "Y", LON: "X", Y: "Y", X: "X"}


def cube(issues: Sequence[Issue]) -> xr.Dataset:
    """Join issues on forecast_reference_time; of several at one time the last given stays.

    What differs between issues (ids, versions, times of issue) is a variable along that axis, the rest attributes.

    Args:
        issues: of one pipeline, in any order.

    Raises:
        ForecastError: no issue, or issues on other leads or other cells.
    """
    if not issues:
        raise ForecastError("at least one issue", "none", "run `forecast issue` with the pipeline's file")
    parts = {times.text(issue.data[REFERENCE].values[()]): issue.data for issue in issues}
    ordered = [parts[name] for name in sorted(parts)]
    first = ordered[-1]
    for part in ordered:
        same = all(
            name in part.coords and part[name].variable.equals(where.variable)
            for name, where in first.coords.items()
            if _shared(name, where)
        )
        if not same or set(part.data_vars) != set(first.data_vars):
            expected = f"issues on the leads, cells and variables of {first.attrs.get('forecast_id')}"
            raise ForecastError(expected, f"others in {part.attrs.get('forecast_id')}", "export them one by one")
    how: dict[str, Any] = {"data_vars": "all", "coords": "minimal", "compat": "override", "join": "override"}
    joined = xr.concat([part.expand_dims(REFERENCE) for part in ordered], REFERENCE, combine_attrs="override", **how)
    valid = [part[VALID_TIME].values for part in ordered]
    joined = joined.assign_coords({VALID_TIME: ((REFERENCE, LEAD), np.stack(valid))})
    told = {name: [str(part.attrs.get(name, "")) for part in ordered] for name in OWN if name in first.attrs}
    vary = {name: values for name, values in told.items() if len(set(values)) > 1}
    joined = joined.assign_coords({name: (REFERENCE, values) for name, values in vary.items()})
    joined.attrs = {**first.attrs, **{name: values[-1] for name, values in told.items() if name not in vary}}
    for name in vary:
        joined.attrs.pop(name, None)
    return _described(joined.transpose(REFERENCE, LEAD, ...), VALID_TIME)


def _shared(name: Any, where: xr.DataArray) -> bool:
    return name not in (REFERENCE, VALID_TIME) and REFERENCE not in where.dims


def maps(issue: Issue) -> xr.Dataset:
    """Return one issue over time alone: VAR and, for each quantile, VAR_q05, VAR_q50 ... (time, *space)."""
    data = issue.data
    found: dict[str, xr.DataArray] = {}
    for name in issue.targets:
        found[name] = data[name]
        if f"{name}_{QUANTILE}" in data:
            for level in data[QUANTILE].values:
                one = data[f"{name}_{QUANTILE}"].sel({QUANTILE: level}, drop=True)
                about = {"long_name": f"{_long_name(data[name])}, quantile {level:g}", "quantile": float(level)}
                found[f"{name}_q{100 * level:04.1f}".removesuffix(".0").replace(".", "_")] = one.assign_attrs(about)
    flat = xr.Dataset({name: array.reset_coords(drop=True).variable for name, array in found.items()})
    flat = flat.rename({LEAD: TIME}).assign_coords(space_coords(data))
    flat = flat.assign_coords({TIME: data[VALID_TIME].values, REFERENCE: data[REFERENCE].values[()]})
    return _described(flat.transpose(TIME, *space_dims(data)).assign_attrs(data.attrs), TIME)


def _long_name(array: xr.DataArray) -> str:
    known = VARIABLES.get(str(array.name))
    return str(array.attrs.get("long_name") or (known.long_name if known else array.name)).strip()


def _described(data: xr.Dataset, time: str) -> xr.Dataset:
    """Give all variables and the whole what CF asks for, and how it is written; the coordinate ``time`` gets bounds."""
    mapping = json.loads(data.attrs.pop("grid_mapping", "") or "{}")
    for name in map(str, data.data_vars):
        _variable(data[name], "crs" if mapping else "")
        if TIME in data.dims and LON in data.dims:  # CDO warns of every other name among the coordinates
            data[name].encoding["coordinates"] = None
        elif TIME in data.dims and X in data.dims:
            data[name].encoding["coordinates"] = f"{LAT} {LON}"
    for name in map(str, data.coords):
        _coordinate(data, name)
    if any("cell_methods" in array.attrs and "point" not in array.attrs["cell_methods"] for array in data.values()):
        data = _bounded(data, time, pd.Timedelta(data.attrs["step"]))
    if mapping:
        data["crs"] = ((), np.int32(0), mapping, {"coordinates": None})
    return data.assign_attrs(Conventions=CONVENTIONS)


def _variable(array: xr.DataArray, mapping: str) -> None:
    """Describe one variable in place; ``mapping`` names that of its projection, or is ""."""
    name = str(array.name)
    stem = next((known for known in VARIABLES if name == known or name.startswith(f"{known}_")), "")
    part = next((f", {part}" for part in (QUANTILE, MEMBER, BASELINE) if name.endswith(f"_{part}")), "")
    about = {"long_name": f"{VARIABLES[stem].long_name if stem else name.removesuffix(part.replace(', ', '_'))}{part}"}
    if stem and VARIABLES[stem].standard_name:
        about["standard_name"] = VARIABLES[stem].standard_name
    mine = {key: array.attrs[key] for key in KEPT if key in array.attrs}
    array.attrs = about | mine | ({"grid_mapping": mapping} if mapping else {})
    array.encoding = {"dtype": "float32", "_FillValue": np.float32(np.nan), "zlib": True, "complevel": 4}


def _coordinate(data: xr.Dataset, name: str) -> None:
    array = data[name]
    array.attrs = {
        **COORDINATES.get(name, {"long_name": name.replace("_", " ")}),
        **{key: array.attrs[key] for key in KEPT[:2] if key in array.attrs},
    }
    if name in AXES and array.ndim == 1 and name in data.dims:
        array.attrs["axis"] = AXES[name]
    array.encoding = {} if array.dtype.kind in "UO" else {"_FillValue": None}
    if name in (REFERENCE, VALID_TIME, TIME):
        array.encoding |= {"units": _units(array), "calendar": str(array.dt.calendar), "dtype": "float64"}
    if name == LEAD:
        array.encoding |= {"units": "hours", "dtype": "float64"}
    if name == MEMBER:
        array.encoding |= {"dtype": "int32"}


def _units(array: xr.DataArray) -> str:
    whole = bool((array.dt.second == 0).all()) and bool((array.dt.minute == 0).all())
    return f"{'hours' if whole else 'seconds'} since 1970-01-01 00:00:00"


def _bounded(data: xr.Dataset, time: str, step: pd.Timedelta) -> xr.Dataset:
    start = data[time]
    ends = shift_time(start.values, step)
    name = f"{time}_{BOUNDS}"
    data = data.assign({name: ((*start.dims, BOUNDS), np.stack([start.values, ends], axis=-1))})
    data[name].encoding = {**start.encoding, "coordinates": None}
    data[time].attrs["bounds"] = name
    return data
