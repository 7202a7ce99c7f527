"""Scores of what was issued appear as the truth arrives, beside the baselines of the same issues."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from forecast import schema
from forecast.schema import LEAD, REFERENCE
from forecast.stages.ingest import ingest
from forecast.stages.issue import issue
from forecast.stages.verify import verify
from tests.stages.conftest import Place, place_at, table


def feed(place: Place, until: str) -> None:
    place.write(table()[table()["time"] < until])
    ingest(place)


def test_before_any_issue_and_before_any_truth_there_is_nothing_to_score(place: Place, tmp_path: Path) -> None:
    assert verify(place_at(tmp_path / "empty")).note == "no forecast has been issued yet"
    issue(place)
    done = verify(place)
    assert done.rows == [] and done.note.startswith(
        "1 issued, 0 of them with a valid time observed by 2001-03-13T21:00"
    )


def test_scores_appear_lead_by_lead_as_the_truth_arrives(place: Place) -> None:
    first = issue(place).forecast
    feed(place, "2001-03-14T06:00")  # two steps: leads 1 and 2 of the first issue
    second = issue(place).forecast
    feed(place, "2001-03-14T09:00")  # lead 3 of the first, lead 1 of the second
    rows = {(row["forecaster"], row["lead_hours"]): row for row in verify(place).rows}
    assert {lead for _, lead in rows} == {3, 6, 9}
    assert {name for name, _ in rows} == {"issued forecast", *map(str, first["baseline"].values)}
    assert [rows["issued forecast", lead]["scored"] for lead in (3, 6, 9)] == [4, 2, 2]
    truth = place.archive.load()["t2m"]
    errors = [
        one["t2m"].isel(forecast_reference_time=0, lead=0).values - truth.sel(time=at).values
        for one, at in ((first, "2001-03-14T00:00"), (second, "2001-03-14T06:00"))
    ]
    assert rows["issued forecast", 3]["rmse"] == pytest.approx(np.sqrt(np.mean(np.square(errors))))
    last = truth.sel(time="2001-03-13T21:00").values - truth.sel(time="2001-03-14T06:00").values
    assert rows["persistence", 9]["rmse"] == pytest.approx(np.sqrt(np.mean(last**2)))
    assert {row["units"] for row in rows.values()} == {"K"} and {row["target"] for row in rows.values()} == {"t2m"}
    assert verify(place).note.startswith("2 issued, 2 of them")


def test_of_several_issues_for_one_time_the_last_counts(place: Place) -> None:
    issue(place)
    rows = table()[table()["time"] < "2001-03-14"]
    rows.loc[rows["time"] == "2001-03-13 21:00", "t2m"] += 20.0  # a wild correction, and its forecast
    place.write(rows)
    ingest(place)
    wild = issue(place)
    assert wild.forecast_id.endswith("-r2")
    rows = table()[table()["time"] < "2001-03-14T03:00"]
    rows.loc[rows["time"] == "2001-03-13 21:00", "t2m"] += 20.0
    place.write(rows)
    ingest(place)
    found = {(row["forecaster"], row["lead_hours"]): row["rmse"] for row in verify(place).rows}
    assert found["persistence", 3] > 15 and verify(place).note.startswith("1 issued, 1 of them")


def test_issues_of_other_targets_are_scored_each_by_those_that_have_it(place: Place) -> None:
    first = issue(place)
    feed(place, "2001-03-14T06:00")
    issue(place)
    feed(place, "2001-03-14T12:00")
    alone = {(row["forecaster"], row["lead_hours"]): row["scored"] for row in verify(place).rows}
    other = first.forecast.rename({name: str(name).replace("t2m", "dewp") for name in first.forecast.data_vars})
    other = other.assign_attrs(forecast_id="other", model_version="other")
    earlier = np.timedelta64(3, "h")
    other = other.assign_coords({REFERENCE: other[REFERENCE] - earlier}).drop_vars("valid_time")
    times = schema.valid_times(other[REFERENCE].values, other[LEAD].values)
    place.store.write_issue(other.assign_coords(valid_time=((REFERENCE, LEAD), times)))
    found = verify(place)
    rows = {(row["target"], row["forecaster"], row["lead_hours"]): row["scored"] for row in found.rows}
    assert {key[1:]: scored for key, scored in rows.items() if key[0] == "t2m"} == alone
    assert rows["dewp", "issued forecast", 3] == 2 and found.note.startswith("3 issued, 3 of them")
