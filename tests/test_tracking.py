"""Tracking: what is logged comes back, processes may start at once, and a store that is down says so quickly."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from forecast.errors import ForecastError
from forecast.tracking import Tracker

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def tracker(home: Path) -> Tracker:
    return Tracker(f"sqlite:///{home}/mlflow.db", "pressure", artifact_root=home / "mlartifacts", commit="abc1234")


def test_a_child_hangs_under_its_parent_and_both_are_found_by_pipeline(tracker: Tracker) -> None:
    with (
        tracker.run("slp", tags={"pipeline": "slp", "seed": 7, "data_version": None}) as parent,
        parent.child("gru", tags={"pipeline": "slp"}, params={"training": {"k1": 8}}) as child,
    ):
        child.metrics([{"epoch": 0, "loss": 0.5}, {"epoch": 1, "loss": 0.25}])
    with tracker.run("other", tags={"pipeline": "other"}):
        pass
    found = tracker.runs(pipeline="slp").set_index("name")
    assert sorted(found.index) == ["gru", "slp"]
    assert found.loc["gru", "parent"] == parent.id and found.loc["slp", "parent"] == ""
    assert found.loc["gru", "params.training.k1"] == "8"
    assert found.loc["gru", "metrics.loss"] == 0.25
    assert found.loc["slp", "tags.seed"] == "7"
    assert set(found.status) == {"FINISHED"}
    assert tracker._client.get_run(child.id).data.tags["mlflow.source.git.commit"] == "abc1234"


def test_runs_of_an_unknown_pipeline_are_an_empty_table_with_the_same_columns(tracker: Tracker) -> None:
    assert list(tracker.runs(pipeline="none").columns) == ["run_id", "name", "status", "parent", "start"]


def test_metrics_keep_their_steps_and_leave_out_what_is_not_a_number(tracker: Tracker) -> None:
    rows = [
        {"epoch": 5, "loss": 2.0, "skill": None},
        {"epoch": 6, "loss": np.inf},
        {"epoch": 7, "loss": np.float32(1.0)},
    ]
    with tracker.run("curve") as run:
        run.metrics(rows)
        run.metrics([{"rmse": 4.0}, {"rmse": 3.0}])
    history = tracker._client.get_metric_history(run.id, "loss")
    assert [(point.step, point.value) for point in history] == [(5, 2.0), (7, 1.0)]
    assert [point.step for point in tracker._client.get_metric_history(run.id, "rmse")] == [0, 1]


def test_more_metrics_and_params_than_one_request_takes_all_arrive(tracker: Tracker) -> None:
    with tracker.run("long", params={f"p{number}": number for number in range(250)}) as run:
        run.metrics([{"epoch": epoch, "loss": float(epoch)} for epoch in range(2500)])
    assert len(tracker._client.get_metric_history(run.id, "loss")) == 2500
    assert len(tracker._client.get_run(run.id).data.params) == 250


def test_a_table_comes_back_with_its_leads_as_text(tracker: Tracker, tmp_path: Path) -> None:
    frame = pd.DataFrame({"lead": pd.to_timedelta(["1D", "2D"]), "rmse": [4.27, 6.68]}, index=[3, 9])
    with tracker.run("scores") as run:
        run.table("scores", frame)
    back = json.loads(Path(tracker._client.download_artifacts(run.id, "scores.json", str(tmp_path))).read_text())
    assert back == {"columns": ["lead", "rmse"], "data": [["1 days", 4.27], ["2 days", 6.68]]}
    assert "scores.json" in tracker._client.get_run(run.id).data.tags["mlflow.loggedArtifacts"]


def test_figures_and_the_data_version_belong_to_the_run(tracker: Tracker) -> None:
    with tracker.run("figures") as run:
        run.figure("loss", Figure())
        run.dataset("slp", "NCEP reanalysis", "V123", context="training")
    assert [item.path for item in tracker._client.list_artifacts(run.id, "figures")] == ["figures/loss.png"]
    (entry,) = tracker._client.get_run(run.id).inputs.dataset_inputs
    assert (entry.dataset.name, entry.dataset.digest) == ("slp", "V123")
    assert "NCEP reanalysis" in entry.dataset.source


def test_a_run_ends_as_its_block_does(tracker: Tracker) -> None:
    with pytest.raises(ZeroDivisionError), tracker.run("failed", tags={"case": "end"}):
        raise ZeroDivisionError
    with pytest.raises(KeyboardInterrupt), tracker.run("killed", tags={"case": "end"}):
        raise KeyboardInterrupt
    assert tracker.runs(case="end").set_index("name").status.to_dict() == {"failed": "FAILED", "killed": "KILLED"}


def test_scores_can_be_added_to_a_run_that_has_ended(tracker: Tracker) -> None:
    with tracker.run("later", tags={"case": "later"}) as run:
        pass
    tracker.reopen(run.id).metrics([{"skill": 0.125}])
    assert tracker.runs(case="later").iloc[0][["status", "metrics.skill"]].tolist() == ["FINISHED", 0.125]
    with pytest.raises(ForecastError, match="a request that MLflow"):
        tracker.reopen("0" * 32)


class _Doubled(mlflow.pyfunc.PythonModel):
    def predict(self, context: object, model_input: pd.DataFrame, params: object = None) -> pd.DataFrame:
        return model_input * 2


def test_a_registered_model_is_loaded_by_its_alias(tracker: Tracker, tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1.0]})
    signature = mlflow.models.infer_signature(frame, frame)
    mlflow.pyfunc.save_model(tmp_path / "m", python_model=_Doubled(), signature=signature, pip_requirements=["mlflow"])
    with tracker.run("register") as run:
        first = run.model(tmp_path / "m", "slp", tags={"checkpoint": "c1"})
        second = run.model(tmp_path / "m", "slp", tags={"checkpoint": "c2"})
    assert (first, second) == ("1", "2")
    assert tracker.promoted("slp") is None
    tracker.promote("slp", second)
    assert tracker.promoted("slp") == "2"
    assert tracker._client.get_model_version_by_alias("slp", "champion").tags == {"checkpoint": "c2"}
    mlflow.set_tracking_uri(tracker.uri)
    mlflow.set_registry_uri(tracker.uri)
    loaded = mlflow.pyfunc.load_model("models:/slp@champion")
    assert loaded.metadata.signature == signature
    assert loaded.predict(frame)["x"].tolist() == [2.0]


def test_a_folder_without_a_model_is_not_registered(tracker: Tracker, tmp_path: Path) -> None:
    with tracker.run("nothing") as run, pytest.raises(ForecastError, match=r"an MLflow model \(MLmodel"):
        run.model(tmp_path, "slp")


def test_a_version_that_is_not_there_is_not_promoted(tracker: Tracker) -> None:
    with pytest.raises(ForecastError, match="a request that MLflow at sqlite:.* grants"):
        tracker.promote("nobody", "1")


def test_a_deleted_experiment_is_named_with_the_way_back(home: Path, tracker: Tracker) -> None:
    tracker._client.delete_experiment(tracker._client.create_experiment("old"))
    with pytest.raises(ForecastError, match=r"'old' is deleted\n.*experiments restore -x \d+"):
        Tracker(tracker.uri, "old")


@pytest.mark.parametrize("uri", ["sqlite:///mlflow.db", "mlruns", "file:///tmp/mlruns"])
def test_an_address_that_depends_on_the_folder_is_refused(uri: str) -> None:
    with pytest.raises(ForecastError, match="an absolute tracking address"):
        Tracker(uri, "e")


def _log_five_runs(home: Path, name: str) -> None:
    tracker = Tracker(f"sqlite:///{home}/mlflow.db", "same", artifact_root=home / "artifacts")
    for number in range(5):
        with tracker.run(f"{name}{number}", tags={"case": "race"}, params={"n": number}) as run:
            run.metrics([{"loss": 1.0}])


def test_three_processes_may_create_the_store_at_once(tmp_path: Path) -> None:
    fresh = multiprocessing.get_context("spawn")
    started = [fresh.Process(target=_log_five_runs, args=(tmp_path, name)) for name in "abc"]
    for process in started:
        process.start()
    for process in started:
        process.join(300)  # a machine under load takes minutes over three imports of MLflow
    assert [process.exitcode for process in started] == [0, 0, 0]
    found = Tracker(f"sqlite:///{tmp_path}/mlflow.db", "same").runs(case="race")
    assert sorted(found.name) == sorted(f"{name}{number}" for name in "abc" for number in range(5))


def test_a_server_that_is_down_is_named_at_once_and_its_password_is_not() -> None:
    start = time.monotonic()
    with pytest.raises(ForecastError, match="a tracking store that answers at http://user:") as caught:
        Tracker("http://user:secret@127.0.0.1:9", "e")
    assert time.monotonic() - start < 5
    assert "forecasts are issued without it" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("not a database at all, but long enough to be looked at" * 20)
    with pytest.raises(ForecastError, match="a tracking store that answers"):
        Tracker(f"sqlite:///{tmp_path}/mlflow.db", "e")


@pytest.fixture
def failing_server() -> Iterator[str]:
    """A server whose health page is fine and whose every request fails."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/health" else 503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_server_that_fails_holds_a_run_up_for_seconds_only(failing_server: str) -> None:
    start = time.monotonic()
    with pytest.raises(ForecastError, match="a tracking store that answers"):
        Tracker(failing_server, "e")
    assert time.monotonic() - start < 20


