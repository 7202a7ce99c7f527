"""The gate: the best on validation is champion if it beats every baseline; else the best baseline is, by its name."""

from __future__ import annotations

import math

import pytest
import xarray as xr

from forecast import checkpoint
from forecast.errors import ForecastError
from forecast.stages import gate, records
from tests.stages.conftest import Place

BASELINES = ["persistence", "linear"]


def test_a_model_that_beats_every_baseline_is_champion() -> None:
    verdict = gate.decide({"persistence": 5.0, "linear": 4.0, "lstm": 3.0, "mlp": 3.5}, BASELINES)
    assert (verdict.champion, verdict.rival) == ("lstm", "linear")
    assert "25.0 % below linear" in verdict.reason


@pytest.mark.parametrize("lstm", [4.5, 4.0])
def test_if_nothing_beats_every_baseline_the_best_baseline_is_champion(lstm: float) -> None:
    verdict = gate.decide({"lstm": lstm, "persistence": 5.0, "linear": 4.0, "mlp": 4.7}, BASELINES)
    assert (verdict.champion, verdict.rival) == ("linear", "lstm")
    assert "no model beats every baseline" in verdict.reason


def test_among_baselines_alone_the_rival_is_the_second() -> None:
    verdict = gate.decide({"persistence": 5.0, "linear": 0.0}, BASELINES)
    assert (verdict.champion, verdict.rival) == ("linear", "persistence")


@pytest.mark.parametrize(
    ("ranking", "words"),
    [
        ({"lstm": 1.0, "mlp": 2.0}, r"(?s)a baseline among them.*lstm, mlp.*keep at least one baseline"),
        ({"linear": 1.0}, "two forecasters"),
        ({}, "nothing"),
        ({"linear": 1.0, "lstm": math.nan}, r"(?s)every forecaster on shared days.*none of lstm.*leave that .* out"),
    ],
)
def test_without_a_fair_contest_there_is_no_champion(ranking: dict[str, float], words: str) -> None:
    with pytest.raises(ForecastError, match=words):
        gate.decide(ranking, BASELINES)


def test_what_is_promoted_is_a_copy_that_no_later_training_touches(trained: Place, place: Place) -> None:
    record = gate.promote(place, gate.Verdict("lstm", "linear", "why"), records.read(trained), xr.Dataset())
    assert place.store.champion() == record and record["reason"] == "why"
    assert sorted(record["baselines"]) == [
        "climatology",
        "damped_persistence",
        "linear",
        "persistence",
        "seasonal_naive",
    ]
    for file in place.models.glob("*.safetensors"):
        file.unlink()
    assert checkpoint.load(place.folder / record["path"]).version == record["version"]
    for name, path in record["baselines"].items():
        assert checkpoint.load(place.folder / path).name == name
