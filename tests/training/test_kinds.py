"""One engine for everything: series and maps, symbols and bits, contexts, files; what it tells a model on the way."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from forecast.batches import Frames, Sequences, Streams
from forecast.models.base import Model, Options, Shape, State, create
from forecast.models.convlstm import ConvLSTM
from forecast.models.lstm import LSTM
from forecast.models.rnn import RNN
from forecast.training.settings import Training
from forecast.training.tbptt import train
from forecast.training.walk import Walk
from tests.training.made import QUICK

PLAIN = {"hidden": 8, "dropout": 0.0, "residual": "none"}
BRISK: dict[str, Any] = {"average": 0.0, "weight_decay": 0.0, "shift": False, "learning_rate": 0.03}


@pytest.mark.parametrize("grid", [None, (3, 4)])
def test_series_and_maps_learn_by_the_same_engine(grid: tuple[int, int] | None) -> None:
    values = torch.randn(1, 60, 1, *(grid or ()), generator=torch.Generator().manual_seed(0))
    cells = torch.tensor([[0.5], [1.0], [1.5]]) if grid else None
    learn = Streams(Frames(torch.cumsum(values, dim=1) / 5, targets=1, leads=2), [(0, 60)], 3, 5, weights=cells)
    kind, options = (ConvLSTM, {"hidden": [4], "kernel": 3}) if grid else (LSTM, {"hidden": 4, "dropout": 0.0})
    model = create(kind, Shape(inputs=1, leads=2, grid=grid), options)
    history = train(model, learn, None, QUICK.model_copy(update={"epochs": 8}))
    assert history.train[-1] < history.train[0] and history.best == 8


def test_classes_given_by_their_number_are_learned() -> None:
    """The symbol after the next in the round 0 1 2 3: with a memory of one step it is certain."""
    codes = np.arange(80, dtype="uint8") % 4
    learn = Streams(Sequences(codes[:-1], codes[1:]), None, 2, 10)
    model = create(RNN, Shape(inputs=1, leads=1, outputs=4, symbols=4, targets=0), PLAIN)
    history = train(model, learn, None, Training(k1=10, k2=10, epochs=40, loss="cross_entropy", **BRISK))
    assert history.train[0] > 1.0 and history.train[-1] < 0.1


def test_independent_bits_of_ragged_strings_are_learned() -> None:
    """Two bits: whether the step is the first of its string, and its negation."""
    lengths, bits = [3, 5, 2, 6] * 5, []
    for length in lengths:
        bits += [[1.0, 0.0]] + [[0.0, 1.0]] * (length - 1)
    learn = Streams(Sequences(np.zeros(len(bits)), np.array(bits), lengths), None, 4, 6, whole=True)
    model = create(RNN, Shape(inputs=1, leads=1, outputs=2, targets=0), PLAIN)
    settings = Training(k1=6, k2=6, epochs=40, loss="binary_cross_entropy", optimiser="sgd", clip_norm=None, **BRISK)
    history = train(model, learn, None, settings.model_copy(update={"learning_rate": 2.0}))
    assert history.train[0] > 0.5 and history.train[-1] < 0.05


def test_a_state_that_begins_from_a_context_learns_what_only_the_context_tells() -> None:
    draw = torch.Generator().manual_seed(0)
    context = torch.randn(40, 2, generator=draw)
    target = context[:, :1].repeat_interleave(3, dim=0)
    learn = Streams(Sequences(torch.zeros(120), target, [3] * 40, context=context), None, 8, 3, whole=True)
    model = create(LSTM, Shape(inputs=1, leads=1, context=2, targets=0), {**PLAIN, "initial": "context"})
    history = train(model, learn, None, Training(k1=3, k2=3, epochs=60, **BRISK))
    assert history.train[-1] < 0.02 < 0.3 < history.train[0]


def test_a_target_that_is_masked_teaches_nothing() -> None:
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(40, 1)), draw.normal(size=(40, 1))
    y[20:] = np.nan
    ends = []
    for steps in (40, 20):
        model = create(RNN, Shape(inputs=1, leads=1, targets=0), PLAIN).double()
        streams = Streams(Sequences(x[:steps], y[:steps], dtype=torch.float64), None, 1, 5)
        history = train(model, streams, None, Training(k1=5, k2=5, epochs=1, schedule="constant", average=0.0))
        ends.append((history.train, nn.utils.parameters_to_vector(model.parameters())))
    assert ends[0][0] == ends[1][0] and torch.equal(ends[0][1], ends[1][1])


def test_the_users_weights_of_leads_hold_for_sequences_too() -> None:
    targets = torch.stack([torch.ones(20, 1), 1000 * torch.ones(20, 1)], dim=1)  # (N, L, K)
    model = create(RNN, Shape(inputs=1, leads=2, targets=0), PLAIN)
    settings = Training(k1=5, k2=5, epochs=1, lead_weights=(1.0, 0.0), **BRISK)
    history = train(model, Streams(Sequences(torch.zeros(20), targets), None, 1, 5), None, settings)
    assert history.train[0] < 2


def test_a_file_teaches_what_memory_teaches(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(1, 200, 1)).astype("float32")
    np.save(tmp_path / "values.npy", values)
    histories = []
    for source in (values, np.load(tmp_path / "values.npy", mmap_mode="r")):
        learn = Streams(Frames(source, targets=1, leads=2), None, 4, 5)
        histories.append(train(create(LSTM, Shape(inputs=1, leads=2), {"hidden": 4}), learn, None, QUICK))
    assert histories[0] == histories[1]


class Pupil(Model):
    """Writes down what it is told; its forecast is one weight."""

    taught = True

    def __init__(self, shape: Shape, options: Options) -> None:
        super().__init__(shape, options)
        self.weight = nn.Parameter(torch.zeros(()))
        self.heard: list[tuple[bool, float, Tensor | None]] = []

    def initial(self, streams: int, context: Tensor | None = None) -> State:
        return {"count": self.blank(streams, 1)}

    def advance(
        self, x: Tensor, future: Tensor | None, state: State, truth: Tensor | None = None
    ) -> tuple[Tensor, State]:
        self.heard.append((self.training, self.progress, truth))
        return self.weight.expand(*x.shape[:2], 1, 1), {"count": state["count"] + x.shape[1]}


def test_a_model_that_wants_it_hears_the_truth_in_training_and_how_far_it_has_come() -> None:
    values = torch.arange(8.0)
    streams = Streams(Sequences(values, -values), None, 1, 4)
    model = create(Pupil, Shape(inputs=1, leads=1), {})
    train(model, streams, streams, Training(k1=4, k2=8, streams=1, epochs=2, average=0.0, shift=False))  # type: ignore[arg-type]
    learning = [(progress, truth) for training, progress, truth in model.heard if training]  # type: ignore[union-attr]
    assert [progress for progress, _ in learning] == [0, 0.25, 0.25, 0.5, 0.75, 0.75]  # a window of 8 in two sections
    assert [truth.flatten().tolist() for _, truth in learning[:3]] == [[-0.0, -1, -2, -3]] * 2 + [[-4, -5, -6, -7]]
    assert all(truth is None for training, _, truth in model.heard if not training)  # type: ignore[union-attr]


def test_a_walk_goes_on_where_another_stopped() -> None:
    draw = torch.randn(40, 1, generator=torch.Generator().manual_seed(0))
    streams, model = Streams(Sequences(draw, draw, [25, 15]), None, 2, 4), create(LSTM, Shape(1, 1), PLAIN)
    whole = [window.y.detach() for window in Walk(model, streams, 10)]
    first = Walk(model, streams, 10)
    for _ in zip(range(3), first, strict=False):
        pass
    rest = [window.y.detach() for window in Walk(model, streams, 10, first.number, first.kept)]
    assert first.number == 3 and len(rest) == len(whole) - 3
    assert all(torch.equal(one, other) for one, other in zip(rest, whole[3:], strict=True))


def test_the_history_holds_clipping_steps_and_norms_by_layer() -> None:
    values = torch.randn(1, 100, 1, generator=torch.Generator().manual_seed(0))
    model = create(RNN, Shape(inputs=1, leads=1), PLAIN)
    before = nn.utils.parameters_to_vector(model.head.parameters()).norm().item()
    settings = Training(k1=5, k2=5, streams=2, epochs=2, clip_norm=1e-6, optimiser="sgd", schedule="constant", **BRISK)
    history = train(model, Streams(Frames(values, 1, 1), None, 2, 5), None, settings)
    assert history.clipped == [1.0, 1.0] and min(history.gradient) > 1e-6
    assert (
        set(history.norms)
        == set(history.updates)
        == {
            "stack.layers.0.seen",
            "stack.layers.0.carried",
            "head.linear",
        }
    )
    assert history.norms["head.linear"] == pytest.approx([before] * 2, rel=1e-4)  # such small steps lead nowhere
    assert all(0 < ratio < 1e-6 * 0.03 / 0.1 for curve in history.updates.values() for ratio in curve)
    assert history.line(1)["clipped"] == 1.0 and history.line()["epoch"] == 2
    assert math.isclose(history.line()["weight_norm/head.linear"], history.norms["head.linear"][1])
