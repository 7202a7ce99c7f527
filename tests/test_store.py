"""The store: what is written is read back, what is replaced and what stays, kills, readers and the records."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import cftime
import numpy as np
import pytest
import xarray as xr

from forecast import schema
from forecast.errors import ForecastError
from forecast.store import Store

DAY = np.timedelta64(86_400_000_000_000, "ns")


def issue(day: int, *, offset: float = 0.0, calendar: str = "", leads: int = 2, **attrs: str) -> xr.Dataset:
    """A forecast of slp issued from `day` of February 2001; every value is day + offset."""
    civil = np.array([np.datetime64("2001-02-01", "ns") + (day - 1) * DAY])
    reference = np.array([cftime.datetime(2001, 2, day, calendar=calendar)]) if calendar else civil
    lead = np.arange(1, leads + 1) * DAY
    dims = (schema.REFERENCE, schema.LEAD)
    coords = {
        schema.REFERENCE: (schema.REFERENCE, reference, {"standard_name": "forecast_reference_time"}),
        schema.LEAD: lead,
        schema.VALID_TIME: (dims, schema.valid_times(reference, lead), {"standard_name": "time"}),
        "lat": [50.0, 52.5],
        "lon": [0.0, 2.5, 5.0],
        "quantile": [0.05, 0.95],
        "baseline": ["persistence", "climatology"],
    }
    data = {
        name: (
            (*dims, *middle, "lat", "lon"),
            np.full((1, leads, *(2 for _ in middle), 2, 3), day + offset, "f4"),
            {"units": "Pa"},
        )
        for name, middle in (("slp", ()), ("slp_quantile", ("quantile",)), ("slp_baseline", ("baseline",)))
    }
    about = {
        "forecast_id": f"slp-200102{day:02d}-convlstm-abc",
        "issue_time": f"2001-02-{day + 1:02d}T06:00:00Z",
        "model": "convlstm",
        "model_version": "abc",
        "data_version": "V1",
        "degraded": "[]",
    }
    return xr.Dataset(data, coords, {**about, **attrs})


STATE = {
    "cell/0": np.arange(6.0, dtype="f4").reshape(1, 2, 3),
    "seen": np.array([np.datetime64("2001-02-03", "ns")]),
    "warm": np.array(True),
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.mark.parametrize("calendar", ["", "360_day"])
def test_an_issue_is_read_back_as_it_was_written(store: Store, calendar: str) -> None:
    for day in (1, 30) if calendar else (1, 28):
        written = issue(day, calendar=calendar)
        name = store.write_issue(written, STATE)
        assert name == written.attrs["forecast_id"]
        read = store.read(name).load()
        schema.check_forecast(read)
        xr.testing.assert_identical(read, written)
        assert read.baseline.dtype.kind == "U" and read.slp.dtype == "f4"
        state = store.state(name)
        assert state is not None and sorted(state) == sorted(STATE)
        for key, array in STATE.items():
            np.testing.assert_array_equal(state[key], array)
            assert state[key].dtype == array.dtype


def test_an_issue_without_a_state_has_none(store: Store) -> None:
    assert store.state(store.write_issue(issue(1))) is None


def test_the_same_versions_replace_an_issue(store: Store) -> None:
    assert store.version == ""
    store.write_issue(issue(1), STATE)
    store.write_issue(issue(2), STATE)
    before = store.version
    name = store.write_issue(issue(1, offset=0.5), {**STATE, "warm": np.array(False)})
    assert len(store.issues()) == 2 and store.version != before
    assert (store.read(name).slp == 1.5).all()
    state = store.state(name)
    assert state is not None and not state["warm"]


def test_other_versions_stand_beside_it(store: Store) -> None:
    first = store.write_issue(issue(1))
    other = store.write_issue(issue(1, offset=0.5, data_version="V2"))
    again = store.write_issue(issue(1, offset=0.7, data_version="V2"))
    assert (first, other, again) == ("slp-20010201-convlstm-abc",) + ("slp-20010201-convlstm-abc-r2",) * 2
    assert float(store.read(first).slp[0, 0, 0, 0]) == 1 and store.read(first).attrs["data_version"] == "V1"
    np.testing.assert_allclose(store.read(other).slp, 1.7)
    assert store.read(other).attrs["forecast_id"] == other
    assert store.issues().data_version.tolist() == ["V1", "V2"]


def test_an_issue_of_another_shape_replaces_its_former_one(store: Store) -> None:
    store.write_issue(issue(1))
    store.write_issue(issue(2))
    name = store.write_issue(issue(1, leads=4), STATE)
    assert store.issues().forecast_id.tolist() == [name, "slp-20010202-convlstm-abc"]
    assert store.read(name).sizes["lead"] == 4
    xr.testing.assert_identical(store.read("slp-20010202-convlstm-abc").load(), issue(2))


def test_the_latest_has_the_newest_reference_time_then_the_newest_issue_time(store: Store) -> None:
    with pytest.raises(ForecastError, match="at least one issued forecast(.|\n)*none(.|\n)*forecast issue"):
        store.latest()
    store.write_issue(issue(5))
    store.write_issue(issue(5, forecast_id="late", issue_time="2001-02-06T18:00:00Z", model="lstm"))
    store.write_issue(issue(5, forecast_id="early", issue_time="2001-02-06T03:00:00Z", model="mlp"))
    store.write_issue(issue(3, issue_time="2001-03-01T00:00:00Z"))
    assert store.latest().attrs["forecast_id"] == "late"
    table = store.issues()
    assert table.forecast_id.tolist() == ["slp-20010203-convlstm-abc", "early", "slp-20010205-convlstm-abc", "late"]
    assert table.model.tolist()[1] == "mlp" and table.code_version.tolist() == [""] * 4
    assert table.forecast_reference_time[0] == np.datetime64("2001-02-03")


def test_of_two_issues_at_the_same_time_the_one_written_last_is_the_latest(store: Store) -> None:
    for name in ("zebra", "ant", "zebra", "mole", "ant"):
        store.write_issue(issue(5, forecast_id=name, model=name))
    assert store.issues().forecast_id.tolist() == ["zebra", "mole", "ant"]
    assert store.latest().attrs["model"] == "ant"


def test_an_unknown_id_is_refused_naming_the_nearest(store: Store) -> None:
    with pytest.raises(ForecastError, match="one of 0 issued(.|\n)*'x'(.|\n)*issue a forecast first"):
        store.read("x")
    store.write_issue(issue(1))
    store.write_issue(issue(27))
    with pytest.raises(ForecastError, match="one of 2 issued(.|\n)*0227-lstm(.|\n)*mean 'slp-20010227-convlstm-abc'"):
        store.state("slp-20010227-lstm-abc")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda ds: xr.concat([ds, issue(2)], schema.REFERENCE), "one reference time(.|\n)*2(.|\n)*one by one"),
        (lambda ds: ds.assign_attrs(model=""), "attributes forecast_id(.|\n)*no model(.|\n)*set them"),
        (lambda ds: ds.assign_attrs(issue_time="6 o'clock"), "T06:00:00Z(.|\n)*6 o'clock(.|\n)*ISO 8601"),
        (lambda ds: ds.assign_attrs(issue_time="2001-02-02T06:00+02:00"), "UTC"),
        (lambda ds: ds.drop_vars("valid_time"), "valid_time"),
    ],
)
def test_a_forecast_that_breaks_its_contract_is_refused_and_nothing_written(
    store: Store, change: object, words: str
) -> None:
    with pytest.raises(ForecastError, match=words):
        store.write_issue(change(issue(1)))  # type: ignore[operator]
    with pytest.raises(ForecastError, match="state of numbers(.|\n)*h of type object(.|\n)*keep numbers"):
        store.write_issue(issue(1), {"h": np.array([{}])})
    assert store.issues().empty


def test_large_fields_are_cut_by_lead_and_never_in_space(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecast.store.rows.CHUNK_BYTES", 2 * 24)
    read = store.read(store.write_issue(issue(1, leads=7)))
    assert read.slp.encoding["chunks"] == (1, 2, 2, 3) and read.slp_quantile.encoding["chunks"] == (1, 1, 2, 2, 3)


def test_scores_are_replaced_whole(store: Store) -> None:
    assert store.scores() is None
    scores = xr.Dataset(
        {"rmse": (("forecaster", "lead"), [[1.0, 2.0]])},
        {"forecaster": ["lstm"], "lead": [DAY, 2 * DAY]},
        {"champion": "lstm"},
    )
    store.write_champion({"name": "lstm"}, scores)
    written = store.scores()
    assert written is not None
    xr.testing.assert_identical(written.load(), scores)
    store.write_issue(issue(1))
    both = xr.concat([scores, scores.assign_coords(forecaster=["a longer name"])], "forecaster")
    store.write_champion({"name": "lstm"}, both)
    written = store.scores()
    assert written is not None and written.forecaster.values.tolist() == ["lstm", "a longer name"]
    assert len(store.issues()) == 1


def test_former_champions_stay_on_record(store: Store) -> None:
    assert store.champion() is None and store.champions() == []
    store.write_champion({"model": "damped", "skill": [0.1, 0.2]})
    store.write_champion({"model": "damped", "skill": [0.1, 0.2]})
    store.write_champion({"model": "lstm"})
    assert store.champion() == {"model": "lstm"}
    assert [record["model"] for record in store.champions()] == ["damped", "lstm"]
    with pytest.raises(ForecastError, match="record as JSON(.|\n)*float32(.|\n)*use text"):
        store.write_champion({"skill": np.float32(1)})


def test_a_champion_and_the_scores_it_won_by_are_one_commit(store: Store) -> None:
    scores = xr.Dataset({"rmse": (("forecaster", "lead"), [[1.0]])}, {"forecaster": ["lstm"], "lead": [DAY]})
    store.write_champion({"name": "lstm"}, scores)
    first = store.version
    written = store.scores()
    assert written is not None and store.champion() == {"name": "lstm"}
    xr.testing.assert_identical(written.load(), scores)
    store.write_champion({"name": "lstm"})
    assert store.version == first  # nothing new, nothing written
    store.write_champion({"name": "lstm"}, scores * 2)
    again = store.scores()
    assert again is not None and float(again["rmse"].item()) == 2.0 and store.champions() == [{"name": "lstm"}]


def test_a_reader_opens_what_stands_while_a_writer_is_at_work(store: Store) -> None:
    name = store.write_issue(issue(1))
    lazy = store.read(name)
    with store._snapshots.write():
        assert store.latest().attrs["forecast_id"] == name
    store.write_issue(issue(1, offset=0.5))
    assert (lazy.slp == 1).all(), "what was opened keeps its version"


def test_a_point_is_read_without_the_rest(store: Store) -> None:
    read = store.read(store.write_issue(issue(1)))
    point = read.slp_quantile.sel(lat=50.0, lon=2.5)
    assert not read.slp_quantile.variable._in_memory and not point.variable._in_memory
    assert point.values.ravel().tolist() == [1] * 4


KILLED = """
import sys, time, icechunk
sys.path.insert(0, "tests")
from test_store import STATE, issue
from forecast.store import Store
def hang(*args, **kwargs):
    print("written", flush=True)
    time.sleep(60)
icechunk.Session.commit = hang
Store(sys.argv[1]).write_issue(issue(2), STATE)
"""


def test_a_writer_killed_before_its_commit_leaves_the_issues_before(store: Store, tmp_path: Path) -> None:
    store.write_issue(issue(1), STATE)
    command = [sys.executable, "-c", KILLED, str(tmp_path / "store")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
    assert process.stdout is not None and process.stdout.readline() == "written\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert store.issues().forecast_id.tolist() == ["slp-20010201-convlstm-abc"]
    xr.testing.assert_identical(store.latest().load(), issue(1))
    xr.testing.assert_identical(store.read(store.write_issue(issue(2), STATE)).load(), issue(2))
