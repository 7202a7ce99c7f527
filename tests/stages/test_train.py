"""Training sees the training span only, is repeatable to the bit, goes on after being killed, and logs each run."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
import xarray as xr

from forecast import checkpoint, schema
from forecast.batches import frames
from forecast.errors import ForecastError
from forecast.predict import forecaster
from forecast.scaling import Scaling
from forecast.stages import logbook, records
from forecast.stages.fit import curves, fit_model, streams, unfinished
from forecast.stages.ingest import ingest
from forecast.stages.problem import Problem, pose, roles
from forecast.stages.train import train
from forecast.stages.workspace import silent
from forecast.training.progress import History
from forecast.training.settings import Training
from tests.stages.conftest import TEXT, Place, place_at, table

BASELINES = ["persistence", "damped_persistence", "climatology", "seasonal_naive", "linear"]


def test_every_forecaster_is_saved_calibrated_and_recorded(trained: Place) -> None:
    record = records.read(trained)
    assert list(record.entries) == [*BASELINES, "lstm", "mlp"]
    assert record.data_version == trained.archive.version and record.config == trained.pipeline.digest()
    for name, entry in record.entries.items():
        one = checkpoint.load(trained.folder / entry["path"])
        assert (one.name, one.version, one.family) == (name, entry["version"], entry["family"])
        assert one.settings["data_version"] == record.data_version and one.settings["leads"] == 3
        assert one.datasets["calibration:t2m"].sizes["member"] == 5
        assert one.settings["units"].keys() == ({"t2m", "dewp"} if name in ("lstm", "mlp") else {"t2m"})
        assert bool(np.isfinite(one.datasets["calibration:t2m"]["offset"]).all())
    assert one.settings["units"] == {"t2m": "K", "dewp": "degF"} and one.settings["covariates"] == ["dewp"]
    assert not unfinished(trained).exists()


def test_one_run_a_forecaster_under_one_parent_with_curves_and_a_model_that_forecasts(trained: Place) -> None:
    record = records.read(trained)
    runs = logbook.tracker(trained).runs().set_index("name")
    assert sorted(runs.index) == sorted(["stations", *record.entries]) and set(runs["status"]) == {"FINISHED"}
    assert set(runs.drop("stations")["parent"]) == {record.parent_run}
    assert runs.loc["lstm", "tags.data_version"] == record.data_version
    assert (runs.loc["lstm", "params.training.k1"], runs.loc["lstm", "params.options.hidden"]) == ("8", "6")
    assert runs.loc["stations", "params.source.delay"] == "3h"
    client = mlflow.MlflowClient(trained.tracking_uri, registry_uri=trained.tracking_uri)
    curve = client.get_metric_history(record.entries["lstm"]["run_id"], "early_loss")
    assert [point.step for point in curve] == [1, 2] and all(np.isfinite(point.value) for point in curve)
    version = client.get_model_version("stations", record.entries["lstm"]["registered"])
    assert version.tags["forecaster"] == "lstm" and version.run_id == record.entries["lstm"]["run_id"]


@pytest.fixture(scope="module")
def again(trained: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The same data, configuration and archive, to be trained anew."""
    place = Place(tmp_path_factory.mktemp("again"), trained.pipeline)
    shutil.copytree(trained.folder / "archive", place.folder / "archive")
    return place


def test_killed_in_the_second_model_it_goes_on_to_the_same_checkpoints(trained: Place, again: Place) -> None:
    def kill(what: str, done: int, total: int) -> None:
        if (what, done) == ("train mlp", 1):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(again, report=kill)
    assert len(list(unfinished(again).iterdir())) == 2
    with pytest.raises(ForecastError, match=r"(?s)trained models.*none in.*forecast train"):
        records.read(again)
    told: list[tuple[str, int]] = []
    done = train(again, report=lambda what, at, total: told.append((what, at)))
    assert ("train lstm", 1) not in told and ("train mlp", 1) not in told  # neither epoch was run again
    assert {one.name: one.version for one in done.entries} == {
        name: entry["version"] for name, entry in records.read(trained).entries.items()
    }
    lstm = next(one for one in done.entries if one.name == "lstm")
    assert (lstm.epochs, lstm.parameters > 100, lstm.note) == (2, True, "") and lstm.best_epoch in (1, 2)
    runs = logbook.tracker(again).runs(family="model")
    assert sorted(runs["status"]) == ["FINISHED", "FINISHED", "FINISHED", "KILLED"]  # the first lstm, before the kill
    curve = mlflow.MlflowClient(again.tracking_uri).get_metric_history(
        records.read(again).entries["mlp"]["run_id"], "train_loss"
    )
    assert [point.step for point in curve] == [1, 2]  # with the epoch from before the kill


def test_by_default_a_trained_network_started_cold_has_forgotten_where_it_began(trained: Place) -> None:
    saved = checkpoint.load(trained.models / "lstm.safetensors")
    assert saved.settings["spin_up"] == 40
    saved.settings["spin_up"] = Training().cold_start
    observed = trained.archive.load().load()
    reference = observed["time"].values[-1:]
    cold, _ = forecaster(saved).central(observed, reference)
    carried, _ = forecaster(saved).central(observed, observed["time"].values)
    at_last = carried["t2m"].values[-1:]
    np.testing.assert_allclose(cold["t2m"].values, at_last, rtol=0, atol=1e-5 * float(observed["t2m"].std()) + 3e-5)


