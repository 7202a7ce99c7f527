"""An issue knows what was known, goes on from the stored state, says what was wrong, and keeps what others acted on."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast import schema
from forecast.errors import ForecastError
from forecast.stages import gate, records
from forecast.stages.ingest import ingest
from forecast.stages.issue import issue
from tests.stages.conftest import Place, place_at, table

FIRST = "2001-03-14T03:00"  # the step of 21:00 the day before ended at 00:00 and is out three hours later


@pytest.fixture
def network(trained: Place, place: Place) -> Place:
    """A pipeline whose champion is the LSTM, whatever it is worth."""
    promote(place, trained, "lstm")
    return place


def promote(place: Place, trained: Place, name: str) -> None:
    gate.promote(place, gate.Verdict(name, "linear", "to be tested"), records.read(trained), xr.Dataset())


def feed(place: Place, until: str, change: dict[str, float] | None = None) -> None:
    """Let the source hold the steps before a time, t2m changed at given ones, and ingest."""
    rows = table()[table()["time"] < until]
    for time, by in (change or {}).items():
        rows.loc[rows["time"] == time, "t2m"] += by
    place.write(rows)
    ingest(place)


def same(a: xr.Dataset, b: xr.Dataset) -> bool:
    return all(np.array_equal(a[name].values, b[name].values, equal_nan=True) for name in a.data_vars)


def test_an_issue_is_complete_and_stored(network: Place) -> None:
    done = issue(network)
    stored = network.store.read(done.forecast_id)
    schema.check_forecast(stored)
    xr.testing.assert_equal(stored, done.forecast)
    assert set(stored.data_vars) == {"t2m", "t2m_quantile", "t2m_member", "t2m_baseline"}
    assert stored["t2m_baseline"].dims == ("forecast_reference_time", "lead", "baseline", "series")
    persisted = stored["t2m_baseline"].sel(baseline="persistence").isel(forecast_reference_time=0)
    last = network.archive.load()["t2m"].isel(time=-1)
    np.testing.assert_array_equal(persisted.values, np.broadcast_to(last.values, (3, 2)))
    attrs = stored.attrs
    version = network.store.champion()["version"]  # type: ignore[index]
    assert attrs["forecast_id"] == f"stations-20010313T2100-lstm-{version}" == done.forecast_id
    assert (attrs["issue_time"], attrs["step"], attrs["pipeline"]) == (f"{FIRST}:00Z", "P0DT3H0M0S", "stations")
    assert (attrs["model"], attrs["model_version"]) == ("lstm", version)
    assert attrs["data_version"] == network.archive.version and json.loads(attrs["degraded"]) == done.degraded == []
    assert "simulated" not in attrs and attrs["title"] == "Forecast of t2m from stations.csv"
    assert done.state == "spun up over 41 steps"


def test_the_best_baseline_is_issued_under_its_own_name(trained: Place, place: Place) -> None:
    promote(place, trained, "damped_persistence")
    done = issue(place)
    assert done.forecast.attrs["model"] == "damped_persistence" and "-damped_persistence-" in done.forecast_id
    assert done.state == "damped_persistence carries no state" and place.store.state(done.forecast_id) is None
    own = done.forecast["t2m_baseline"].sel(baseline="damped_persistence")
    np.testing.assert_array_equal(own.values, done.forecast["t2m"].values)


def test_it_knows_what_was_known_at_the_issue_time_and_no_more(network: Place) -> None:
    at = datetime(2001, 3, 10, 8, 59, tzinfo=UTC)  # 03:00 to 06:00 is out at 09:00
    early = issue(network, issue_time=at)
    assert early.forecast.attrs["forecast_id"].startswith("stations-20010310T0000-")
    later = issue(network, issue_time=at + timedelta(minutes=1))
    assert later.forecast.attrs["forecast_id"].startswith("stations-20010310T0300-")
    feed(network, "2001-03-14", {"2001-03-10 03:00": 5.0, "2001-03-12 00:00": 9.0})
    again = issue(network, issue_time=at.astimezone(timezone(timedelta(hours=5))))
    assert again.forecast.attrs["issue_time"] == "2001-03-10T08:59:00Z"
    assert same(again.forecast, early.forecast)
    with pytest.raises(ForecastError, match="the first value is known"):
        issue(network, issue_time=datetime(2001, 1, 1, 5))


def test_a_value_that_arrived_late_was_not_known_before(network: Place) -> None:
    network.write(table()[table()["time"] < "2001-03-14T06:00"])
    ingest(network, arrival="2001-03-14T11:30")
    before = issue(network, issue_time=datetime(2001, 3, 14, 11))
    assert before.forecast.attrs["forecast_id"].startswith("stations-20010313T2100-")
    assert before.degraded == ["the newest 2 steps of t2m had not come: the last one is 2001-03-13T21:00"]
    after = issue(network)
    assert after.forecast.attrs["issue_time"] == "2001-03-14T11:30:00Z"
    assert after.forecast.attrs["forecast_id"].startswith("stations-20010314T0300-") and after.degraded == []


def test_one_step_is_read_from_the_stored_state_and_gives_what_a_cold_start_gives(network: Place) -> None:
    issue(network)
    feed(network, "2001-03-14T03:00")
    stepped = issue(network)
    assert stepped.state == "stepped 1 step on from the last issue's state"
    again = issue(network)  # replayed from the same state
    assert again.forecast_id == stepped.forecast_id and same(again.forecast, stepped.forecast)
    cold = Place(network.home / "cold", network.pipeline)
    cold.folder.mkdir(parents=True)
    (cold.folder / "archive").symlink_to(network.folder / "archive")
    (cold.folder / "models").symlink_to(network.folder / "models")
    cold.store.write_champion(network.store.champion())  # type: ignore[arg-type]
    fresh = issue(cold)
    assert fresh.state == "spun up over 41 steps"
    np.testing.assert_allclose(stepped.forecast["t2m"].values, fresh.forecast["t2m"].values, rtol=0, atol=1e-3)
    xr.testing.assert_identical(stepped.forecast["t2m_baseline"], fresh.forecast["t2m_baseline"])


def test_several_steps_are_read_after_a_pause_and_too_many_are_spun_up(network: Place) -> None:
    issue(network)
    feed(network, "2001-03-15")
    assert issue(network).state == "stepped 8 steps on from the last issue's state"
    feed(network, "2001-03-21")  # 48 steps, more than the 41 of a cold start
    assert issue(network).state == "spun up anew over 41 steps: the last state is older than that"


def test_a_correction_behind_the_state_spins_up_anew_and_stands_beside_the_former_issue(network: Place) -> None:
    first = issue(network)
    feed(network, "2001-03-14", {"2001-03-13 12:00": 2.0})
    second = issue(network)
    assert second.forecast_id == f"{first.forecast_id}-r2" and not same(first.forecast, second.forecast)
    assert xr.testing.assert_equal(network.store.read(first.forecast_id), first.forecast) is None
    feed(network, "2001-03-14T03:00", {"2001-03-13 12:00": 2.0})
    assert issue(network).state == "stepped 1 step on from the last issue's state"
    feed(network, "2001-03-14T06:00", {"2001-03-13 12:00": 1.0})
    third = issue(network)
    assert third.state == "spun up anew over 41 steps: observations behind the last state changed"


def test_a_correction_older_than_a_cold_start_changes_nothing(network: Place) -> None:
    issue(network)
    feed(network, "2001-03-14T03:00", {"2001-02-01 12:00": 2.0})
    assert issue(network).state == "stepped 1 step on from the last issue's state"


def test_the_same_versions_replace_an_issue_and_a_promotion_stands_beside_it(trained: Place, network: Place) -> None:
    first, again = issue(network), issue(network)
    assert first.forecast_id == again.forecast_id and len(network.store.issues()) == 1
    promote(network, trained, "mlp")
    other = issue(network)
    assert other.state == "spun up over 41 steps" and "-mlp-" in other.forecast_id
    assert list(network.store.issues()["model"]) == ["lstm", "mlp"]
    assert network.store.latest().attrs["model"] == "mlp"  # at the same issue time: what was written last
    feed(network, "2001-03-14T03:00")
    assert issue(network).state == "stepped 1 step on from the last issue's state"
    promote(network, trained, "lstm")  # its own state is two steps old by then
    feed(network, "2001-03-14T06:00")
    assert issue(network).state == "stepped 2 steps on from the last issue's state"


def test_what_was_missing_is_named(network: Place) -> None:
    rows = table()[table()["time"] < "2001-03-14T06:00"]
    rows = rows[~((rows["time"] == "2001-03-14 03:00") & (rows["station"] == "b"))]
    rows = rows[~rows["time"].isin(pd.to_datetime(["2001-03-13 15:00", "2001-03-13 18:00"]))]
    rows.loc[rows["time"] == "2001-03-14 03:00", "dewp"] = np.nan
    bare = place_at(network.home.parent / "bare")
    bare.write(rows)
    ingest(bare)
    (bare.folder / "models").symlink_to(network.folder / "models")
    bare.store.write_champion(network.store.champion())  # type: ignore[arg-type]
    done = issue(bare)
    assert done.degraded == [
        "t2m was not observed at 1 of 2 places at 2001-03-14T03:00",
        "t2m was missing at 2 of the last 41 steps",
        "dewp was not observed at 2 of 2 places at 2001-03-14T03:00",
        "dewp was missing at 2 of the last 41 steps",
    ]
    assert json.loads(done.forecast.attrs["degraded"]) == done.degraded
    assert bool(np.isfinite(done.forecast["t2m"]).all())
    late = issue(bare, issue_time=datetime(2001, 3, 14, 12, 30))
    assert late.degraded[0] == "the newest 1 step of t2m had not come: the last one is 2001-03-14T03:00"


def test_a_station_that_came_later_does_not_stop_the_issue(network: Place) -> None:
    rows = table()[table()["time"] < "2001-03-14T03:00"]
    third = rows[(rows["station"] == "a") & (rows["time"] > "2001-03-13")].assign(station="c")
    network.write(pd.concat([rows, third]))
    ingest(network)
    assert network.archive.load().sizes["series"] == 3
    assert issue(network).forecast["series"].values.tolist() == ["a", "b"]


def test_without_a_champion_nothing_is_issued(trained: Place, tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = Place(tmp_path_factory.mktemp("empty"), trained.pipeline)
    with pytest.raises(ForecastError, match=r"(?s)a champion.*none has been promoted.*forecast compare"):
        issue(empty)
