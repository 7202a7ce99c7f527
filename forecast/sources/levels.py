"""Vertical levels: one is cut out of a variable, or each of a list becomes a variable of its own."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping

import numpy as np
import xarray as xr

from forecast.errors import ForecastError

LEVELS = ("level", "lev", "plev", "pressure_level", "isobaricinhpa", "height", "depth", "heightaboveground")
LEVEL, LEVEL_UNITS = "level", "level_units"  # attributes of a map that was cut
NEAR = 1e-5  # levels are the same within this part: 0.995 in float32 is not 0.995
Levels = float | tuple[float, ...] | None


def is_vertical(array: xr.DataArray, dim: Hashable) -> bool:
    """Say whether a dimension of an array is its vertical one: by its name, its axis, or its direction."""
    attrs = array[dim].attrs if dim in array.coords else {}
    return str(dim).lower() in LEVELS or attrs.get("axis") == "Z" or "positive" in attrs


def flat(
    array: xr.DataArray, axes: Mapping[Hashable, str], level: Levels, origin: str
) -> Iterator[tuple[str, xr.DataArray]]:
    """Yield the maps of a variable, each with its name: dimensions of length 1 are dropped, the vertical one is cut.

    Args:
        array: a variable with every dimension of ``axes``, and perhaps others.
        axes: the dimensions to keep.
        level: one level, or several, of which those that are there are yielded as ``NAME_LEVEL``; None where there is
            only one.
        origin: the file, for messages.

    Raises:
        ForecastError: several levels and none chosen, none of those chosen is there, or another dimension is there.
    """
    extra = [dim for dim in array.dims if dim not in axes]
    vertical = next((dim for dim in extra if is_vertical(array, dim)), None)
    for dim in extra:
        if array.sizes[dim] != 1 and (dim != vertical or level is None):
            raise _several(array, dim, level, origin)
    array = array.isel({dim: 0 for dim in extra if dim != vertical or level is None})
    if vertical is None or level is None:
        yield str(array.name), array
        return
    known = array[vertical].values if vertical in array.coords else np.array([])
    wanted = level if isinstance(level, tuple) else (level,)
    found = [(value, np.flatnonzero(np.isclose(known, value, rtol=NEAR, atol=0))) for value in wanted]
    if not any(len(at) == 1 for _, at in found):
        raise _several(array, vertical, level, origin)
    for value, at in found:
        if len(at) == 1:
            name = f"{array.name}_{value:g}" if isinstance(level, tuple) else str(array.name)
            attrs = {LEVEL: float(value), LEVEL_UNITS: str(array[vertical].attrs.get("units", ""))}
            yield name, array.isel({vertical: int(at[0])}).assign_attrs(attrs)


def _several(array: xr.DataArray, dim: Hashable, level: Levels, origin: str) -> ForecastError:
    known = array[dim].values if dim in array.coords else np.array([])
    shown = ", ".join(str(value) for value in known[:20]) or "no coordinate"
    return ForecastError(
        f"{array.name} on (time, lat, lon), or source.level = one of its levels, or a list of them",
        f"dimension {dim} of length {array.sizes[dim]} ({shown}) and level = {level} in {origin}",
        f"set level, or select one {dim} in the file",
    )