def fitted(place: Place, problem: Problem, **change: Any) -> dict[str, np.ndarray]:
    one = place.pipeline.models[0]
    settings = place.pipeline.training_of(one).model_copy(update=change)
    shutil.rmtree(unfinished(place), ignore_errors=True)
    return fit_model(place, problem, one, settings, silent).weights


def test_weights_do_not_depend_on_what_comes_after_the_early_stopping_span(again: Place) -> None:
    problem = pose(again)
    problem.observed.load()
    changed = problem.observed.copy(deep=True)
    after = changed["time"] > problem.split.early[-1][1]
    changed["t2m"] = xr.where(after, 300.0, changed["t2m"], keep_attrs=True).transpose(*changed["t2m"].dims)
    other = replace(problem, observed=changed)
    mine, theirs, seeded = fitted(again, problem), fitted(again, other), fitted(again, problem, seed=1)
    assert all(np.array_equal(mine[name], theirs[name]) for name in mine)
    assert not all(np.array_equal(mine[name], seeded[name]) for name in mine)


def test_targets_lie_in_their_span_and_the_spin_up_reaches_back_before_it(again: Place) -> None:
    problem = pose(again)
    problem.observed.load()
    settings = again.pipeline.training
    index = problem.observed.get_index("time")
    scaling = Scaling.fit(problem.split.select(problem.observed, problem.split.train), ["t2m", "dewp"])
    data = frames(problem.observed, scaling, ["t2m"], ["dewp"], problem.leads)
    for spans in ((problem.split.train,), problem.split.early):
        valid = tuple((int(index.get_loc(first)), int(index.get_loc(last)) + 1) for first, last in spans)
        first, last = valid[0][0], valid[-1][1] - 1
        laid = streams(problem, data, spans, settings)
        assert laid.valid == valid
        assert laid.stretches[:, 1].min() == max(0, first - settings.spin_up)
        assert laid.stretches[:, 2].max() == last + 1
    gap = index.slice_indexer("2001-01-20", "2001-01-20").start
    inside = streams(problem, data, [problem.split.train], settings).stretches
    assert not any(start <= gap < stop for _, start, stop in inside)


def test_curves_have_a_row_an_epoch() -> None:
    done = History([3.0, 2.0], [4.0, 3.0], [0.1, 0.2], [1.0, 0.5], best=2, stopped="epochs")
    first = {"epoch": 1, "train_loss": 3.0, "learning_rate": 0.1, "gradient_norm": 1.0, "early_loss": 4.0}
    assert curves([done]) == [
        first,
        {**first, "epoch": 2, "train_loss": 2.0, "learning_rate": 0.2, "gradient_norm": 0.5, "early_loss": 3.0},
    ]
    assert "early_loss" not in curves([History([3.0], [], [0.1], [1.0])])[0]


DAILY = """
name = "short"
baselines = ["persistence", "seasonal_naive"]
[source]
type = "series_table"
paths = ["stations.csv"]
id = "station"
units = { t2m = "K", dewp = "degF" }
[task]
targets = ["t2m"]
"""


def test_a_baseline_with_nothing_to_say_is_left_out_and_says_so(again: Place, tmp_path: Path) -> None:
    place = Place(again.home, place_at(tmp_path, DAILY).pipeline)
    place.write(table()[table()["time"].dt.hour == 0])  # 80 days: no year before any of them
    ingest(place)
    done = train(place)
    assert [(one.name, one.note[:8]) for one in done.entries] == [("persistence", ""), ("seasonal_naive", "left out")]
    assert list(records.read(place).entries) == ["persistence"]


def test_without_observations_there_is_nothing_to_train(tmp_path: Path) -> None:
    with pytest.raises(ForecastError, match=r"(?s)observations.*an empty archive in .*stations.*forecast ingest"):
        train(place_at(tmp_path))


def test_roles_come_from_the_task_then_the_source_then_the_only_variable(tmp_path: Path) -> None:
    both = table()[["t2m", "dewp"]].head(2).to_xarray()
    pipeline = place_at(tmp_path).pipeline
    assert roles(pipeline, both, ("dewp",)) == (("t2m",), ("dewp",))
    bare = pipeline.model_copy(update={"task": pipeline.task.model_copy(update={"targets": (), "covariates": ()})})
    assert roles(bare, both, ("dewp",)) == (("dewp",), ())
    assert roles(bare, both[["t2m"]], ()) == (("t2m",), ())
    with pytest.raises(
        ForecastError, match=r"(?s)task.targets.*variables t2m, dewp and no target.*name one in \[task\]"
    ):
        roles(bare, both, ())
    with pytest.raises(ForecastError, match=r"(?s)a variable among t2m.*'dewp'.*mend \[task\]"):
        roles(pipeline, both[["t2m"]], ())


def test_an_unknown_option_of_a_network_stops_the_training_by_name(trained: Place, tmp_path: Path) -> None:
    place = place_at(tmp_path, TEXT.replace("hidden = 6\ncontext", "hiden = 6\ncontext"))
    shutil.copytree(trained.folder / "archive", place.folder / "archive")
    with pytest.raises(ForecastError, match=r"(?s)options of MLP among .*hiden"):
        fit_model(place, pose(place), place.pipeline.models[1], place.pipeline.training, silent)
    assert schema.kind(place.archive.load()) == "series"
