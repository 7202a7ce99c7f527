"""Gridded files are opened here, lazily, by the ending of their name: NetCDF, Zarr and GRIB."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import xarray as xr
from scipy.io import netcdf_file

from forecast.errors import ForecastError
from forecast.registry import member

ENGINES = {
    "netcdf4": (".nc", ".nc4", ".netcdf", ".cdf", ".h5"),
    "zarr": (".zarr",),
    "cfgrib": (".grib", ".grb", ".grib2", ".grb2"),
}
CLASSIC = (b"CDF\x01", b"CDF\x02")  # first bytes of the two classic formats that scipy reads
GRIB = {"cfgrib": "cfgrib:open_datasets"}  # of an extra: imported when a file asks for it


@contextmanager
def opened(path: Path) -> Iterator[list[xr.Dataset]]:
    """Open a gridded file, packed integers unpacked and times decoded in their own calendar; close it afterwards.

    Args:
        path: a file, or the folder of a Zarr store.

    Yields:
        One lazy Dataset; of GRIB, whose messages need not fit into one, as many as it takes.

    Raises:
        ForecastError: an unknown suffix, a file that cannot be read, or GRIB without its extra.
    """
    engine = next((name for name, suffixes in ENGINES.items() if path.suffix.lower() in suffixes), None)
    if engine is None:
        known = ", ".join(suffix for suffixes in ENGINES.values() for suffix in suffixes)
        raise ForecastError(f"a file that ends in one of {known}", str(path), "convert it, or mend source.paths")
    if engine == "cfgrib" and importlib.util.find_spec("cfgrib") is None:
        raise ForecastError(
            "the GRIB reader cfgrib",
            f"it is not installed, and {path} is GRIB",
            "pip install 'forecast-pipeline[grib]'",
        )
    try:
        _whole(path)
        now = path.stat()
        datasets = (
            _grib(path, now.st_mtime_ns, now.st_size)
            if engine == "cfgrib"
            else [xr.open_dataset(path, engine=engine, decode_timedelta=False)]
        )
    except Exception as error:  # each engine has its own exceptions; none may pass for data
        times = "decode time" in str(error)
        raise ForecastError(
            "times with CF units, such as 'days since 1900-01-01'" if times else f"a readable {engine} file",
            f"{path}: {type(error).__name__}: {str(error).strip()}",
            "mend the units of the time coordinate" if times else "download or convert it again",
        ) from error
    try:
        yield datasets
    finally:
        for data in datasets if engine != "cfgrib" else ():  # GRIB is opened anew at each read
            data.close()


def _whole(path: Path) -> None:
    """Refuse a classic NetCDF file that was cut short: the C library reads what is missing as zeros.

    Raises:
        ValueError: a variable reaches beyond the end of the file.
    """
    if not path.is_file():
        return
    with path.open("rb") as file:
        classic = file.read(len(CLASSIC[0])) in CLASSIC
    if classic:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # that variables are still open as it closes
            netcdf_file(path, mmap=True).close()  # maps each variable


@lru_cache(maxsize=64)
def _grib(path: Path, changed: int, size: int) -> list[xr.Dataset]:
    """Return a GRIB file's Datasets; to find its messages takes seconds, and is done once for each state of a file."""
    read = member("GRIB reader", GRIB, "cfgrib")
    # no index file beside the user's data
    datasets: list[xr.Dataset] = read(str(path), backend_kwargs={"indexpath": ""})
    if not datasets:
        raise ValueError(f"no message in its {size} bytes")
    return datasets
