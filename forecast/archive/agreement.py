"""Whether incoming observations belong to an archive: compared before each write, refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast import schema, sphere
from forecast.errors import ForecastError
from forecast.snapshots import calendar

# Coordinates agree within this part of the grid's spacing: what float32 files lose, and far less than a cell.
COORDINATE_TOLERANCE = 1e-3


def check(stored: xr.Dataset, incoming: xr.Dataset) -> None:
    """Refuse observations that are not of the archive's kind.

    Args:
        stored: the archive, with its step as the attribute ``step``.
        incoming: canonical observations.

    Raises:
        ForecastError: kind, calendar, step, variables, units, grid or origin (simulated or measured) differ.
    """
    same("dimensions", (schema.TIME, *schema.space_dims(stored)), (schema.TIME, *schema.space_dims(incoming)))
    names = [sorted(str(name) for name in data.data_vars if name != "arrival") for data in (stored, incoming)]
    same("variables", *names)
    for name in names[0]:
        same(f"units of {name}", stored[name].attrs["units"], incoming[name].attrs["units"])
    same("a calendar", *(calendar(data[schema.TIME].values) for data in (stored, incoming)))
    if incoming.sizes[schema.TIME] > 1:
        same("a step of", pd.Timedelta(stored.attrs["step"]), schema.time_step(incoming))
    same("simulated =", *(data.attrs.get("simulated", "no") for data in (stored, incoming)))
    if schema.kind(stored) == "map":
        for dim in schema.space_dims(stored):
            _grid(dim, stored[dim].values, incoming[dim].values)
    if schema.Y in stored.dims:
        _projected(stored, incoming)


def same(what: str, stored: Any, incoming: Any) -> None:
    """Refuse ``what`` (a name for the message) where the incoming differs from the stored."""
    if stored != incoming:
        raise ForecastError(
            f"{what} {stored}, as in the archive", f"{incoming}", "convert it in the source, or begin another pipeline"
        )


def _projected(stored: xr.Dataset, incoming: xr.Dataset) -> None:
    lat, lon = (stored[name].values for name in (schema.LAT, schema.LON))
    spacing = min(sphere.distance(lat[1:], lon[1:], lat[:-1], lon[:-1]).min(), 1.0)
    moved = sphere.distance(lat, lon, incoming[schema.LAT].values, incoming[schema.LON].values).max()
    if moved > COORDINATE_TOLERANCE * spacing:
        got = f"cells up to {moved:g} degrees of arc from there"
        remedy = "cut the source to this grid, or begin another pipeline"
        raise ForecastError("cells where the archive's are (lat and lon of each)", got, remedy)


def _grid(dim: str, stored: np.ndarray, incoming: np.ndarray) -> None:
    spacing = float(np.abs(np.diff(stored)).min()) if len(stored) > 1 else 1.0
    if len(stored) == len(incoming) and np.allclose(stored, incoming, rtol=0, atol=COORDINATE_TOLERANCE * spacing):
        return
    span = [f"{len(values)} {dim} from {values[0]:g} to {values[-1]:g}" for values in (stored, incoming)]
    raise ForecastError(
        f"the archive's grid, {span[0]}", span[1], "cut the source to this grid, or begin another pipeline"
    )
