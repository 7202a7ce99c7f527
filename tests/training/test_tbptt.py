"""Trainings that end well whatever happens."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from forecast.batches import Streams
from forecast.errors import ForecastError
from forecast.models.base import Model
from forecast.models.bilstm import BiLSTM
from forecast.models.lstm import LSTM
from forecast.models.mlp import MLP
from forecast.training.losses import Objective
from forecast.training.settings import Training
from forecast.training.tbptt import train
from forecast.training.walk import evaluate
from tests.training.made import QUICK, build, data, noise


def test_training_lowers_the_loss_and_keeps_the_best_weights() -> None:
    model, (learn, early) = build(), data()
    before = evaluate(model, early, Objective(), 10)
    history = train(model, learn, early, QUICK)
    assert history.early[history.best - 1] == min(history.early) < before
    assert evaluate(model, early, Objective(), 10) == pytest.approx(min(history.early), abs=1e-12)
    assert history.epochs == len(history.early) == len(history.gradient) and not model.training


@pytest.mark.parametrize("kind", [LSTM, BiLSTM, MLP])
def test_equal_seeds_end_in_equal_weights_and_others_do_not(kind: type[Model]) -> None:
    ends = []
    for seed in (4, 4, 5):
        model = build(kind, dropout=0.2)
        train(model, data()[0], None, QUICK.model_copy(update={"seed": seed, "epochs": 2}))
        ends.append(torch.cat([parameter.detach().flatten() for parameter in model.parameters()]))
    assert torch.equal(ends[0], ends[1]) and not torch.equal(ends[0], ends[2])


def test_training_leaves_generator_and_threads_as_they_were() -> None:
    threads = torch.get_num_threads()
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    train(build(), *data(), QUICK.model_copy(update={"epochs": 1, "threads": threads + 1}))
    assert torch.equal(torch.rand(1), expected) and torch.get_num_threads() == threads


def test_a_loss_that_is_not_finite_stops_it_and_the_best_weights_stay() -> None:
    model, (learn, early) = build(), data()

    def spoil(line: dict[str, float]) -> None:
        if line["epoch"] == 2:
            nn.init.constant_(next(model.parameters()), math.nan)

    history = train(model, learn, early, QUICK, report=spoil)
    assert (history.stopped, history.epochs, history.finite) == ("not finite", 2, False)
    assert evaluate(model, early, Objective(), 10) == pytest.approx(min(history.early), abs=1e-12)


def test_a_gradient_that_is_not_finite_stops_it_before_it_reaches_the_weights() -> None:
    model, (learn, _) = build(), data()
    calls = iter(range(1000))
    weight = model.head.linear.weight
    weight.register_hook(lambda gradient: gradient * (math.inf if next(calls) == len(learn) + 3 else 1.0))
    history = train(model, learn, None, QUICK)
    assert (history.stopped, history.epochs, history.best) == ("not finite", 1, 1)
    assert all(value.isfinite().all() for value in model.state_dict().values())


def test_a_training_that_only_spoils_keeps_the_weights_that_it_began_with() -> None:
    model, (learn, early) = build(), data()
    settings = QUICK.model_copy(update={"learning_rate": 50.0, "clip_norm": None, "schedule": "constant"})
    history = train(model, learn, early, settings)
    assert (history.best, history.epochs, history.stopped) == (0, 3, "patience")
    assert evaluate(model, early, Objective(), 10) == pytest.approx(history.initial)
    assert history.initial < min(history.early)


def test_it_stops_when_patience_runs_out() -> None:
    seen = noise(steps=80)
    learn, early = Streams(seen, [(0, 40)], 2, 5), Streams(seen, [(50, 80)], 2, 5)
    settings = Training(k1=5, k2=5, epochs=50, patience=2, learning_rate=5.0, schedule="constant", clip_norm=None)
    history = train(build(), learn, early, settings)  # steps far too long: it gets no better
    assert history.stopped == "patience" and history.epochs == history.best + 2


def test_each_epoch_is_reported() -> None:
    lines: list[dict[str, float]] = []
    train(build(), *data(), QUICK.model_copy(update={"epochs": 2, "patience": 9}), report=lines.append)
    assert [line["epoch"] for line in lines] == [1, 2]
    assert {"epoch", "train_loss", "early_loss", "learning_rate", "gradient_norm", "clipped"} < set(lines[0])


def test_chunks_of_another_length_are_refused() -> None:
    seen = noise()
    with pytest.raises(ForecastError, match=r"chunks of k1 = 5(.|\n)*got 7"):
        train(build(), Streams(seen, [(0, 60)], 2, 7), None, QUICK)


def test_early_streams_without_a_target_are_refused() -> None:
    seen = noise()
    early = Streams(seen, [(0, 60)], 2, 5, valid=(60, 61))
    with pytest.raises(ForecastError, match="early-stopping streams with a target"):
        train(build(), Streams(seen, [(0, 60)], 2, 5), early, QUICK)
