"""What is ingested twice changes nothing; what is new, late or corrected makes a version."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast.archive import Archive
from forecast.errors import ForecastError
from forecast.stages.ingest import ingest
from tests.stages.conftest import TEXT, Place, place_at, table

TEXT_OF_MAPS = """
name = "maps"
[source]
type = "grid_files"
paths = ["maps.nc"]
[task]
horizon = "2D"
[training]
memory = "MEMORY"
"""


def days() -> xr.Dataset:
    """Return 60 days of maps of 2 x 3 cells, 24 bytes each."""
    values = np.random.default_rng(0).normal(1e5, 900, (60, 2, 3)).astype("float32")
    coords = {
        "time": pd.date_range("2001-01-01", periods=60),
        "lat": ("lat", [30.0, 40.0], {"units": "degrees_north"}),
        "lon": ("lon", [0.0, 10.0, 20.0], {"units": "degrees_east"}),
    }
    return xr.Dataset({"slp": (("time", "lat", "lon"), values, {"units": "Pa"})}, coords)


@pytest.fixture
def empty(tmp_path: Path) -> Place:
    place = place_at(tmp_path)
    place.write(table()[table()["time"] < "2001-01-11"])
    return place


def test_the_same_observations_twice_change_nothing(empty: Place) -> None:
    first = ingest(empty)
    again = ingest(empty)
    assert first.receipt.new == 80 and first.receipt.version == empty.archive.version
    assert not again.receipt.changed and again.receipt.unchanged == 80
    assert again.receipt.version == first.receipt.version and len(empty.archive.versions()) == 1


def test_a_new_day_and_a_corrected_one_make_new_versions(empty: Place) -> None:
    first = ingest(empty).receipt.version
    rows = table()[table()["time"] < "2001-01-12"]
    empty.write(rows)
    second = ingest(empty).receipt
    assert (second.new, second.corrected, second.unchanged) == (8, 0, 80) and second.version != first
    rows.loc[rows["time"] == "2001-01-05", "t2m"] += 1
    empty.write(rows)
    third = ingest(empty).receipt
    assert (third.new, third.corrected) == (0, 1) and len({first, second.version, third.version}) == 3
    old, new = (
        empty.archive.load(version)["t2m"].sel(time="2001-01-05T00").values for version in (first, third.version)
    )
    np.testing.assert_allclose(new - old, 1, rtol=1e-5)


def test_what_does_not_fit_is_ingested_by_parts_to_the_same_archive(tmp_path: Path) -> None:
    kept = []
    for name, memory in (("whole", "2 GB"), ("parts", "0.0005 MB")):
        place = place_at(tmp_path / name, TEXT_OF_MAPS.replace("MEMORY", memory))
        days().to_netcdf(place.file)
        seen: list[tuple[int, int]] = []
        done = ingest(place, report=lambda what, at, of, seen=seen: seen.append((at, of)))
        again = ingest(place)
        assert done.receipt.new == 60 and not again.receipt.changed and again.receipt.unchanged == 60
        assert done.observed["span"] == "2001-01-01T00:00 to 2001-03-01T00:00" and done.observed["sizes"].startswith(
            "60 "
        )
        kept.append((place.archive.load().load(), len(place.archive.versions()), seen[-1]))
    (whole, one, _), (parts, many, (at, of)) = kept
    xr.testing.assert_identical(parts, whole)
    assert one == 1 and many > 5 and at == of == many


def test_a_file_of_one_map_is_appended(tmp_path: Path) -> None:
    place = place_at(tmp_path, TEXT_OF_MAPS.replace("MEMORY", "2 GB"))
    days().isel(time=slice(0, 59)).to_netcdf(place.file)
    ingest(place)
    days().isel(time=[59]).to_netcdf(place.file)
    assert ingest(place).receipt.new == 1


def test_an_ingest_by_parts_that_was_stopped_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = place_at(tmp_path, TEXT_OF_MAPS.replace("MEMORY", "0.0005 MB"))
    days().to_netcdf(place.file)
    kind = type(place.archive)
    append = kind.append

    def dying(self: Archive, ds: xr.Dataset, arrival: object = None) -> object:
        if "2001-02-01" in ds.indexes["time"]:
            raise KeyboardInterrupt
        return append(self, ds, arrival)

    monkeypatch.setattr(kind, "append", dying)
    with pytest.raises(KeyboardInterrupt):
        ingest(place)
    before = place.archive.load().sizes["time"]
    monkeypatch.setattr(kind, "append", append)
    done = ingest(place).receipt
    assert 0 < before < 32 and (done.unchanged, done.new) == (before, 60 - before)
    np.testing.assert_array_equal(place.archive.load()["slp"], days()["slp"])


def test_a_span_may_be_asked_for(empty: Place) -> None:
    done = ingest(empty, start="2001-01-03", end="2001-01-04")
    assert done.receipt.new == 16 and done.observed["span"] == "2001-01-03T00:00 to 2001-01-04T21:00"
    with pytest.raises(
        ForecastError, match=r"(?s)observations in the span.*none from 2031-01-01 to None.*another span"
    ):
        ingest(empty, start="2031-01-01")


def test_quality_follows_the_pipeline_and_is_counted(tmp_path: Path) -> None:
    rows = table()[table()["time"] < "2001-01-11"]
    rows.loc[rows.index[5], "t2m"] = 999.0
    place = place_at(tmp_path / "mask")
    place.write(rows)
    done = ingest(place)
    assert [(one.rule, one.variable, one.action, one.count) for one in done.findings] == [
        ("limits", "t2m", "masked", 1)
    ]
    assert int(place.archive.load()["t2m"].isnull().sum()) == 1
    strict = place_at(tmp_path / "refuse", TEXT + '[quality]\nlimits = "refuse"\n')
    strict.write(rows)
    with pytest.raises(ForecastError, match="within the rule limits"):
        ingest(strict)
    assert strict.archive.version == ""


def test_an_arrival_is_recorded_for_what_came(empty: Place) -> None:
    ingest(empty, end="2001-01-09")
    ingest(empty, arrival="2001-01-11T07:00")
    arrival = empty.archive.load()["arrival"]
    assert bool(arrival.sel(time="2001-01-09").isnull().all())
    assert set(arrival.sel(time="2001-01-10").values) == {np.datetime64("2001-01-11T07:00")}


def test_progress_is_reported(empty: Place) -> None:
    told: list[tuple[str, int, int]] = []
    done = ingest(empty, report=lambda *line: told.append(line))
    assert told == [("ingest", 0, 1), ("ingest", 1, 1)]
    assert (
        done.observed["variables"] == "t2m [K], dewp [degF]"
        and pd.Timestamp("2001-01-10") in empty.archive.load().indexes["time"]
    )
