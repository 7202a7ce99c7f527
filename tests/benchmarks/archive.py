"""Archive: appending a day, the same day again, and loading years, beside a bare NetCDF file of the same values."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import xarray as xr

from forecast.archive import Archive

YEARS, DAYS = 20, 15
LAT, LON = np.arange(30, 71, 2.5), np.arange(-70, 11, 2.5)


def _maps(first: str, days: int) -> xr.Dataset:
    time_axis = pd.date_range(first, periods=days)
    rng = np.random.default_rng(time_axis[0].toordinal())
    values = rng.normal(101_000, 900, (days, len(LAT), len(LON))).astype("float32")
    coords = {"time": time_axis, "lat": LAT, "lon": LON}
    return xr.Dataset({"slp": (("time", "lat", "lon"), values, {"units": "Pa"})}, coords, {"title": "noise"})


def _milliseconds(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - begun)


def main() -> None:
    """Fill an archive with years of maps, then measure."""
    with tempfile.TemporaryDirectory() as folder:
        archive, file = Archive(Path(folder) / "archive"), Path(folder) / "same.nc"
        years = _maps("2001-01-01", 365 * YEARS)
        filled = _milliseconds(lambda: archive.append(years))
        after = pd.Timestamp(years["time"].values[-1])
        fresh = [_maps(str((after + pd.Timedelta(days=1 + day)).date()), 1) for day in range(DAYS)]
        new = median(_milliseconds(lambda day=day: archive.append(day)) for day in fresh)
        again = median(_milliseconds(lambda day=day: archive.append(day)) for day in fresh)
        archive.load().load().to_netcdf(file)
        pairs = [
            (_milliseconds(lambda: archive.load().load()), _milliseconds(lambda: xr.load_dataset(file)))
            for _ in range(7)
        ]
        loaded, bare = (median(column) for column in zip(*pairs, strict=True))
        span = median(_milliseconds(lambda: archive.load(start="2010", end="2010").load()) for _ in range(7))
    print(f"{YEARS} years of daily maps, {len(LAT)} x {len(LON)}, {years.nbytes / 2**20:.0f} MiB: milliseconds")
    rows = {
        f"append all {YEARS} years": filled,
        f"append a day (median of {DAYS})": new,
        "the same day again: nothing written": again,
        "load one year": span,
        "load all": loaded,
        "load all from one NetCDF file": bare,
    }
    for name, value in rows.items():
        print(f"{name:40}{value:>10.1f}")
    print(f"ratio of loading all, archive to NetCDF: {loaded / bare:.2f}")


if __name__ == "__main__":
    main()
