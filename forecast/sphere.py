"""Geometry on the unit sphere: where cells lie, how large they are, how far apart; angles in degrees, areas in sr."""

from __future__ import annotations

import numpy as np

# Steps that agree within this part of their mean are even: float32 files lose less, and it must not become weights.
EVEN = 1e-3


def unit(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Return places (degrees, any shape) as unit vectors, shape (..., 3)."""
    lat, lon = np.deg2rad(np.asarray(lat, "float64")), np.deg2rad(np.asarray(lon, "float64"))
    return np.stack(np.broadcast_arrays(np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)), axis=-1)


def distance(lat: np.ndarray, lon: np.ndarray, to_lat: np.ndarray | float, to_lon: np.ndarray | float) -> np.ndarray:
    """Return great-circle distances from places to one place, or each to its own, in degrees of arc.

    2 asin(chord / 2), which keeps its digits where places are near.

    Args:
        lat: latitudes, degrees, any shape.
        lon: longitudes, the same shape.
        to_lat: latitude of the one place, or the same shape again.
        to_lon: its longitude, in either convention.
    """
    chord = np.linalg.norm(unit(lat, lon) - unit(np.asarray(to_lat), np.asarray(to_lon)), axis=-1)
    return np.asarray(np.rad2deg(2 * np.arcsin(np.minimum(chord / 2, 1))))


def row_areas(lat: np.ndarray) -> np.ndarray:
    """Return the area of a band of one degree of longitude for each row of a regular grid, shape (lat,).

    A row reaches half way to its neighbours, the first and the last as far beyond: sin(north) - sin(south), which goes
    with cos(latitude) where rows are even, on a regional grid too. A row on a pole ends there: half a row's height.

    Args:
        lat: latitudes, degrees, strictly ascending.
    """
    lat = np.asarray(lat, "float64")
    steps = np.diff(lat) if len(lat) > 1 else np.ones(1)
    if np.ptp(steps) < EVEN * steps.mean():
        steps = np.full_like(steps, steps.mean())
    below, above = (np.r_[steps[:1], steps], np.r_[steps, steps[-1:]]) if len(lat) > 1 else (steps, steps)
    south, north = np.maximum(lat - below / 2, -90), np.minimum(lat + above / 2, 90)
    return np.asarray(np.deg2rad(1) * (np.sin(np.deg2rad(north)) - np.sin(np.deg2rad(south))))


def cell_areas(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Return the area of each cell of a curvilinear grid in steradians, shape (y, x).

    The triple product r . (dr/dy x dr/dx) of unit vectors with central differences: right to second order in the
    spacing, and cos(latitude) times a constant to rounding where the grid is regular. Beyond an edge steps go on along
    the great circle, and grow or shrink as they did inside.

    Args:
        lat: latitudes, degrees, shape (y, x), at least 2 x 2.
        lon: longitudes, the same shape.
    """
    r = unit(lat, lon)
    across = np.swapaxes(_differences(np.swapaxes(r, 0, 1)), 0, 1)
    return np.asarray(np.abs((r * np.cross(_differences(r), across)).sum(-1)))


def corners(lat: np.ndarray, lon: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return latitudes and longitudes (degrees, [-180, 180)) of the corners of cells, each of shape (y + 1, x + 1).

    A corner is the middle of the four centres around it; beyond the edges the grid goes on as it came.

    Args:
        lat: latitudes of the centres, degrees, shape (y, x), at least 2 x 2.
        lon: longitudes, the same shape.
    """
    r = unit(lat, lon)
    for axis in (0, 1):
        first, second, before, last = (np.take(r, [at], axis) for at in (0, 1, -2, -1))
        r = np.concatenate([2 * first - second, r, 2 * last - before], axis)
    r = r[1:, 1:] + r[:-1, 1:] + r[1:, :-1] + r[:-1, :-1]
    x, y, z = np.moveaxis(r, -1, 0)
    return np.rad2deg(np.arctan2(z, np.hypot(x, y))), (np.rad2deg(np.arctan2(y, x)) + 180) % 360 - 180


def box(lat: np.ndarray, lon: np.ndarray) -> tuple[float, float, float, float]:
    """Return (south, north, west, east) of a curvilinear grid with its outer cells, degrees; ``east`` may pass 180.

    Args:
        lat: latitudes of the centres, degrees, shape (y, x), at least 2 x 2.
        lon: longitudes, the same shape.
    """
    lats, lons = corners(lat, lon)
    south, north = float(lats.min()), float(lats.max())
    rim = np.concatenate([lons[0], lons[1:, -1], lons[-1, -2::-1], lons[-2::-1, 0]])
    if abs(((np.diff(rim) + 180) % 360 - 180).sum()) > 180:  # its rim goes round a pole
        return (south, 90.0, -180.0, 180.0) if north + south > 0 else (-90.0, north, -180.0, 180.0)
    around = np.sort(lons.ravel())
    gaps = np.diff(np.r_[around, around[0] + 360])
    west = float(around[(gaps.argmax() + 1) % len(around)])
    return south, north, west, west + 360 - float(gaps.max())


def position(lat: np.ndarray, lon: np.ndarray, at_lat: float, at_lon: float) -> tuple[float, float]:
    """Return where a place lies on a curvilinear grid, in cells: (3.0, 4.0) is the centre of row 3, column 4.

    From the nearest centre by great-circle distance, along the directions of the grid there; (inf, inf) farther from it
    than twice the distance to its neighbours.

    Args:
        lat: latitudes of the centres, degrees, shape (y, x), at least 2 x 2.
        lon: longitudes, the same shape.
        at_lat: latitude of the place.
        at_lon: its longitude, in either convention.
    """
    r, place = unit(lat, lon), unit(np.asarray(at_lat), np.asarray(at_lon))
    row, column = divmod(int((r @ place).argmax()), lat.shape[1])
    here = r[row, column]
    south, north = max(row - 1, 0), min(row + 1, lat.shape[0] - 1)
    west, east = max(column - 1, 0), min(column + 1, lat.shape[1] - 1)
    up = (r[north, column] - r[south, column]) / (north - south)
    across = (r[row, east] - r[row, west]) / (east - west)
    if np.linalg.norm(place - here) > 2 * max(np.linalg.norm(up), np.linalg.norm(across)):
        return np.inf, np.inf
    (down, side), *_ = np.linalg.lstsq(np.stack([up, across], axis=1), place - here, rcond=None)
    return float(row + down), float(column + side)


def _differences(r: np.ndarray) -> np.ndarray:
    """Return half the difference of the neighbours along the first axis, shape (n, m, 3)."""
    inside = (r[2:] - r[:-2]) / 2
    return np.concatenate([_at_edge(r[:3])[None], inside, -_at_edge(r[:-4:-1])[None]])


def _at_edge(r: np.ndarray) -> np.ndarray:
    """Return the difference at the first of two or three points, along the great circle to the second."""
    steps = np.linalg.norm(np.diff(r, axis=0), axis=-1, keepdims=True)
    along = r[1] - (r[0] * r[1]).sum(-1, keepdims=True) * r[0]
    return np.asarray(along * (3 * steps[0] - steps[-1]) / (2 * steps[0]))