def test_sqlite_stays_pythons_own_after_the_grib_reader_was_loaded() -> None:
    last = "import sqlite3; print(sqlite3.connect('').execute('select sqlite_version()').fetchone()[0])"
    grib = "import forecast, xarray; xarray.backends.list_engines(); "
    said = [
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True).stdout
        for code in (last, grib + last)
    ]
    assert said[0] == said[1] != ""


def test_a_run_that_was_left_is_gone_on_with_and_keeps_what_it_had(tracker: Tracker) -> None:
    with pytest.raises(KeyboardInterrupt), tracker.run("left", tags={"kind": "left"}) as parent:  # noqa: SIM117
        with parent.child("trial", params={"hidden": 8}) as child:
            child.metrics([{"epoch": 1, "loss": 2.0}])
            raise KeyboardInterrupt
    assert tracker._client.get_run(child.id).info.status == "KILLED"
    with (
        tracker.run("another name", resume=parent.id) as again,
        again.child("trial", params={"hidden": 8}, resume=child.id) as same,
    ):
        assert tracker._client.get_run(same.id).info.status == "RUNNING"
        same.metrics([{"epoch": 2, "loss": 1.0}])
    assert (again.id, same.id) == (parent.id, child.id)
    assert list(tracker.runs(kind="left")["name"]) == ["left"]
    assert tracker._client.get_run(child.id).info.status == "FINISHED"
    assert [point.value for point in tracker._client.get_metric_history(child.id, "loss")] == [2.0, 1.0]
