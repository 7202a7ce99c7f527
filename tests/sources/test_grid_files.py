"""Gridded files: real ones of four kinds, and files written here with every trap."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast.errors import ForecastError
from forecast.schema import time_step
from forecast.sources.grid_files import GridFiles

LAT, LON = np.arange(60.0, -61.0, -30.0), np.arange(0.0, 360.0, 60.0)


def maps(times: Any, name: str = "slp", units: str = "Pa") -> xr.Dataset:
    """Maps whose value is the day of the year, the latitude and the longitude in one number; latitudes descend."""
    day = np.array([time.dayofyr if hasattr(time, "dayofyr") else time.dayofyear for time in times], dtype=float)
    values = 100 * day[:, None, None] + LAT[None, :, None] / 10 + LON[None, None, :] / 1000
    coords = {"time": times, "lat": LAT, "lon": LON}
    return xr.Dataset({name: (("time", "lat", "lon"), values.astype("float32"), {"units": units})}, coords=coords)


def save(data: xr.Dataset, path: Path, **encoding: Any) -> Path:
    data.to_netcdf(path, encoding=dict.fromkeys(data.data_vars, encoding) if encoding else None)
    return path


def test_the_real_pressure_maps_come_as_they_are(real_data: Path) -> None:
    data = GridFiles(paths=str(real_data / "ncep_slp*.nc")).fetch("2001-01-01", "2001-12-31")
    raw = xr.open_dataset(real_data / "ncep_slp_natl_2001_2008.nc")
    assert dict(data.sizes) == {"lat": 17, "lon": 33, "time": 365}
    np.testing.assert_array_equal(data.slp.values, raw.slp[:365].values)
    assert data.slp.attrs["units"] == "Pa"
    assert data.attrs["title"].startswith("NCEP/NCAR") and data.attrs["licence"] == "not stated"


def test_the_real_360_day_calendar_is_kept(real_data: Path) -> None:
    data = GridFiles(paths=str(real_data / "tasmax*.nc"), licence="CMIP5 terms").fetch("2095-02-29", "2095-03-01")
    assert [str(time)[:10] for time in data.time.values] == ["2095-02-29", "2095-02-30", "2095-03-01"]
    assert data.time.dt.calendar == "360_day"
    assert list(data.data_vars) == ["tasmax"] and data.lat[0] < data.lat[-1]
    assert data.attrs["licence"] == "CMIP5 terms"


def test_real_sea_stays_missing(real_data: Path) -> None:
    data = GridFiles(paths=str(real_data / "wfde5*.nc")).fetch()
    assert float(data.Tair.isnull().mean()) == pytest.approx(0.5536, abs=1e-4)
    assert time_step(data) == pd.Timedelta("1h") and data.sizes["time"] == 744


@pytest.mark.skipif(importlib.util.find_spec("cfgrib") is None, reason="needs the extra grib")
def test_real_grib_ascends_and_leaves_no_index_behind(real_data: Path) -> None:
    before = set(real_data.iterdir())
    data = GridFiles(paths=str(real_data / "era5*.grib")).fetch("2019-03-01", "2019-03-01")
    raw = xr.open_dataset(real_data / "era5_t2m_uk_2019-03.grib", engine="cfgrib", backend_kwargs={"indexpath": ""})
    assert dict(data.sizes) == {"lat": 33, "lon": 49, "time": 24}
    np.testing.assert_array_equal(data.t2m.values, raw.t2m[:24, ::-1].values)
    assert data.t2m.attrs == {"units": "K", "standard_name": "air_temperature", "long_name": "2 metre temperature"}
    assert set(real_data.iterdir()) == before


def test_grib_without_its_extra_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.grib").write_bytes(b"GRIB")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        ForecastError, match=r"the GRIB reader cfgrib(.|\n)*not installed(.|\n)*forecast-pipeline\[grib\]"
    ):
        GridFiles(paths=str(tmp_path / "a.grib")).fetch()


@pytest.mark.parametrize("calendar", ["standard", "360_day", "noleap"])
def test_files_in_any_order_are_joined_and_missing_days_are_nan(tmp_path: Path, calendar: str) -> None:
    days = xr.date_range("2001-02-20", periods=20, calendar=calendar, use_cftime=calendar != "standard")
    whole = maps(days)
    save(whole.isel(time=slice(12, 20)), tmp_path / "a.nc")  # the later days sort first
    save(whole.isel(time=[5, 3, 4, 2, 1, 0]), tmp_path / "b.nc")
    data = GridFiles(paths=str(tmp_path / "*.nc")).fetch()
    assert (data.time.to_index() == days).all()
    missing = data.slp.isnull().all(("lat", "lon")).values
    assert np.flatnonzero(missing).tolist() == [6, 7, 8, 9, 10, 11]
    expected = whole.slp.assign_coords(lon=(LON + 180) % 360 - 180).sortby(["lat", "lon"])
    np.testing.assert_array_equal(data.slp.values[~missing], expected.values[~missing])


@pytest.mark.parametrize("calendar", ["standard", "360_day", "noleap"])
def test_the_extent_is_that_of_all_files_in_their_calendar(tmp_path: Path, calendar: str) -> None:
    days = xr.date_range("2001-02-20", periods=20, calendar=calendar, use_cftime=calendar != "standard")
    save(maps(days[12:]), tmp_path / "a.nc")
    save(maps(days[[5, 0, 3]]), tmp_path / "b.nc")
    source = GridFiles(paths=str(tmp_path / "*.nc"))
    whole = source.fetch().time.values
    assert source.extent() == (whole[0], whole[-1])


def test_zarr_is_read_like_netcdf(tmp_path: Path) -> None:
    whole = maps(pd.date_range("2001-01-01", periods=4))
    whole.to_zarr(tmp_path / "a.zarr", zarr_format=2)
    save(whole, tmp_path / "a.nc")
    one, other = (GridFiles(paths=str(tmp_path / name), title="x").fetch() for name in ("a.zarr", "a.nc"))
    xr.testing.assert_equal(one, other)


def test_packed_integers_are_unpacked(tmp_path: Path) -> None:
    whole = maps(pd.date_range("2001-01-01", periods=4)).where(lambda data: data.time.dt.day != 2)
    save(whole, tmp_path / "a.nc", dtype="int16", scale_factor=0.5, add_offset=100.0, _FillValue=-32767)
    data = GridFiles(paths=str(tmp_path / "a.nc")).fetch().slp
    assert data.dtype == np.float32 and bool(data[1].isnull().all())
    assert float(np.abs(data.sel(lon=0).values - whole.slp.sel(lon=0).sortby("lat").values)[[0, 2, 3]].max()) <= 0.25


def test_variables_of_several_files_stand_side_by_side(tmp_path: Path) -> None:
    days = pd.date_range("2001-01-01", periods=4)
    save(maps(days[:3]), tmp_path / "slp.nc")
    save(maps(days[1:], "air", "K"), tmp_path / "air.nc")
    data = GridFiles(paths=str(tmp_path / "*.nc")).fetch()
    assert data.sizes["time"] == 4
    assert bool(data.air[0].isnull().all()) and bool(data.slp[3].isnull().all()) and bool(data.air[3].notnull().all())
    assert list(GridFiles(paths=str(tmp_path / "*.nc"), variables="air").fetch().data_vars) == ["air"]


def test_the_same_day_twice_is_one_day_unless_its_values_differ(tmp_path: Path) -> None:
    days = pd.date_range("2001-01-01", periods=4)
    save(maps(days[:3]), tmp_path / "a.nc")
    save(maps(days[2:]), tmp_path / "b.nc")
    assert GridFiles(paths=str(tmp_path / "*.nc")).fetch().sizes["time"] == 4
    changed = maps(days[2:])
    changed["slp"] += 1
    save(changed, tmp_path / "b.nc")
    with pytest.raises(ForecastError, match="two different values of slp at 2001-01-03"):
        GridFiles(paths=str(tmp_path / "*.nc")).fetch()


def test_files_of_other_grids_or_calendars_are_refused(tmp_path: Path) -> None:
    days = pd.date_range("2001-01-01", periods=4)
    save(maps(days[:2]), tmp_path / "a.nc")
    other = tmp_path / "b.nc"
    source = GridFiles(paths=str(tmp_path / "*.nc"))
    save(maps(days[2:]).isel(lat=slice(1, None)), other)
    for look in (source.fetch, source.extent):
        with pytest.raises(
            ForecastError, match=r"the same grid in every file(.|\n)*5 lat x 6.*a.nc, and 4 lat x 6.*b.nc"
        ):
            look()
    save(maps(xr.date_range("2001-01-03", periods=2, calendar="360_day", use_cftime=True)), other)
    with pytest.raises(ForecastError, match=r"the same calendar in every file(.|\n)*use one source for each"):
        source.fetch()


def test_region_span_and_an_empty_span(tmp_path: Path) -> None:
    path = save(maps(pd.date_range("2001-01-01", periods=9)), tmp_path / "a.nc")
    source = GridFiles(paths=str(path), region=[0, 60, -60, 60])
    data = source.fetch("2001-01-03", "2001-01-05")
    assert data.lat.values.tolist() == [0, 30, 60] and data.lon.values.tolist() == [-60, 0, 60]
    assert data.slp[:, 0, 1].values.tolist() == [300, 400, 500]
    assert source.fetch("2002-01-01").sizes["time"] == 0


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    path = save(maps(pd.date_range("2001-01-01", periods=2)), tmp_path / "a.nc")
    with pytest.raises(ForecastError, match=r"files(.|\n)*nothing at .*none\*.nc(.|\n)*mend source.paths"):
        GridFiles(paths=str(tmp_path / "none*.nc")).fetch()
    with pytest.raises(ForecastError, match=r"the variables slp, air(.|\n)*slp in 1 file\(s\), no air"):
        GridFiles(paths=str(path), variables=["slp", "air"]).fetch()
    (tmp_path / "b.txt").write_text("x")
    with pytest.raises(ForecastError, match=r"a file that ends in one of .nc(.|\n)*b.txt"):
        GridFiles(paths=str(tmp_path / "b.txt")).fetch()
    (tmp_path / "c.nc").write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ForecastError, match=r"a readable netcdf4 file(.|\n)*c.nc(.|\n)*download or convert it again"):
        GridFiles(paths=str(tmp_path / "c.nc")).fetch()


@pytest.mark.parametrize("region", [[60, 0, 0, 10], [0, 91, 0, 10], [0, 60, 10, 10], [0, 60, 0, 400]])
def test_an_impossible_region_is_refused_at_birth(region: list[float]) -> None:
    with pytest.raises(ForecastError, match=r"options of GridFiles(.|\n)*region: (.|\n)*south < north"):
        GridFiles(paths="x.nc", region=region)


def test_paths_are_needed() -> None:
    for options in ({}, {"paths": []}):
        with pytest.raises(ForecastError, match="paths"):
            GridFiles(**options)
