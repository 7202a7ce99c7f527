"""Tune: trials on validation alone, that outlive a kill, lie beneath one run, and end in a pipeline of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecast import config
from forecast.errors import ForecastError
from forecast.stages import logbook
from forecast.stages import tune as stage
from forecast.stages.check import check
from forecast.stages.ingest import ingest
from forecast.stages.problem import Problem, pose
from forecast.stages.tune import Tuned, blindfolded, tune
from forecast.stages.workspace import Workspace
from forecast.tuning import Tried
from tests.stages.conftest import TEXT, Place, place_at, table

LSTM = TEXT.replace("epochs = 2", "epochs = 3").rsplit("[[models]]", 1)[0]


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = place_at(tmp_path_factory.mktemp("tune"), LSTM)
    place.write(table())
    ingest(place)
    return place


def tuned(place: Place, output: Path | None = None, **more: Any) -> Tuned:
    file = place.home.parent / "pipeline.toml"
    return tune(place, file, output or file.with_name("pipeline.tuned.toml"), **{"trials": 3, **more})


def essence(tried: list[Tried]) -> list[tuple[Any, ...]]:
    """What must be the same however often a search was cut off: all but how long it took."""
    return [(one.number, one.state, one.loss, one.values, one.curve) for one in tried]


@pytest.fixture(scope="module")
def whole(ready: Place) -> Tuned:
    return tuned(ready)


def runs(place: Place, **tags: Any) -> Any:
    return logbook.tracker(place).runs(tuning="stations", **tags)


def test_a_search_sees_neither_the_test_span_nor_anything_after_validation(ready: Place) -> None:
    problem = pose(ready)
    blind = blindfolded(problem)
    assert blind.observed["time"].values[-1] == problem.split.validate[1] < problem.observed["time"].values[-1]
    with pytest.raises(ForecastError, match="within a search"):
        blind.split.open_test("lstm")


def test_what_is_tried_is_blind_to_the_test_span(ready: Place, whole: Tuned, monkeypatch: pytest.MonkeyPatch) -> None:
    def otherwise(place: Workspace) -> Problem:
        problem = pose(place)
        later = problem.observed["time"] > problem.split.validate[1]
        changed = problem.observed.where(~later, 1e6 * np.pi).assign_attrs(problem.observed.attrs)
        for name, array in problem.observed.data_vars.items():
            changed[name].attrs = array.attrs
        return replace(problem, observed=changed, data_version="another")

    monkeypatch.setattr(stage, "pose", otherwise)
    again = tuned(ready, ready.home.parent / "blind.toml")
    assert again.data_version == "another"
    assert essence(again.found[0].tried) == essence(whole.found[0].tried)


def test_the_first_trial_is_the_pipeline_and_the_best_is_no_worse(whole: Tuned) -> None:
    (found,) = whole.found
    assert [one.number for one in found.tried] == [0, 1, 2] and found.before == 0
    assert found.tried[0].values["hidden"] == 6 and found.tried[0].values["training.k1, training.k2"] == (8, 8)
    assert found.best.loss == min(one.loss for one in found.tried if one.state == "complete") <= found.tried[0].loss
    assert found.best.loss is not None and found.best.loss <= min(found.best.curve.values())


def test_a_search_that_was_cut_off_goes_on_from_the_last_epoch_to_what_it_would_have_found(
    ready: Place, whole: Tuned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "pose", lambda place: replace(pose(place), data_version="cut"))  # a search of its own
    told: list[tuple[str, int]] = []

    def dying(what: str, done: int, total: int) -> None:
        told.append((what, done))
        if told.count(("epochs of a trial", 2)) == 2:  # the second trial's second epoch
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tuned(ready, tmp_path / "cut.toml", report=dying)
    assert not (tmp_path / "cut.toml").exists()
    left = runs(ready, study=f"{folders(ready, 'cut')[0].name}")
    assert sorted(zip(left["name"], left["status"], strict=True)) == [
        ("trial 0", "FINISHED"),
        ("trial 1", "KILLED"),
        ("tune lstm", "KILLED"),
    ]
    again: list[tuple[str, int]] = []
    found = tuned(ready, tmp_path / "cut.toml", report=lambda what, done, total: again.append((what, done))).found[0]
    assert essence(found.tried) == essence(whole.found[0].tried) and found.before == 1
    assert [done for what, done in again if what == "epochs of a trial"][:3] == [0, 3, 0]  # epoch 2 had been written
    after = runs(ready, study=folders(ready, "cut")[0].name)
    assert sorted(after["name"]) == ["trial 0", "trial 1", "trial 2", "tune lstm"]  # gone on with, not doubled
    assert set(after["status"]) == {"FINISHED"}
    assert tuned(ready, tmp_path / "cut.toml").found[0].before == 3  # there is nothing left to do


def folders(place: Place, version: str) -> list[Path]:
    return list((place.folder / "tuning").glob(f"lstm-*-{version}"))


def test_trials_are_logged_beneath_one_run_with_what_was_tried_and_what_came_of_it(ready: Place, whole: Tuned) -> None:
    (found,) = whole.found
    logged = runs(ready, data_version=whole.data_version).set_index("name")
    assert logged.loc["tune lstm", "run_id"] == found.parent_run and logged.loc["tune lstm", "parent"] == ""
    assert float(logged.loc["tune lstm", "metrics.loss"]) == found.best.loss
    for one in found.tried:
        run = logged.loc[f"trial {one.number}"]
        assert run["parent"] == found.parent_run and run["tags.state"] == one.state
        assert run["params.training.k1"] == str(one.values["training.k1, training.k2"][0])
        assert run["params.hidden"] == str(one.values["hidden"])
        assert run["metrics.early_loss"] == one.curve[max(one.curve)]


def test_a_trial_that_is_given_up_is_logged_as_such(
    ready: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "pose", lambda place: replace(pose(place), data_version="hopeless"))
    hopeless = stage.Attempt.tell

    def tell(attempt: Any, epoch: int, loss: float) -> None:
        hopeless(attempt, epoch, loss)
        if attempt.number == 1 and epoch == 2:
            raise stage.Pruned

    monkeypatch.setattr(stage.Attempt, "tell", tell)
    found = tuned(ready, tmp_path / "x.toml", trials=2).found[0]
    assert [one.state for one in found.tried] == ["complete", "pruned"] and len(found.tried[1].curve) == 2
    logged = runs(ready, data_version="hopeless").set_index("name")
    assert logged.loc["trial 1", "tags.state"] == "pruned" and logged.loc["trial 1", "status"] == "FINISHED"
    assert logged.loc["trial 1", "metrics.early_loss"] == found.tried[1].loss
    assert "1 given up early" in (tmp_path / "x.toml").read_text()


def test_values_that_a_model_refuses_fail_their_trial_and_not_the_search(
    ready: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "pose", lambda place: replace(pose(place), data_version="refused"))
    fit = stage.fit_model

    def refusing(place: Workspace, problem: Problem, one: Any, *rest: Any) -> Any:
        if one.options["hidden"] != 6:
            raise ForecastError("hidden = 6", str(one.options["hidden"]), "keep it")
        return fit(place, problem, one, *rest)

    monkeypatch.setattr(stage, "fit_model", refusing)
    found = tuned(ready, tmp_path / "x.toml", trials=2).found[0]
    assert [one.state for one in found.tried] == ["complete", "failed"]
    assert "expected hidden = 6" in found.tried[1].notes["note"]
    logged = runs(ready, data_version="refused", trial=1)
    assert list(logged["tags.state"]) == ["failed"] and "hidden = 6" in logged["tags.note"].iloc[0]


def test_what_a_search_writes_is_a_pipeline_that_can_be_checked(ready: Place, whole: Tuned) -> None:
    again = config.load(whole.output)
    assert again.name == ready.pipeline.name and again.source == ready.pipeline.source
    (before,), (after,), best = ready.pipeline.models, again.models, whole.found[0].best.values
    assert after.options["hidden"] == best["hidden"] and before.options["hidden"] == 6
    settings = again.training_of(after)
    assert (settings.k1, settings.k2) == best["training.k1, training.k2"]
    assert settings.learning_rate == best["training.learning_rate"]
    assert check(Workspace(ready.home, again)).facts["model lstm"]


def test_each_model_is_searched_in_its_turn_or_the_one_that_is_named(tmp_path: Path) -> None:
    place = place_at(tmp_path, TEXT.replace("epochs = 2", "epochs = 1"))
    place.write(table())
    ingest(place)
    assert [one.model for one in tuned(place, trials=1).found] == ["lstm", "mlp"]
    assert [one.model for one in tuned(place, trials=1, model="mlp").found] == ["mlp"]
    with pytest.raises(ForecastError, match=r"a model of the pipeline to tune: lstm, mlp\n.*'gru'\n.*name one of them"):
        tuned(place, model="gru")


def test_a_search_without_time_says_so_and_goes_on_when_it_has_some(ready: Place, tmp_path: Path) -> None:
    more = {"keep": ["dropout"], "trials": 1, "output": tmp_path / "x.toml"}  # a search of its own
    for _ in range(2):
        with pytest.raises(ForecastError, match=r"a trial that came to its end\n[\s\S]+more --minutes"):
            tuned(ready, minutes=1e-6, **more)
    done = tuned(ready, **more)
    assert [one.state for one in done.found[0].tried] == ["complete"]
    assert "dropout" not in done.found[0].best.values
