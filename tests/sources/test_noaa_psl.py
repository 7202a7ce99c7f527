"""The reanalysis, from a server on loopback with the layout and the habits of NOAA PSL's files."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast.errors import ForecastError
from forecast.sources.noaa_psl import NoaaPsl

LAT, LON = np.arange(90.0, -91.0, -30.0), np.arange(0.0, 360.0, 30.0)


def publish(root: Path, year: int, days: int, name: str = "slp", level: tuple[float, ...] = ()) -> None:
    """Write one year as PSL does: hours since 1800, latitudes from the north, longitudes from 0, packed, 'Pascals'."""
    times = pd.date_range(f"{year}-01-01", periods=days)
    values = 100_000 + times.dayofyear.to_numpy()[:, None, None] + LAT[None, :, None] + LON[None, None, :] / 10
    dims, coords = ("time", "lat", "lon"), {"time": times, "lat": LAT.astype("float32"), "lon": LON.astype("float32")}
    if level:
        values = np.stack([values + one for one in level], axis=1)
        dims, coords = ("time", "level", "lat", "lon"), {**coords, "level": list(level)}
    data = xr.Dataset({name: (dims, values, {"units": "Pascals"})}, coords=coords)
    packed = {"dtype": "int16", "scale_factor": 1.0, "add_offset": 100_000.0, "_FillValue": 32766}
    stem = {"air": "air.sig995"}.get(name, name) if not level else name
    path = root / ("pressure" if level else "surface") / f"{stem}.{year}.nc"
    path.parent.mkdir(parents=True, exist_ok=True)
    data.to_netcdf(path, encoding={name: packed, "time": {"units": "hours since 1800-01-01", "dtype": "float64"}})


@pytest.fixture
def psl(tmp_path: Path) -> Iterator[Any]:
    """A server of ``psl.root`` that counts the paths asked for in ``psl.asked``; ``psl.source()`` reads from it."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            running.asked.append(self.path)  # type: ignore[attr-defined]

    root = tmp_path / "server"
    root.mkdir()
    running: Any = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=root))
    running.root, running.asked = root, []
    url = f"http://127.0.0.1:{running.server_address[1]}"
    defaults = {"url": url, "cache": str(tmp_path / "cache"), "start": "2001-01-01", "retries": 0, "timeout": 5}
    running.source = lambda **options: NoaaPsl(**{**defaults, **options})
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def test_years_are_joined_and_the_region_is_cut(psl: Any) -> None:
    publish(psl.root, 2001, 365)
    publish(psl.root, 2002, 365)
    data = psl.source(region=[30, 60, -60, 30]).fetch("2001-12-30", "2002-01-02")
    assert data.lat.values.tolist() == [30, 60] and data.lon.values.tolist() == [-60, -30, 0, 30]
    assert data.slp[:, 1, 0].values.tolist() == [100_454, 100_455, 100_091, 100_092]  # 364 + 60 + 300 / 10
    assert data.slp.attrs["units"] == "Pa" and "public domain" in data.attrs["licence"]


def test_kept_years_are_not_asked_for_again(psl: Any) -> None:
    publish(psl.root, 2001, 365)
    source = psl.source(end="2001-12-31")
    first = source.fetch()
    count = sum("200" in line for line in psl.asked)
    assert first.identical(source.fetch()) and first.identical(psl.source(end="2001-12-31").fetch())
    assert len(psl.asked) == count == 1


def test_without_an_end_the_record_goes_on_to_the_last_year_there_is(psl: Any) -> None:
    publish(psl.root, 2001, 365)
    publish(psl.root, 2002, 31)
    data = psl.source().fetch()
    assert data.sizes["time"] == 396 and str(data.time.values[-1])[:10] == "2002-01-31"


