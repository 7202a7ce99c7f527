"""Geometry on the unit sphere: where cells lie, how large they are, how far apart; angles in degrees, areas in sr."""

from __future__ import annotations

import numpy as np

# Steps that agree within this part of their mean are even: float32 files lose less, and it must not become weights.
EVEN = 1e-3


def unit(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Return places (degrees, any shape) as unit vectors, shape (..., 3)."""
    lat, lon = np.deg2rad(np.asarray(lat, "float64")), np.deg2rad(np.asarray(lon, "float64"))
    return np.stack(np.broadcast_arrays(np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)), axis=-1)


def distance(lat: np.ndarray, lon: np.ndarray, to_lat: float, to_lon: float) -> np.ndarray:
    """Return great-circle distances from places to one place, in degrees of arc.

    2 asin(chord / 2), which keeps its digits where places are near.

    Args:
        lat: latitudes, degrees, any shape.
        lon: longitudes, the same shape.
        to_lat: latitude of the one place.
        to_lon: its longitude, in either convention.
    """
    chord = np.linalg.norm(unit(lat, lon) - unit(np.array(to_lat), np.array(to_lon)), axis=-1)
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


def _differences(r: np.ndarray) -> np.ndarray:
    """Return half the difference of the neighbours along the first axis, shape (n, m, 3)."""
    inside = (r[2:] - r[:-2]) / 2
    return np.concatenate([_at_edge(r[:3])[None], inside, -_at_edge(r[:-4:-1])[None]])


def _at_edge(r: np.ndarray) -> np.ndarray:
    """Return the difference at the first of two or three points, along the great circle to the second."""
    steps = np.linalg.norm(np.diff(r, axis=0), axis=-1, keepdims=True)
    along = r[1] - (r[0] * r[1]).sum(-1, keepdims=True) * r[0]
    return np.asarray(along * (3 * steps[0] - steps[-1]) / (2 * steps[0]))
