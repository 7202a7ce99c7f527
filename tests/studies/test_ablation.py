"""The ablation study: one part at a time, one grammar, one series of which the end is judged."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch

from forecast.models.lstm import LSTMOptions
from forecast.studies.ablation import EARLY, LEADS, REBER, TEST, VARIANTS, WEATHER, Ablation
from forecast.studies.base import Case, opened


@pytest.fixture(scope="module")
def study() -> Ablation:
    made = opened(Ablation, {"epochs": 1, "copies": 1})
    assert isinstance(made, Ablation)
    return made


def test_every_part_that_an_lstm_can_lose_is_lost_once() -> None:
    lost = [part for options in VARIANTS.values() for part in options.get("without", ())]
    parts = LSTMOptions.model_fields["without"].annotation.__args__[0].__args__  # type: ignore[union-attr]
    assert sorted(lost) == sorted(parts)
    assert sum(options.get("coupled", False) for options in VARIANTS.values()) == 1 and VARIANTS["LSTM"] == {}


@pytest.mark.parametrize("network", ["LSTM", "no forget gate (NFG)"])
@pytest.mark.parametrize(("task", "measure", "other"), [(REBER, "strings", "rmse"), (WEATHER, "rmse", "strings")])
def test_each_task_has_a_measure_of_its_own(study: Ablation, network: str, task: str, measure: str, other: str) -> None:
    found = study.run(Case(network, 0, task))
    assert math.isfinite(found[measure]) and math.isnan(found[other])


def test_the_last_value_and_that_of_a_day_before_are_judged_on_the_last_two_months_alone(study: Ablation) -> None:
    last, day = (one.values["rmse"] for one in study.references())
    series = study._observed.to_pandas().T
    held = {"last": [], "day": []}
    for lead in range(1, LEADS + 1):
        truth = series[series.index >= TEST]
        held["last"].append((series.shift(lead) - truth).to_numpy())
        held["day"].append((series.shift(24) - truth).to_numpy())
    rms = {name: np.sqrt(np.nanmean(np.square(errors))) for name, errors in held.items()}
    assert last == pytest.approx(rms["last"], rel=1e-3) and day == pytest.approx(rms["day"], rel=1e-3)


def test_scales_come_from_what_is_learned_from(study: Ablation) -> None:
    learned = study._observed.sel(time=study._observed["time"] < np.datetime64(EARLY))
    scaled = study._weather.values[:, : study._steps(EARLY), 0]
    there = scaled[scaled.isfinite()]
    assert float(there.mean()) == pytest.approx(0, abs=1e-4) and float(there.std(correction=0)) == pytest.approx(
        1, abs=1e-4
    )
    assert study._spread == pytest.approx(float(learned.std()))


def test_nothing_of_the_last_two_months_is_learned(study: Ablation, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def look(model: torch.nn.Module, taught: object, chosen: object, settings: object) -> None:
        seen.extend([taught, chosen])

    monkeypatch.setattr("forecast.studies.ablation.train", look)
    study.run(Case("LSTM", 0, WEATHER))
    stops = [study._observed.indexes["time"][streams.valid[-1][1] - 1] for streams in seen]
    assert stops[0] < pd.Timestamp(EARLY) and stops[1] < pd.Timestamp(TEST)