def test_a_growing_year_is_renewed_when_later_days_are_asked_for(psl: Any) -> None:
    publish(psl.root, 2001, 31)
    source = psl.source()
    assert source.fetch(end="2001-01-31").sizes["time"] == 31
    publish(psl.root, 2001, 40)
    assert source.fetch(end="2001-01-31").sizes["time"] == 31 and len(psl.asked) == 1
    assert source.fetch(end="2001-02-09").sizes["time"] == 40 and len(psl.asked) == 2
    assert source.fetch("2001-03-01", "2001-03-02").sizes["time"] == 0


def test_pressure_levels_and_surface_names_have_their_own_files(psl: Any) -> None:
    publish(psl.root, 2001, 5, "hgt", (1000.0, 500.0))
    publish(psl.root, 2001, 5, "air")
    data = psl.source(variables=["hgt"], level=500).fetch(end="2001-01-05")
    assert float(data.hgt.sel(lat=0, lon=0)[0]) == 100_501
    assert list(psl.source(variables=["air"]).fetch(end="2001-01-05").data_vars) == ["air"]


def test_a_damaged_kept_file_is_refused(psl: Any, tmp_path: Path) -> None:
    publish(psl.root, 2001, 5)
    psl.source().fetch(end="2001-01-05")
    kept = tmp_path / "cache" / "surface" / "slp.2001.nc"
    kept.write_bytes(kept.read_bytes()[:-1] + b"x")
    with pytest.raises(ForecastError, match=r"changed or damaged(.|\n)*delete .*slp.2001.nc"):
        psl.source().fetch(end="2001-01-05")


def test_a_page_in_place_of_a_file_does_not_land(psl: Any, tmp_path: Path) -> None:
    (psl.root / "surface").mkdir()
    (psl.root / "surface" / "slp.2001.nc").write_text("<html>down for maintenance</html>")
    with pytest.raises(ForecastError, match=r"a readable netcdf4 file"):
        psl.source().fetch(end="2001-01-05")
    assert list((tmp_path / "cache").rglob("*.nc*")) == []
    publish(psl.root, 2001, 5)
    xr.open_dataset(psl.root / "surface" / "slp.2001.nc").rename(slp="other").to_netcdf(psl.root / "surface/new.nc")
    (psl.root / "surface/new.nc").rename(psl.root / "surface" / "slp.2001.nc")
    with pytest.raises(ForecastError, match=r"the variable slp"):
        psl.source().fetch(end="2001-01-05")


def test_a_year_that_is_not_there_is_said_so(psl: Any) -> None:
    with pytest.raises(ForecastError, match=r"a file of slp for 2001(.|\n)*none at http(.|\n)*after New Year"):
        psl.source().fetch()
    with pytest.raises(ForecastError, match=r"an end after the start(.|\n)*mend start or end"):
        psl.source().fetch("2001-02-01", "2001-01-01")


def test_a_span_may_be_written_with_hours_and_a_zone(psl: Any) -> None:
    publish(psl.root, 2001, 31)
    data = psl.source().fetch(pd.Timestamp("2001-01-02T06:00", tz="UTC"), pd.Timestamp("2001-01-04T12:00", tz="UTC"))
    assert data.time.dt.day.values.tolist() == [3, 4]
    with pytest.raises(ForecastError, match=r"start and end as dates(.|\n)*'soon'(.|\n)*write them as 2001-01-31"):
        psl.source().fetch("soon")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"variables": ["hgt"]}, "no hgt at the surface: known there are slp"),
        ({"variables": ["slp"], "level": 500}, "no slp at 500 hPa"),
        ({"start": "1940-01-01"}, "from 1948 on"),
        ({"end": "2000-01-01"}, "days in order"),
        ({"url": "file:///etc"}, "url: "),
        ({"region": [60, 30, 0, 10]}, "region: "),
        ({"delay": "soon"}, "'soon' is not a span of time"),
        ({"start": None}, "start: "),
        ({"years": 3}, "years: "),
    ],
)
def test_an_impossible_option_is_refused_at_birth(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ForecastError, match=rf"options of NoaaPsl(.|\n)*{words}"):
        NoaaPsl(**{"start": "2001-01-01", **options})
