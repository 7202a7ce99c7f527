"""Stations on a grid: each place takes the cell whose centre is nearest on the great circle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from forecast import sphere
from forecast.errors import ForecastError
from forecast.schema import LAT, LON, SERIES, is_periodic, space_dims

HALF = 0.505  # of a cell: how far beyond its outermost centres a grid reaches, with a margin for rounding
COLUMNS = ("name", "lat", "lon")
Places = Mapping[str, tuple[float, float]]


def read(stations: Places | str) -> dict[str, tuple[float, float]]:
    """Return stations by name, sorted: (latitude, longitude) in degrees.

    Args:
        stations: them, or the path of a CSV file with the columns name, lat and lon.

    Raises:
        ForecastError: no such file or columns, a name given twice, none at all, or a place not on the earth.
    """
    found = _table(Path(stations).expanduser()) if isinstance(stations, str) else list(stations.items())
    names = [name for name, _ in found]
    bad = [f"{name} at {lat}, {lon}" for name, (lat, lon) in found if not (-90 <= lat <= 90 and -180 <= lon <= 360)]
    bad += sorted({f"{name} twice" for name in names if names.count(name) > 1})
    if bad or not found:
        raise ForecastError(
            "stations by name, each once, with a latitude in [-90, 90] and a longitude in [-180, 360]",
            "; ".join(bad) or "none",
            "mend source.stations, such as { London = [51.5, -0.1] }",
        )
    return dict(sorted(found))


def _table(path: Path) -> list[tuple[str, tuple[float, float]]]:
    try:
        table = pd.read_csv(path, dtype={"name": str})[list(COLUMNS)]
        places = table[["lat", "lon"]].astype("float64").to_numpy()
    except (OSError, ValueError, KeyError) as error:
        raise ForecastError(
            f"a CSV file of stations with the columns {', '.join(COLUMNS)}", f"{path}: {error}", "mend source.stations"
        ) from error
    return [(str(name), (float(lat), float(lon))) for name, (lat, lon) in zip(table["name"], places, strict=True)]


def cells(stations: Places, data: xr.Dataset) -> dict[str, tuple[int, int]]:
    """Return the position of each station's cell on the dimensions of space.

    Args:
        stations: name -> (latitude, longitude).
        data: canonical maps, regular or projected.

    Raises:
        ForecastError: a station beyond the edge of the grid by more than half a cell.
    """
    lat, lon = _centres(data)
    if min(lat.shape) < 2:
        got = f"{lat.shape[0]} x {lat.shape[1]} cells"
        raise ForecastError("a grid of at least 2 x 2 cells around stations", got, "take a larger region")
    centres, around = sphere.unit(lat, lon), is_periodic(data[LON].values)
    return {name: _cell(name, place, lat, lon, centres, around) for name, place in stations.items()}


def _cell(
    name: str, place: tuple[float, float], lat: np.ndarray, lon: np.ndarray, centres: np.ndarray, around: bool
) -> tuple[int, int]:
    i, j = np.unravel_index(int(np.argmin(sphere.distance(lat, lon, *place))), lat.shape)
    (rows, columns), here = lat.shape, centres[i, j]
    # where the place lies from its cell's centre, in steps to the next row and the next column
    row, column = (i + 1 if i + 1 < rows else i - 1), (j + 1 if j + 1 < columns else j - 1)
    steps = np.stack([(centres[row, j] - here) * (row - i), (centres[i, column] - here) * (column - j)], axis=1)
    down, across = np.linalg.lstsq(steps, sphere.unit(np.array(place[0]), np.array(place[1])) - here, rcond=None)[0]
    beyond = (i == 0 and down < -HALF) or (i == rows - 1 and down > HALF)
    if not around:
        beyond = beyond or (j == 0 and across < -HALF) or (j == columns - 1 and across > HALF)
    if beyond:
        raise ForecastError(
            f"stations on the grid: latitudes {lat.min():g} to {lat.max():g}, longitudes {lon.min():g} to "
            f"{lon.max():g}, and half a cell beyond",
            f"{name} at {place[0]:g}, {place[1]:g}",
            "mend source.stations, or take data that cover it",
        )
    return int(i), int(j)


def pick(data: xr.Dataset, stations: Places, chosen: Mapping[str, tuple[int, int]]) -> xr.Dataset:
    """Return the values at stations' cells.

    Args:
        data: canonical maps or fields (..., *space).
        stations: name -> (latitude, longitude), kept as coordinates.
        chosen: name -> position of the cell, from ``cells``.

    Returns:
        Dataset (..., series), with the coordinates lat and lon of the stations.
    """
    at = [xr.DataArray([chosen[name][axis] for name in stations], dims=SERIES) for axis in (0, 1)]
    places = np.array(list(stations.values()))
    here = data.isel(dict(zip(space_dims(data), at, strict=True))).drop_vars(set(data.coords) - {"time"})
    return here.assign_coords(
        {SERIES: np.array(list(stations), dtype=str), LAT: (SERIES, places[:, 0]), LON: (SERIES, places[:, 1])}
    )


def check_seen(stations: Places, chosen: Mapping[str, tuple[int, int]], seen: xr.DataArray) -> None:
    """Refuse stations whose cell was never observed.

    Args:
        stations: name -> (latitude, longitude).
        chosen: name -> position of the cell.
        seen: whether a cell was ever observed, (*space) with its coordinates.

    Raises:
        ForecastError: with the nearest cell that was observed.
    """
    lat, lon = _centres(seen)
    for name, place in stations.items():
        if not seen.values[chosen[name]]:
            away = np.where(seen.values, sphere.distance(lat, lon, *place), np.inf)
            at = np.unravel_index(int(np.argmin(away)), away.shape)
            raise ForecastError(
                "stations on cells that were observed",
                f"{name} at {place[0]:g}, {place[1]:g}, whose cell never was (the sea, or beyond a mask?)",
                f"place it at the nearest observed cell, [{lat[at]:g}, {lon[at]:g}], in source.stations"
                if np.isfinite(away[at])
                else "look at the files: no cell was observed",
            )


def _centres(data: xr.Dataset | xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    lat, lon = data[LAT].values, data[LON].values
    if lat.ndim == 1:
        lat, lon = np.meshgrid(lat, lon, indexing="ij")
    return lat, lon
