"""A run of the past comes back: by its id, by its pipeline, with its curves in order and its children."""

from __future__ import annotations

from pathlib import Path

import pytest

from forecast.errors import ForecastError
from forecast.tracking import Tracker, find, newest


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with two finished trainings of a pipeline, in two experiments, and one that failed after them."""
    home = tmp_path_factory.mktemp("home")
    address = f"sqlite:///{home}/mlflow.db"
    for experiment in ("first", "second"):
        tracker = Tracker(address, experiment, artifact_root=home / "mlartifacts")
        with tracker.run(experiment, tags={"pipeline": "slp"}, params={"training": {"k2": 8}}) as parent:
            for name in ("lstm", "gru"):
                with parent.child(name, tags={"pipeline": "slp"}) as run:
                    run.metrics([{"epoch": 2, "loss": 1.0, "update_ratio/head": 0.1}, {"epoch": 3, "loss": 0.5}])
                    run.metrics([{"epoch": 1, "loss": 2.0}])
    with pytest.raises(ZeroDivisionError), tracker.run("failed", tags={"pipeline": "slp"}):
        raise ZeroDivisionError
    return address


def test_the_newest_finished_training_of_a_pipeline_is_found_in_any_experiment(uri: str) -> None:
    found = newest(uri, pipeline="slp")
    assert found is not None and (found.name, found.experiment) == ("second", "second")
    assert found.params == {"training.k2": "8"} and found.tags["pipeline"] == "slp"
    assert [child.name for child in found.children()] == ["lstm", "gru"]
    assert newest(uri, pipeline="other") is None


def test_curves_come_in_the_order_of_their_steps(uri: str) -> None:
    parent = newest(uri, pipeline="slp")
    assert parent is not None
    run = find(uri, parent.children()[0].id)
    assert run.curve("loss") == [2.0, 1.0, 0.5] and run.curve("none") == []
    assert run.curves("update_ratio/") == {"head": [0.1]}


def test_what_is_not_there_is_refused(uri: str, tmp_path: Path) -> None:
    with pytest.raises(ForecastError, match=r"(?s)a run of the tracking store sqlite.*'abc'.*copy the id from"):
        find(uri, "abc")
    parent = newest(uri, pipeline="slp")
    assert parent is not None
    with pytest.raises(ForecastError, match=r"(?s)a run that kept its model.*'second' .* kept none.*train it again"):
        parent.model(tmp_path)
