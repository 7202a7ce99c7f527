"""The doctor reads all from a run: its model, its data, its training; what it finds goes to that run."""

from __future__ import annotations

import shutil
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest

from forecast import checkpoint
from forecast.errors import ForecastError
from forecast.predict import ModelForecaster
from forecast.stages import diagnose as room
from forecast.stages import records
from forecast.stages.diagnose import Examined, diagnose
from forecast.stages.records import Record
from forecast.tracking import Finished, find
from tests.stages.conftest import Place


@pytest.fixture(scope="module")
def record(trained: Place) -> Record:
    return records.read(trained)


@pytest.fixture(scope="module")
def home(trained: Place, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the archive alone: the checkpoints of the pipeline's folder are gone."""
    folder = tmp_path_factory.mktemp("doctor")
    shutil.copytree(trained.folder / "archive", folder / "stations" / "archive")
    return folder


@pytest.fixture(scope="module")
def examined(trained: Place, record: Record, home: Path) -> Examined:
    (one,) = diagnose(home, record.entries["lstm"]["run_id"], uri=trained.tracking_uri)
    return one


def test_the_model_of_a_run_is_examined_on_its_training_span(examined: Examined, record: Record) -> None:
    found = examined.found
    assert (examined.name, examined.run_id) == ("lstm", record.entries["lstm"]["run_id"])
    assert len(found.flow.gradient) == 101 and 1 < found.flow.windows <= 16 and found.flow.gradient[0] == 1
    assert set(found.radii) == {f"layer0.{gate}" for gate in ("input gate", "forget gate", "candidate", "output gate")}
    assert 0.5 < found.growth < 1 and found.units["layer0"].count == 6 and not found.strange
    assert len(found.half_lives["layer0.forget gate"]) == 6 and found.advice


def test_what_training_remembers_comes_from_its_run(examined: Examined) -> None:
    learning = examined.found.learning
    assert (learning.k2, learning.clip_norm) == (8, 1.0) and len(learning.clipped) == len(learning.gradient) == 2
    assert learning.updates.keys() == learning.norms.keys() and "stack.layers.0.carried" in learning.norms
    assert all(ratio > 0 for ratio in learning.ratios.values()) and all(
        len(curve) == 2 for curve in learning.norms.values()
    )


def test_numbers_figure_and_advice_are_kept_with_the_run(examined: Examined, trained: Place, tmp_path: Path) -> None:
    run = find(trained.tracking_uri, examined.run_id)
    metrics = examined.found.metrics()
    assert {"doctor/growth", "doctor/gradient_rate", "doctor/clipped"} <= metrics.keys()
    for name, value in metrics.items():
        assert run.curve(name)[-1] == pytest.approx(value), name
    for name in ("doctor.txt", "figures/doctor.png"):
        run.client.download_artifacts(run.id, name, str(tmp_path))
    assert (tmp_path / "doctor.txt").read_text().splitlines() == list(examined.found.advice)
    assert examined.figure.is_file() and examined.figure.name == "doctor_lstm.png"


def test_the_windows_are_unbroken_and_of_the_training_span(trained: Place, record: Record, home: Path) -> None:
    given = ModelForecaster(checkpoint.load(trained.models / "lstm.safetensors"))
    observed = room._observed(home, given)
    first, last = given.checkpoint.settings["train"]
    assert [str(time) for time in observed["time"].values[[0, -1]]] == [first, last]
    run = find(trained.tracking_uri, record.entries["lstm"]["run_id"])
    x, future, target, spin_up = room._windows(given, observed, room.learned(run), run.params)
    assert x.shape[1] == spin_up + 101 == 141 and len(x) == len(target) and future is not None
    gap = int(np.flatnonzero(observed["t2m"].isnull().all("series").values)[0])
    times = x[:, :, 2:]  # the calendar, after the two variables and the mask, tells each window's place
    assert gap > 0 and not (times == times[0, 0]).all()
    mask = given.checkpoint.settings["mask"]
    assert mask and x[:, :, 2].max() == 1 and (x[:, :, 2].sum(dim=1) > 136).all()  # no window crosses the gap


def test_a_training_is_examined_model_by_model(trained: Place, record: Record, home: Path) -> None:
    both = diagnose(home, "stations", uri=trained.tracking_uri)
    assert [one.name for one in both] == ["lstm", "mlp"]
    assert both[1].found.flow.reach == 1 and "no memory but its last 3 steps" in both[1].found.advice[0]
    assert [one.name for one in room._chosen(trained.tracking_uri, record.parent_run, "mlp")] == ["mlp"]


def test_what_cannot_be_examined_is_refused(trained: Place, record: Record, home: Path, tmp_path: Path) -> None:
    uri = trained.tracking_uri
    with pytest.raises(ForecastError, match=r"(?s)a run of the tracking store.*'0{32}'.*copy the id from `mlflow ui`"):
        diagnose(home, "0" * 32, uri=uri)
    with pytest.raises(ForecastError, match=r"(?s)the name of a pipeline that was trained.*'nothing'.*copy a run's id"):
        diagnose(home, "nothing", uri=uri)
    with pytest.raises(ForecastError, match=r"(?s)the run of a model.*'linear', a baseline: it has no gradient.*name"):
        diagnose(home, record.entries["linear"]["run_id"], uri=uri)
    with pytest.raises(ForecastError, match=r"(?s)a model among lstm, mlp.*'gru'.*name one of them"):
        diagnose(home, "stations", model="gru", uri=uri)
    with pytest.raises(ForecastError, match=r"(?s)a home with runs.*no mlflow.db in .*--home, or train first"):
        diagnose(tmp_path, "stations")
    with pytest.raises(ForecastError, match=r"(?s)observations of stations.*no archive in .*the home it was trained"):
        diagnose(tmp_path, record.entries["lstm"]["run_id"], uri=uri)
    assert not (tmp_path / "mlflow.db").exists()


def test_what_a_training_said_of_itself_is_told(record: Record, trained: Place) -> None:
    run = find(trained.tracking_uri, record.entries["mlp"]["run_id"])
    assert run.tags["note"] == room.learned(run).note == ""
    noted = Finished(run.uri, run.client, deepcopy(run.run))
    noted.run.data._tags["note"] = "the loss was not finite"
    assert room.learned(noted).note == "the loss was not finite"
