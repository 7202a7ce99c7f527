from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import ForecastError
from forecast.query import place
from forecast.query.names import NotFound, choose


def grid(lat: np.ndarray, lon: np.ndarray) -> xr.Dataset:
    return xr.Dataset({"x": (("lat", "lon"), np.zeros((len(lat), len(lon))))}, coords={"lat": lat, "lon": lon})


ATLANTIC = grid(np.arange(30.0, 71, 2.5), np.arange(-70.0, 11, 2.5))
GLOBE = grid(np.arange(-90.0, 91, 10), np.arange(-180.0, 180, 10))
PACIFIC = grid(np.arange(-10.0, 11, 5), np.arange(160.0, 221, 5))


def test_the_cell_is_the_one_that_holds_the_point() -> None:
    assert place.point(ATLANTIC, 61.2, 4.0).index == {"lat": 12, "lon": 30}
    assert place.point(ATLANTIC, 61.2, 4.0).name == "60.00°N 5.00°E"


@given(st.floats(28.76, 71.24), st.floats(-71.24, 11.24), st.sampled_from([-360, 0, 360]))
def test_both_conventions_of_longitude_mean_the_same_cell(lat: float, lon: float, turn: int) -> None:
    here = place.point(ATLANTIC, lat, lon + turn).index
    assert abs(ATLANTIC.lat[here["lat"]] - lat) <= 1.25 + 1e-9
    assert abs(ATLANTIC.lon[here["lon"]] - lon) <= 1.25 + 1e-6


@pytest.mark.parametrize(
    "lat, lon", [(71.3, 0), (28.7, 0), (50, 11.3), (50, -71.3), (50, 180), (float("nan"), 0), (50, float("inf"))]
)
def test_a_point_farther_than_half_a_cell_outside_is_refused_with_the_range(lat: float, lon: float) -> None:
    with pytest.raises(ForecastError, match=r"28.75 and 71.25 degrees north, -71.25 and 11.25 degrees east"):
        place.point(ATLANTIC, lat, lon)


def test_half_a_cell_outside_the_centres_is_inside() -> None:
    assert place.point(ATLANTIC, 71.25, 11.25).index == {"lat": 16, "lon": 32}


def test_a_globe_has_no_eastern_edge_and_ends_at_the_poles() -> None:
    assert place.point(GLOBE, 90, 179.9).index == {"lat": 18, "lon": 0}
    with pytest.raises(ForecastError):
        place.point(GLOBE, 90.1, 0)


def test_a_domain_across_the_antimeridian_takes_western_longitudes() -> None:
    assert place.point(PACIFIC, 0, -170).index == {"lat": 2, "lon": 6}
    with pytest.raises(ForecastError):
        place.point(PACIFIC, 0, 0)


def test_a_box_holds_the_cells_whose_centres_lie_in_it() -> None:
    index, lons = place.box(ATLANTIC, 50, 55, 350, 355)
    assert ATLANTIC.lat.values[index["lat"]].tolist() == [50, 52.5, 55]
    assert lons.tolist() == [-10, -7.5, -5]


def test_a_box_across_the_seam_ascends_eastward() -> None:
    index, lons = place.box(GLOBE, 0, 0, 160, -160)
    assert lons.tolist() == [160, 170, 180, 190, 200]
    assert GLOBE.lon.values[index["lon"]].tolist() == [160, 170, -180, -170, -160]


def test_a_box_round_the_globe_is_all_of_it() -> None:
    index, lons = place.box(GLOBE, -90, 90, -180, 180)
    assert len(index["lat"]) == 19 and lons.tolist() == GLOBE.lon.values.tolist()


@pytest.mark.parametrize("edges", [(0, 10, 0, 10), (60, 50, 0, 10), (51, 52, 0, 1), (50, 60, float("nan"), 0)])
def test_a_box_without_a_cell_is_refused(edges: tuple[float, float, float, float]) -> None:
    with pytest.raises(ForecastError, match=r"a box that holds|south <= north"):
        place.box(ATLANTIC, *edges)


def test_an_unknown_name_lists_the_known_and_suggests_the_nearest() -> None:
    with pytest.raises(NotFound, match=r"among oslo, bergen(.|\n)*'olso'(.|\n)*did you mean 'oslo'"):
        choose("series", ["oslo", "bergen"], "olso")
    with pytest.raises(NotFound, match=r"\.\.\. \(40 in all\)"):
        choose("series", [f"s{index:02d}" for index in range(40)], "zzz")
