"""Ensembles in a pipeline: seeds one after another, resumed where they stood, one forecaster with one checkpoint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from forecast import config
from forecast.errors import ForecastError
from forecast.stages.fit import Fitted, fit_model, unfinished
from forecast.stages.ingest import ingest
from forecast.stages.problem import pose
from forecast.stages.workspace import Report, silent
from tests.stages.conftest import TEXT, Place, place_at, table

ENSEMBLE = TEXT.split("[[models]]")[0] + '[[models]]\ntype = "lstm"\nhidden = 6\nensemble = 2\n'


@pytest.fixture(scope="module")
def posed(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = place_at(tmp_path_factory.mktemp("ensemble"), ENSEMBLE)
    place.write(table())
    ingest(place)
    return place


def fitted(place: Place, report: Report = silent, **changes: object) -> Fitted:
    one = place.pipeline.models[0].model_copy(update=changes)
    return fit_model(place, pose(place), one, place.pipeline.training_of(one), report)


def test_an_ensemble_holds_the_networks_of_its_seeds(posed: Place) -> None:
    both = fitted(posed)
    second = posed.pipeline.models[0].model_copy(update={"ensemble": None})
    settings = posed.pipeline.training_of(second).model_copy(update={"seed": 1})
    alone = fit_model(posed, pose(posed), second, settings, silent)
    assert both.settings["ensemble"] == 2 and alone.settings["ensemble"] is None
    for name, value in alone.weights.items():
        np.testing.assert_array_equal(both.weights[f"networks.1.{name}"], value)
    assert set(both.learning) == {"lstm 0", "lstm 1"} and set(alone.learning) == {"lstm"}
    assert {"train_loss", "network1/train_loss"} <= set(both.history[0]) and len(both.history) == 2


def test_an_ensemble_that_was_killed_goes_on_with_the_network_that_it_was_at(posed: Place) -> None:
    whole = fitted(posed, name="killed")
    told: list[tuple[str, int]] = []

    def dying(what: str, done: int, total: int) -> None:
        told.append((what, done))
        if told[-1] == ("train killed-1", 1) and told.count(told[-1]) == 1:
            raise KeyboardInterrupt

    for file in unfinished(posed).iterdir():
        file.unlink()
    with pytest.raises(KeyboardInterrupt):
        fitted(posed, dying, name="killed")
    told.clear()
    again = fitted(posed, lambda what, done, total: told.append((what, done)), name="killed")
    assert ("train killed-0", 1) not in told and ("train killed-1", 2) in told
    for name, value in whole.weights.items():
        np.testing.assert_array_equal(again.weights[name], value)


@pytest.mark.parametrize("wrong", ["0", "1", '"two"'])
def test_an_ensemble_has_two_networks_or_more(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(ForecastError, match="ensemble"):
        place_at(tmp_path, ENSEMBLE.replace("ensemble = 2", f"ensemble = {wrong}"))


def test_a_source_has_no_ensemble(tmp_path: Path) -> None:
    (tmp_path / "pipeline.toml").write_text(TEXT.replace('id = "station"', 'id = "station"\nensemble = 2'))
    with pytest.raises(ForecastError, match="source.ensemble is a key of"):
        config.load(tmp_path / "pipeline.toml")


def test_a_network_of_quantiles_has_an_output_for_each_level_and_remembers_them(posed: Place) -> None:
    one = fitted(posed, ensemble=None, name="levels", training={"loss": "pinball"})
    assert one.settings["levels"] == [0.05, 0.5, 0.95] and one.settings["shape"]["outputs"] == 3
    losses = [line["early_loss"] for line in one.history]
    assert one.summary["best_epoch"] and min(losses) == one.summary["early_loss"]
    assert fitted(posed, ensemble=None, name="mean").settings["levels"] == []


@pytest.mark.parametrize(
    ("loss", "levels", "words"),
    [
        ("cross_entropy", "[0.05, 0.5, 0.95]", "forecasts are means or quantiles, not cross_entropy"),
        ("pinball", "[0.05, 0.95]", "pinball needs quantiles below, at and above 0.5"),
        ("pinball", "[0.5, 0.95]", "pinball needs quantiles below, at and above 0.5"),
    ],
)
def test_a_loss_that_leaves_no_median_to_forecast_is_refused(
    loss: str, levels: str, words: str, tmp_path: Path
) -> None:
    text = TEXT.replace("members = 5", f"members = 5\nquantiles = {levels}").replace("epochs = 2", f'loss = "{loss}"')
    with pytest.raises(ForecastError, match=words):
        place_at(tmp_path, text)
