"""Distances and areas on the sphere, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast import sphere


def test_a_quarter_of_the_way_round_is_ninety_degrees_and_a_metre_keeps_its_digits() -> None:
    assert sphere.distance(np.array([0.0, 90.0]), np.array([0.0, 0.0]), 0, 90) == pytest.approx([90, 90])
    assert sphere.distance(np.array(50.0), np.array(359.99999), 50, 0) == pytest.approx(
        1e-5 * np.cos(np.deg2rad(50)), rel=1e-6
    )


@given(st.floats(-89, 85), st.floats(0.01, 3), st.integers(2, 4))
def test_rows_go_with_the_cosine_of_latitude_wherever_the_grid_is_cut(south: float, step: float, rows: int) -> None:
    lat = south + step * np.arange(rows)
    if lat[-1] + step / 2 > 90 or lat[0] - step / 2 < -90:
        return
    areas, cosine = sphere.row_areas(lat), np.cos(np.deg2rad(lat))
    assert areas / areas.sum() == pytest.approx(cosine / cosine.sum(), rel=1e-9)


def test_rows_from_pole_to_pole_cover_the_sphere_and_the_row_on_a_pole_has_half_a_height() -> None:
    areas = sphere.row_areas(np.linspace(-90, 90, 73))
    assert 360 * areas.sum() == pytest.approx(4 * np.pi)
    assert areas[-1] == pytest.approx(np.deg2rad(1) * (1 - np.sin(np.deg2rad(88.75))))


def test_uneven_rows_reach_half_way_to_their_neighbours() -> None:
    found = sphere.row_areas(np.array([0.0, 10.0, 30.0]))
    edges = np.sin(np.deg2rad([-5.0, 5.0, 20.0, 40.0]))
    assert found == pytest.approx(np.deg2rad(1) * np.diff(edges))


def test_one_row_alone_has_an_area() -> None:
    assert sphere.row_areas(np.array([60.0])) == pytest.approx(np.deg2rad(1) * 2 * 0.5 * np.sin(np.deg2rad(0.5)))


def test_cells_of_a_polar_stereographic_grid_have_the_area_that_its_scale_tells() -> None:
    """Scale k = 2 / (1 + sin lat) on the unit sphere (Snyder 1987, USGS PP 1395, eq. 21-4): area = (step / k)^2."""
    step = 0.01
    x, y = np.meshgrid(np.arange(-0.3, 0.3, step), np.arange(-0.2, 0.4, step))
    lat = 90 - np.rad2deg(2 * np.arctan(np.hypot(x, y) / 2))
    lon = np.rad2deg(np.arctan2(x, -y))
    scale = 2 / (1 + np.sin(np.deg2rad(lat)))
    assert sphere.cell_areas(lat, lon) == pytest.approx((step / scale) ** 2, rel=2e-4)


def polar(rows: slice, columns: slice) -> tuple[np.ndarray, np.ndarray]:
    """Return a cut of a grid of 12 x 12 cells, 4 degrees apart, around the pole."""
    y, x = np.meshgrid(np.arange(-22.0, 23, 4), np.arange(-22.0, 23, 4), indexing="ij")
    lat, lon = 90 - np.hypot(y, x), (np.rad2deg(np.arctan2(x, -y)) + 180) % 360 - 180
    return lat[rows, columns], lon[rows, columns]


def test_a_corner_is_the_middle_of_the_centres_around_it() -> None:
    lon, lat = np.meshgrid([-1.0, 1.0], [-1.0, 1.0])
    lats, lons = sphere.corners(lat, lon)
    assert lats.shape == (3, 3) and lats[1, 1] == pytest.approx(0) and lons[1, 1] == pytest.approx(0)
    assert lats[0] == pytest.approx([-2] * 3, abs=2e-3) and lons[:, 2] == pytest.approx([2] * 3, abs=2e-3)


def test_the_box_of_a_grid_knows_the_pole_and_the_antimeridian() -> None:
    south, north, west, east = sphere.box(*polar(slice(None), slice(None)))
    assert (north, west, east) == (90, -180, 180) and south < 90 - np.hypot(22, 22)
    _, north, west, east = sphere.box(*polar(slice(8, None), slice(4, 8)))
    assert north < 90 and 130 < west < 180 < east < 230


def test_a_place_on_the_grid_is_told_in_cells() -> None:
    lon, lat = np.meshgrid(np.arange(0.0, 10, 2), np.arange(-2.0, 4, 2))
    assert sphere.position(lat, lon, 0, 4) == pytest.approx((1, 2))
    assert sphere.position(lat, lon, 3, 8.5) == pytest.approx((2.5, 4.25), abs=1e-2)
    assert sphere.position(lat, lon, 0, 184) == (np.inf, np.inf)
