"""Broken and misleading files: each is refused in three parts with the file's name, none by a traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import netCDF4
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast.errors import ForecastError
from forecast.sources.grid_files import GridFiles
from tests.sources import written

MAPS = np.random.default_rng(0).normal(size=(3, 4, 8)).astype("float32")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def classic_cut(path: Path) -> None:
    xr.open_dataset(path).load().to_netcdf(path.with_suffix(".tmp"), format="NETCDF3_CLASSIC")
    path.write_bytes(path.with_suffix(".tmp").read_bytes()[:300])


def edit(change: Callable[[netCDF4.Dataset], None]) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        with netCDF4.Dataset(path, "a") as file:
            change(file)

    return apply


def rewritten(change: Callable[[xr.Dataset], xr.Dataset]) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        data = change(xr.load_dataset(path))
        path.unlink()
        data.to_netcdf(path)

    return apply


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut short": (cut, "a readable netcdf4 file"),
    "classic cut short": (classic_cut, "readable netcdf4 file|values that can be read|coordinate of|as numbers"),
    "empty": (lambda path: path.write_bytes(b""), "a readable netcdf4 file"),
    "wrong magic": (lambda path: path.write_bytes(b"<html>not found</html>" * 99), "a readable netcdf4 file"),
    "time without units": (edit(lambda file: file["time"].delncattr("units")), "times with CF units"),
    "time in strange units": (edit(lambda file: file["time"].setncattr("units", "moons since 2001")), "times with CF"),
    "a time missing": (rewritten(lambda d: d.assign_coords(time=d.time.where(d.time != d.time[0]))), "1 missing"),
    "text": (rewritten(lambda d: d.assign(t=(d.t.dims, np.full(d.t.shape, "x")))), "as numbers(.|\n)* of (object|<U1)"),
    "beyond the pole": (edit(lambda file: file["lat"].__setitem__(0, 99.0)), r"latitudes in \[-90, 90\](.|\n)*99"),
    "a latitude missing": (edit(lambda file: file["lat"].__setitem__(0, np.nan)), "latitude for each(.|\n)*1 of 4"),
    "a longitude twice": (edit(lambda file: file["lon"].__setitem__(1, 0.0)), "each lon once(.|\n)*0 2 times"),
    "text for latitudes": (rewritten(lambda d: d.assign_coords(lat=list("abcd"))), "latitudes as numbers"),
    "cells in a row": (rewritten(lambda d: d.stack(cell=("lat", "lon")).reset_index("cell")), r"a grid: one latitude"),
    "a grid that moves": (
        rewritten(
            lambda d: d.rename(lat="y", lon="x").drop_vars(["y", "x"]).assign_coords(
                lat=(("time", "y", "x"), MAPS), lon=(("time", "y", "x"), MAPS + 1)
            )
        ),
        "cells that stay where they are",
    ),
    "no latitudes": (rewritten(lambda d: d.rename(lat="rows")), "a coordinate of latitude"),
    "no map": (rewritten(lambda d: d[["lat", "lon", "time"]].assign(a=("time", [1.0, 2.0, 3.0]))), "a variable on"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_among_sound_ones_is_refused_and_named(tmp_path: Path, name: str) -> None:
    for number in range(3):
        written.regular(tmp_path / f"{number}.nc", 3 * number + np.arange(3), MAPS)
    change, words = BROKEN[name]
    change(tmp_path / "2.nc")
    with pytest.raises(ForecastError, match=words) as caught:
        GridFiles(paths=str(tmp_path / "?.nc")).fetch()
    assert "2.nc" in caught.value.got and caught.value.remedy


def test_files_that_cannot_be_joined_are_refused_before_any_is_ingested(tmp_path: Path) -> None:
    written.regular(tmp_path / "0.nc", np.arange(3), MAPS)
    sound = tmp_path / "1.nc"
    for change, words in (({"units": "days since 2001-01-01", "calendar": "360_day"}, "calendar"), ({}, "dimension")):
        written.regular(sound, 3 + np.arange(3), MAPS)
        with netCDF4.Dataset(sound, "a") as file:
            file["time"].setncatts(change)
            if not change:
                file["t"].units = "Pa"
        with pytest.raises(ForecastError, match=words):
            GridFiles(paths=str(tmp_path / "?.nc")).extent()
    written.regular(sound, 3 + np.arange(3), MAPS)
    assert GridFiles(paths=str(tmp_path / "?.nc")).extent() is not None


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("format", ["NETCDF3_CLASSIC", "NETCDF3_64BIT"])
def test_a_classic_file_that_was_cut_short_is_not_read_as_zeros(tmp_path: Path, format: str, share: float) -> None:
    values = np.full((90, 6, 12), 8.0, "float32")
    coords = {"time": pd.date_range("2001", periods=90), "lat": np.arange(6.0), "lon": np.arange(12.0)}
    path = tmp_path / "a.nc"
    data = xr.Dataset({"t": (("time", "lat", "lon"), values, {"units": "degC"})}, coords)
    data.to_netcdf(path, format=format)
    assert float(GridFiles(paths=str(path)).fetch()["t"].min()) == 8.0
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ForecastError, match=r"a readable netcdf4 file(.|\n)*a.nc(.|\n)*again"):
        GridFiles(paths=str(path)).fetch()


def test_a_broken_block_is_found_when_it_is_read(tmp_path: Path) -> None:
    path, many = tmp_path / "a.nc", np.random.default_rng(1).normal(size=(40, 40, 40))
    with netCDF4.Dataset(written.regular(path, np.arange(40), many), "a") as file:
        deflated = file.createVariable("z", "f4", ("time", "lat", "lon"), zlib=True, fletcher32=True)
        deflated.units, deflated[:] = "m", many
    raw = bytearray(path.read_bytes())
    raw[-20000:-15000] = bytes(5000)
    path.write_bytes(raw)
    with pytest.raises(ForecastError, match=r"(values that can be read|readable netcdf4)(.|\n)*a.nc(.|\n)*again"):
        GridFiles(paths=str(path)).fetch()


def test_a_variable_that_was_never_observed_is_refused(tmp_path: Path) -> None:
    written.regular(tmp_path / "a.nc", [0, 1, 2], MAPS * np.nan)
    with pytest.raises(ForecastError, match=r"observed values of each variable(.|\n)*none of t in \S*a.nc"):
        GridFiles(paths=str(tmp_path / "a.nc")).fetch()


@pytest.mark.parametrize("suffix", ["zarr", "grib"])
def test_what_is_no_zarr_and_no_grib_is_refused(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("cfgrib")
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(b"GRIB no more") if suffix == "grib" else path.mkdir()
    with pytest.raises(ForecastError, match=rf"a readable (zarr|cfgrib) file(.|\n)*a.{suffix}"):
        GridFiles(paths=str(path)).fetch()
