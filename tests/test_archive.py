"""The archive: what becomes of each incoming step, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast.archive import Archive
from forecast.errors import ForecastError
from tests.fabricated import projected

SERIES = ["EWR", "JFK"]


def days(
    first: int, last: int, *, offset: float = 0.0, calendar: str = "standard", ids: list[str] | None = None
) -> xr.Dataset:
    """Days of January 2001, [first, last]; the value of day d at series s is d + s / 10 + offset."""
    ids = ids or SERIES
    use_cftime = calendar != "standard"
    time = xr.date_range("2001-01-01", periods=60, freq="D", calendar=calendar, use_cftime=use_cftime)[first - 1 : last]
    values = np.arange(first, last + 1)[:, None] + np.arange(len(ids)) / 10 + offset
    return xr.Dataset({"temp": (("time", "series"), values, {"units": "degF"})}, {"time": time, "series": ids})


def maps(first: int, last: int) -> xr.Dataset:
    time = xr.date_range("2001-01-01", periods=60, freq="D")[first - 1 : last]
    values = np.arange(first, last + 1, dtype="float32")[:, None, None] + np.zeros((2, 3), "float32")
    coords = {"time": time, "lat": [50.0, 52.5], "lon": [-5.0, -2.5, 0.0]}
    return xr.Dataset({"slp": (("time", "lat", "lon"), values, {"units": "Pa"})}, coords, {"title": "maps"})


def counts(receipt: object) -> dict[str, int]:
    names = ("new", "corrected", "unchanged", "late", "missing")
    return {name: getattr(receipt, name) for name in names if getattr(receipt, name)}


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


@pytest.mark.parametrize("calendar", ["standard", "360_day", "noleap"])
def test_what_was_appended_is_loaded_in_any_calendar(archive: Archive, calendar: str) -> None:
    ds = days(1, 59, calendar=calendar).assign_attrs(title="January", licence="CC0")
    assert counts(archive.append(ds)) == {"new": 59}
    xr.testing.assert_identical(archive.load().load(), ds)
    archive.append(days(60, 60, calendar=calendar))
    assert archive.load().time.to_index().equals(days(1, 60, calendar=calendar).time.to_index())
    february = archive.load(start="2001-01-30", end="2001-02").time.to_index()
    assert [(february[i].month, february[i].day) for i in (0, -1)] == [
        (1, 30),
        (2, 30 if calendar == "360_day" else 28),
    ]
    assert archive.load(end=np.datetime64("2001-01-02")).sizes["time"] == 2


def test_maps_keep_their_grid_type_units_and_attributes(archive: Archive) -> None:
    archive.append(maps(1, 3))
    archive.append(maps(4, 5))
    xr.testing.assert_identical(archive.load().load(), maps(1, 5))


def test_a_projected_grid_keeps_its_2d_coordinates_and_refuses_cells_elsewhere(archive: Archive) -> None:
    whole = projected(6)
    archive.append(whole.isel(time=slice(0, 3)))
    archive.append(whole.isel(time=slice(3, 6)))
    xr.testing.assert_identical(archive.load().load(), whole)
    near = whole.assign_coords(lat=whole["lat"].astype("float32"))
    assert not archive.append(near).changed
    with pytest.raises(ForecastError, match=r"cells where the archive's are(.|\n)*degrees of arc from there"):
        archive.append(whole.assign_coords(lon=whole["lon"].roll(x=1, roll_coords=False)))
    with pytest.raises(ForecastError, match="the archive's grid, 12 y"):
        archive.append(whole.isel(y=slice(1, None)))


def test_the_same_day_twice_changes_nothing_and_makes_no_version(archive: Archive) -> None:
    first = archive.append(days(1, 5))
    again = archive.append(days(3, 5))
    assert counts(again) == {"unchanged": 3} and not again.changed
    assert again.version == first.version == archive.version
    assert len(archive.versions()) == 1


def test_a_correction_is_a_new_version_and_the_old_one_stays_readable(archive: Archive) -> None:
    old = archive.append(days(1, 5)).version
    receipt = archive.append(days(2, 3, offset=0.5))
    assert counts(receipt) == {"corrected": 2} and receipt.dates == {"corrected": ("2001-01-02 .. 2001-01-03",)}
    assert archive.load().temp.values[:, 0].tolist() == [1, 2.5, 3.5, 4, 5]
    assert archive.load(old).temp.values[:, 0].tolist() == [1, 2, 3, 4, 5]
    assert [one.id for one in archive.versions()] == [receipt.version, old]
    assert archive.versions()[0].message == "2 corrected"


def test_missing_days_are_rows_of_nan_and_a_late_day_lands_in_its_place(archive: Archive) -> None:
    archive.append(days(1, 3))
    gap = archive.append(days(6, 6))
    assert counts(gap) == {"new": 1, "missing": 2} and gap.dates["missing"] == ("2001-01-04 .. 2001-01-05",)
    assert archive.load().temp.values[:, 0].tolist()[:3] == [1, 2, 3]
    assert np.isnan(archive.load().temp.values[3:5]).all()
    assert counts(archive.append(days(4, 4))) == {"late": 1}
    np.testing.assert_array_equal(archive.load().temp.values[:, 0], [1, 2, 3, 4, np.nan, 6])


def test_a_day_before_the_axis_is_late_and_moves_everything_along(archive: Archive) -> None:
    archive.append(maps(10, 12), arrival="2001-02-01")
    receipt = archive.append(maps(7, 8))
    assert counts(receipt) == {"late": 2}
    loaded = archive.load()
    np.testing.assert_array_equal(loaded.slp.values[:, 0, 0], [7, 8, np.nan, 10, 11, 12])
    assert loaded.time.values[0] == np.datetime64("2001-01-07") and len(np.unique(np.diff(loaded.time))) == 1
    np.testing.assert_array_equal(loaded.arrival.isnull(), [True] * 3 + [False] * 3)


def test_nan_never_erases_a_value_and_late_cells_fill_a_step(archive: Archive) -> None:
    half = days(1, 3)
    half.temp[1, 1] = np.nan
    archive.append(half)
    assert counts(archive.append(days(1, 3))) == {"unchanged": 2, "late": 1}
    assert counts(archive.append(half)) == {"unchanged": 3}
    xr.testing.assert_equal(archive.load().load(), days(1, 3))


def test_the_axis_ends_with_the_last_observed_step(archive: Archive) -> None:
    ds = days(1, 6)
    ds.temp[[0, 4, 5]] = np.nan
    assert counts(archive.append(ds)) == {"new": 3, "missing": 3}
    assert archive.load().time.values[[0, -1]].tolist() == days(2, 4).time.values[[0, -1]].tolist()
    assert counts(archive.append(days(6, 7).where(False))) == {"missing": 3}
    assert counts(archive.append(days(5, 5))) == {"new": 1}


def test_blocks_of_time_are_merged_as_one(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecast.archive.archive.CHUNK_BYTES", 7 * 24)
    monkeypatch.setattr("forecast.archive.archive.LARGE_STEPS", 1)
    archive.append(maps(10, 40))
    assert counts(archive.append(maps(3, 50))) == {"new": 10, "unchanged": 31, "late": 7}
    xr.testing.assert_equal(archive.load().load(), maps(3, 50))
    assert archive.load().slp.encoding["chunks"] == (7, 2, 3)


def test_a_new_series_widens_the_archive_and_an_absent_one_stays(archive: Archive) -> None:
    archive.append(days(1, 3).assign_coords(height=("series", [5.0, 4.0])))
    wider = days(2, 4, ids=["LGA", "EWR"]).assign_coords(height=("series", [7.0, 5.0]))
    receipt = archive.append(wider)
    assert receipt.series == ("LGA",) and "first seen: LGA" in archive.versions()[0].message
    loaded = archive.load().load()
    assert loaded.series.values.tolist() == ["EWR", "JFK", "LGA"] and loaded.height.values.tolist() == [5, 4, 7]
    np.testing.assert_array_equal(loaded.temp.sel(series="LGA"), [np.nan, 2, 3, 4])
    np.testing.assert_array_equal(loaded.temp.sel(series="EWR"), [1, 2.1, 3.1, 4.1])
    np.testing.assert_array_equal(loaded.temp.sel(series="JFK"), [1.1, 2.1, 3.1, np.nan])


def test_arrivals_are_recorded_for_the_steps_that_change(archive: Archive) -> None:
    archive.append(days(1, 2))
    assert "arrival" not in archive.load().coords
    archive.append(days(2, 4), arrival=pd.Timestamp("2001-01-09T06:00:00.5", tz="UTC"))
    archive.append(days(3, 4), arrival="2001-02-01")
    late = np.datetime64("2001-01-09T06:00:01", "ns")
    np.testing.assert_array_equal(archive.load().arrival.values, [np.datetime64("NaT")] * 2 + [late] * 2)
    archive.append(days(4, 4, offset=1), arrival=["2001-02-02"])
    assert archive.load().arrival.values[-1] == np.datetime64("2001-02-02")
    with pytest.raises(ForecastError, match=r"civil calendar(.|\n)*360_day(.|\n)*without an arrival"):
        archive.append(days(1, 2, calendar="360_day"), arrival="2001-02-01")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda ds: ds.assign(slp=ds.slp.assign_attrs(units="hPa")), "units of slp Pa(.|\n)*hPa(.|\n)*convert it"),
        (lambda ds: ds.rename(slp="msl"), r"variables \['slp'\](.|\n)*msl"),
        (lambda ds: ds.assign_coords(lon=ds.lon + 2.5), "3 lon from -5 to 0(.|\n)*-2.5 to 2.5(.|\n)*cut the source"),
        (lambda ds: ds.isel(lat=[1]), "2 lat from 50 to 52.5(.|\n)*1 lat"),
        (lambda ds: ds.isel(lat=[1, 0]), "lat strictly ascending(.|\n)*sort lat"),
        (lambda ds: ds.convert_calendar("360_day", align_on="date"), "calendar proleptic_gregorian(.|\n)*360_day"),
        (lambda ds: ds.isel(time=[0, 2]), "step of 1 days(.|\n)*2 days"),
        (
            lambda ds: ds.assign_coords(time=ds.time + pd.Timedelta("6h")),
            "counted from 2001-01-01(.|\n)*T06(.|\n)*label",
        ),
        (lambda ds: ds.assign_attrs(simulated="yes"), "simulated = no(.|\n)*yes"),
        (lambda ds: ds.rename(lat="series").isel(lon=0), r"dimensions \('time', 'lat', 'lon'\)(.|\n)*series"),
        (lambda ds: ds.isel(time=[]), "at least one step(.|\n)*longer span"),
        (lambda ds: ds.assign_coords(time=ds.time + pd.Timedelta("5ms")), "whole seconds(.|\n)*round"),
    ],
)
def test_what_does_not_belong_is_refused_and_nothing_is_written(archive: Archive, change: object, words: str) -> None:
    version = archive.append(maps(1, 3)).version
    with pytest.raises(ForecastError, match=words):
        archive.append(change(maps(3, 5)))  # type: ignore[operator]
    assert archive.version == version
    xr.testing.assert_identical(archive.load().load(), maps(1, 3))


def test_coordinates_rounded_to_float32_are_the_same_grid(archive: Archive) -> None:
    fine = maps(1, 2).assign_coords(lon=[-0.3, -0.2, -0.1])
    archive.append(fine)
    assert counts(archive.append(fine.assign_coords(lon=fine.lon.astype("float32")))) == {"unchanged": 2}


def test_a_first_append_needs_two_steps_and_a_value(archive: Archive) -> None:
    with pytest.raises(ForecastError, match="at least 2 time steps"):
        archive.append(days(1, 1))
    with pytest.raises(ForecastError, match="one observed value(.|\n)*only NaN(.|\n)*holds observations"):
        archive.append(days(1, 3).where(False))
    assert archive.version == "" and archive.versions() == []
    with pytest.raises(ForecastError, match="something written before(.|\n)*run the stage"):
        archive.load()


def test_a_date_that_the_calendar_lacks_is_refused(archive: Archive) -> None:
    archive.append(days(1, 40, calendar="360_day"))
    with pytest.raises(ForecastError, match="calendar 360_day(.|\n)*2001-01-31(.|\n)*this calendar has"):
        archive.load(start="2001-01-31")


def test_an_unknown_version_is_refused_with_the_known_ones(archive: Archive) -> None:
    version = archive.append(days(1, 3)).version
    with pytest.raises(ForecastError, match=f"{version}(.|\n)*'V1'(.|\n)*choose"):
        archive.load("V1")


def test_real_maps_of_two_calendars_come_back_whole(archive: Archive, real_data: Path, tmp_path: Path) -> None:
    for name, variable in (("ncep_slp_natl_2001_2008.nc", "slp"), ("tasmax_day_HadGEM2-CC_360day_2095.nc", "tasmax")):
        with xr.open_dataset(real_data / name) as file:
            ds = file[[variable]].sortby("lat").load()
        one = Archive(tmp_path / variable)
        one.append(ds.isel(time=slice(0, -5)))
        assert one.append(ds.isel(time=slice(-10, None))).new == 5
        xr.testing.assert_equal(one.load().load(), ds)
