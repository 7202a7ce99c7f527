"""Canonical maps: whatever the file's naming and order, the same values at the same places."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.errors import ForecastError
from forecast.schema import check_observations, is_periodic
from forecast.sources.canonical import canonical_map


def place(lat: Any, lon: Any) -> Any:
    """A value that tells where it is: 1000 lat + the longitude in [0, 360)."""
    return 1000 * np.asarray(lat)[:, None] + np.asarray(lon)[None, :] % 360


def grid(lat: Any, lon: Any, names: tuple[str, str, str] = ("time", "lat", "lon"), **attrs: Any) -> xr.Dataset:
    times = pd.date_range("2001-01-01", periods=3)
    values = place(lat, lon)[None] + 100_000.0 * np.arange(3)[:, None, None]
    variable = (names, values, {"units": "K", **attrs})
    return xr.Dataset({"t": variable}, coords=dict(zip(names, (times, lat, lon), strict=True)))


LAT, LON = np.arange(-80.0, 81.0, 40.0), np.arange(0.0, 360.0, 30.0)


def test_names_order_and_longitudes_become_canonical() -> None:
    data = canonical_map(grid(LAT[::-1], LON, ("valid_time", "latitude", "longitude")))
    assert data.t.dims == ("time", "lat", "lon")
    assert data.t.dtype == np.float32
    assert data.lat.values.tolist() == LAT.tolist()
    assert data.lon.values.tolist() == np.arange(-180.0, 180.0, 30.0).tolist()
    assert is_periodic(data.lon.values)
    np.testing.assert_array_equal(data.t[0], place(data.lat, data.lon).astype("float32"))
    check_observations(data)


def test_dimensions_in_another_order_are_transposed() -> None:
    data = canonical_map(grid(LAT, LON).transpose("lon", "time", "lat"))
    np.testing.assert_array_equal(data.t[2], (place(data.lat, data.lon) + 200_000).astype("float32"))


def test_axes_are_known_by_their_standard_name() -> None:
    data = grid(LAT, LON, ("T", "rows", "columns"))
    for name, standard in (("T", "time"), ("rows", "latitude"), ("columns", "longitude")):
        data[name].attrs["standard_name"] = standard
    assert dict(canonical_map(data).sizes) == {"time": 3, "lat": 5, "lon": 12}


def test_a_domain_across_greenwich_is_joined_and_one_across_the_antimeridian_passes_180() -> None:
    greenwich = canonical_map(grid(LAT, [350.0, 355.0, 0.0, 5.0]))
    assert greenwich.lon.values.tolist() == [-10, -5, 0, 5]
    pacific = canonical_map(grid(LAT, [-180.0, -175.0, 170.0, 175.0]))
    assert pacific.lon.values.tolist() == [170, 175, 180, 185]
    np.testing.assert_array_equal(pacific.t[0], place(pacific.lat, pacific.lon).astype("float32"))


@pytest.mark.parametrize(
    ("region", "lat", "lon"),
    [
        ((-40, 40, -60, 30), [-40, 0, 40], [-60, -30, 0, 30]),
        ((-40, 40, 300, 30), [-40, 0, 40], [-60, -30, 0, 30]),
        ((0, 90, 150, -150), [0, 40, 80], [150, 180, 210]),
        ((0, 90, 0, 360), [0, 40, 80], np.arange(0, 360, 30)),
    ],
)
def test_a_region_is_the_cells_whose_centres_lie_inside(region: Any, lat: Any, lon: Any) -> None:
    data = canonical_map(grid(LAT[::-1], LON), region=region)
    assert data.lat.values.tolist() == list(lat)
    assert data.lon.values.tolist() == list(lon)
    np.testing.assert_array_equal(data.t[0], place(lat, lon).astype("float32"))


def test_a_region_beside_the_data_is_refused() -> None:
    with pytest.raises(ForecastError, match=r"longitudes inside region(.|\n)*0.0 to 20.0 in here(.|\n)*overlaps"):
        canonical_map(grid(LAT, [0.0, 10.0, 20.0]), region=(-90, 90, 100, 120), origin="here")
    with pytest.raises(ForecastError, match=r"latitudes inside region(.|\n)*-80.0 to 80.0"):
        canonical_map(grid(LAT, LON), region=(82, 90, 0, 360))


def test_a_meridian_written_twice_is_kept_once() -> None:
    assert canonical_map(grid(LAT, [*LON, 360.0])).sizes["lon"] == 12


def test_float32_and_float64_coordinates_agree() -> None:
    lat, lon = np.array([42.041666, 42.125]), np.array([-74.958328, -74.875])
    one = canonical_map(grid(lat, lon))
    other = canonical_map(grid(lat.astype("float32"), lon.astype("float32")))
    assert np.abs(one.lon.values - other.lon.values).max() <= 2e-6


@settings(max_examples=60, deadline=None)
@given(st.integers(-360, 359), st.integers(2, 36), st.randoms())
def test_any_writing_of_longitudes_gives_one_domain(west: int, count: int, random: Any) -> None:
    lon = west + 10.0 * np.arange(count)
    written = [float(value + 360 * random.choice([-1, 0, 1])) for value in lon]
    random.shuffle(written)
    data = canonical_map(grid([0.0, 1.0], written))
    found = data.lon.values
    assert -180 <= found[0] < 180
    assert (np.diff(found) == 10).all() or count in (18, 36)
    assert sorted(found % 360) == sorted(lon % 360)
    np.testing.assert_array_equal(data.t[0], place([0, 1], found).astype("float32"))


def test_times_label_the_start_of_their_interval_where_bounds_tell() -> None:
    data = grid(LAT, LON)
    noon = data.time.to_index() + pd.Timedelta("12h")
    bounds = np.stack([data.time.values, data.time.values + np.timedelta64(1, "D")], axis=1)
    bounded = data.assign_coords(time=noon).assign(time_bnds=(("time", "nv"), bounds))
    bounded.time.attrs["bounds"] = "time_bnds"
    assert (canonical_map(bounded).time.to_index() == data.time.to_index()).all()
    bounded["time_bnds"] = bounded.time_bnds + np.timedelta64(5, "D")
    assert (canonical_map(bounded).time.to_index() == noon).all(), "bounds that do not hold their stamp are not used"


def test_a_single_map_gets_its_time_dimension() -> None:
    data = canonical_map(grid(LAT, LON).isel(time=1))
    assert data.sizes["time"] == 1 and str(data.time.values[0]).startswith("2001-01-02")


def test_grib_runs_are_stamped_by_their_valid_time() -> None:
    data = grid(LAT, LON).assign_coords(step=6.0)
    data["time"].attrs["standard_name"] = "forecast_reference_time"
    valid = data.time.to_index() + pd.Timedelta("6h")
    data = data.assign_coords(valid_time=("time", valid, {"standard_name": "time"}))
    assert (canonical_map(data).time.to_index() == valid).all()


def test_maps_with_two_valid_times_are_refused() -> None:
    data = grid(LAT, LON).expand_dims(step=[1, 2])
    data = data.assign_coords(
        valid_time=(("step", "time"), np.tile(data.time.values, (2, 1)), {"standard_name": "time"})
    )
    with pytest.raises(ForecastError, match=r"one valid time for each map(.|\n)*keep one lead"):
        canonical_map(data)


def test_a_missing_axis_is_named() -> None:
    with pytest.raises(ForecastError, match=r"a coordinate of longitude \(named lon, longitude"):
        canonical_map(grid(LAT, LON).rename(lon="columns"))


def test_undecoded_times_are_refused() -> None:
    with pytest.raises(ForecastError, match=r"times with CF units(.|\n)*time as int64"):
        canonical_map(grid(LAT, LON).assign_coords(time=[0, 1, 2]))


def test_levels_of_length_one_are_dropped_and_others_chosen() -> None:
    two = xr.concat([grid(LAT, LON), grid(LAT, LON) + 0.5], pd.Index([850.0, 500.0], name="level"))
    two["t"].attrs["units"] = "K"
    np.testing.assert_array_equal(canonical_map(two.isel(level=[0])).t, canonical_map(grid(LAT, LON)).t)
    chosen = canonical_map(two, level=500).t
    np.testing.assert_array_equal(chosen, canonical_map(grid(LAT, LON)).t.values + np.float32(0.5))
    for level in (None, 700):
        with pytest.raises(ForecastError, match=r"source.level = one of its levels(.|\n)*850.0, 500.0(.|\n)*set level"):
            canonical_map(two, level=level)


def test_only_maps_are_taken_and_an_unknown_variable_is_refused() -> None:
    data = grid(LAT, LON).assign(area=(("lat", "lon"), np.ones((5, 12))), name=("lat", list("abcde")))
    assert list(canonical_map(data).data_vars) == ["t"]
    with pytest.raises(ForecastError, match=r"area on \(time, lat, lon\)(.|\n)*t \('time', 'lat', 'lon'\)"):
        canonical_map(data, variables=["area"])


def test_units_are_kept_their_spelling_mended_and_none_is_refused() -> None:
    assert canonical_map(grid(LAT, LON, units="degK")).t.attrs["units"] == "K"
    assert canonical_map(grid(LAT, LON, units="parrots")).t.attrs["units"] == "parrots"
    assert canonical_map(grid(LAT, LON, units=""), units={"t": "K"}).t.attrs["units"] == "K"
    with pytest.raises(ForecastError, match=r"one unit for t(.|\n)*none in data(.|\n)*units = \{ t = "):
        canonical_map(grid(LAT, LON, units=""))


def test_values_come_in_the_unit_wanted_and_what_does_not_convert_is_refused() -> None:
    kelvin = canonical_map(grid(LAT, LON, units="degC"), units={"t": "K"}).t
    np.testing.assert_allclose(kelvin[1], place(kelvin.lat, kelvin.lon) + 100_273.15, rtol=1e-7)
    assert kelvin.attrs["units"] == "K"
    with pytest.raises(
        ForecastError, match=r"t in here in a unit that converts to 'Pa'(.|\n)*'K', which is of another"
    ):
        canonical_map(grid(LAT, LON), units={"t": "Pa"}, origin="here")
    with pytest.raises(ForecastError, match=r"units that UDUNITS knows, to bring t in here(.|\n)*'parrots'"):
        canonical_map(grid(LAT, LON, units="parrots"), units={"t": "Pa"}, origin="here")


def test_names_known_to_the_schema_get_their_cf_names() -> None:
    data = canonical_map(grid(LAT, LON, standard_name="unknown").rename(t="t2m"))
    assert data.t2m.attrs == {"units": "K", "standard_name": "air_temperature", "long_name": "2 m temperature"}


def test_a_span_is_cut_before_reading() -> None:
    assert canonical_map(grid(LAT, LON), start="2001-01-02", end="2001-01-02").t.values[0, 2, 0] == 100_000 + 180
