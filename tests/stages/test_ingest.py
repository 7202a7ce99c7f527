"""What is ingested twice changes nothing; what is new, late or corrected makes a version."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast.errors import ForecastError
from forecast.stages.ingest import ingest
from tests.stages.conftest import TEXT, Place, place_at, table


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
    assert told[0] == ("ingest", 0, 3) and told[-1] == ("ingest", 3, 3)
    assert (
        done.observed["variables"] == "t2m [K], dewp [degF]"
        and pd.Timestamp("2001-01-10") in empty.archive.load().indexes["time"]
    )
