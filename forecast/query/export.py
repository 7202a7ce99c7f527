"""A whole issue, or all of them, as a file: the ending of its name chooses the format.

.nc, .zarr   CF-1.11: one issue over time, or the cube of all issues (see ``cube``)
.csv         a long table: a row a lead and place, the columns of ``formats``
.geojson     RFC 7946: a point a cell or series, at its centre, with a property COLUMN_HOURSh for each column and lead
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast.errors import ForecastError
from forecast.query import cube, times
from forecast.query.formats import IDENTITY, columns
from forecast.query.issue import Issue
from forecast.query.names import choose
from forecast.schema import LAT, LEAD, LON, MEMBER, SERIES, VALID_TIME, space_dims


def save(issue: Issue, path: Path) -> None:
    """Write one issue.

    Args:
        issue: narrowed or whole.
        path: its ending is one of ``WRITERS``.

    Raises:
        ForecastError: another ending, or a Zarr folder that stands already.
    """
    WRITERS[choose("file ending", WRITERS, path.suffix, ForecastError)](issue, path)


def save_cube(issues: Sequence[Issue], path: Path) -> None:
    """Write issues as one cube.

    Args:
        issues: of one pipeline.
        path: NAME.nc or NAME.zarr.

    Raises:
        ForecastError: another ending, a Zarr folder that stands already, or issues of other leads or cells.
    """
    choose("file ending of a cube", (".nc", ".zarr"), path.suffix, ForecastError)
    _write(cube.cube(issues), path)


def _write(data: xr.Dataset, path: Path) -> None:
    if path.suffix == ".nc":
        data.to_netcdf(path, engine="netcdf4")
        return
    if path.exists():
        remedy = "choose another name, or remove it"
        raise ForecastError("a new folder for Zarr", f"{path}, which stands already", remedy)
    for array in data.variables.values():
        array.encoding = {key: value for key, value in array.encoding.items() if key not in ("zlib", "complevel")}
    data.to_zarr(path, mode="w-", zarr_format=2, consolidated=True)  # format 2: read by every tool, without a warning


def table(issue: Issue) -> pd.DataFrame:
    """Return one issue as a long table: valid_time, lead_hours, place, every column, units, the issue's identity."""
    flat, space = _columns(issue), space_dims(issue.data)
    values = {name: array.transpose(LEAD, *space).reset_coords(drop=True).variable for name, array in flat.items()}
    whole = xr.Dataset(values, {name: issue.data[name].variable for name in (LEAD, *space)})
    rows = whole.to_dataframe(dim_order=[LEAD, *space]).reset_index()
    where = {name: issue.data[name] for name in (LAT, LON) if name in issue.data.coords and name not in space}
    for name, array in where.items():
        shape = array.expand_dims({LEAD: issue.data.sizes[LEAD]}).transpose(LEAD, *space)
        rows.insert(1 + len(space), name, shape.values.ravel())
    hours = rows.pop(LEAD) / pd.Timedelta("1h")
    valid = [times.text(time) for time in issue.data[VALID_TIME].values]
    rows.insert(0, VALID_TIME, np.repeat(valid, len(rows) // len(valid)))
    rows.insert(1, "lead_hours", hours)
    rows["units"] = "; ".join(sorted({issue.data[name].attrs["units"] for name in issue.targets}))
    return rows.assign(**{name: issue.data.attrs.get(name, "") for name in IDENTITY})


def _columns(issue: Issue) -> dict[str, xr.DataArray]:
    held = [name for name, array in issue.data.items() if MEMBER not in array.dims]
    return columns(issue.data[held].load())


def geojson(issue: Issue) -> dict[str, Any]:
    """Return one issue as a FeatureCollection; cells without any value are left out, longitudes are in [-180, 180)."""
    space, features = space_dims(issue.data), []
    hours = issue.data[LEAD].values / np.timedelta64(1, "h")
    flat = {
        f"{name}_{hour:g}h": row
        for name, array in _columns(issue).items()
        for hour, row in zip(hours, array.transpose(LEAD, *space).values.reshape(len(hours), -1), strict=True)
    }
    size = int(np.prod([issue.data.sizes[dim] for dim in space]))
    where = _centres(issue.data, space)
    for cell in range(size):
        told = {name: _value(row[cell]) for name, row in flat.items()}
        if any(value is not None for value in told.values()):
            point = {"type": "Point", "coordinates": [round(float(one[cell]), 6) for one in where]} if where else None
            name = {SERIES: str(issue.data[SERIES].values[cell])} if SERIES in space else {}
            features.append({"type": "Feature", "geometry": point, "properties": {**name, **told}})
    units = {name: issue.data[name].attrs["units"] for name in issue.targets}
    valid = {f"{hour:g}h": times.text(time) for hour, time in zip(hours, issue.data[VALID_TIME].values, strict=True)}
    about = {str(name): value for name, value in issue.data.attrs.items()} | {"units": units, VALID_TIME: valid}
    return {"type": "FeatureCollection", "features": features, "forecast": about}


def _centres(data: xr.Dataset, space: tuple[str, ...]) -> list[np.ndarray]:
    """Return the longitudes and latitudes of all places, flat; nothing for series without positions."""
    if not {LAT, LON} <= set(data.coords):
        return []
    lat, lon = (one.transpose(*space).values.ravel() for one in xr.broadcast(data[LAT], data[LON]))
    return [(lon + 180) % 360 - 180, lat]


def _value(value: Any) -> float | None:
    return float(f"{value:.7g}") if np.isfinite(value) else None


def _csv(issue: Issue, path: Path) -> None:
    table(issue).to_csv(path, index=False)


def _geojson(issue: Issue, path: Path) -> None:
    path.write_text(json.dumps(geojson(issue), allow_nan=False, default=str))


def _maps(issue: Issue, path: Path) -> None:
    _write(cube.maps(issue), path)


WRITERS: dict[str, Callable[[Issue, Path], None]] = {".nc": _maps, ".zarr": _maps, ".csv": _csv, ".geojson": _geojson}
