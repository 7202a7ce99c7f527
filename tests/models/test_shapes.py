"""The four shapes of sequences and the four kinds of outputs, each learned by the engine on a task of its own.

one to many               a context vector becomes a sequence            numbers
many to one               only the last step has a target                numbers, quantiles
many to many, aligned     a target a step                                classes, bits
many to many              a sequence is read, then another is said       classes
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from forecast.batches import Sequences, Streams
from forecast.models.base import Model, Shape, create
from forecast.models.generate import generate
from forecast.models.gru import GRU
from forecast.models.lstm import LSTM
from forecast.models.seq2seq import Seq2Seq
from forecast.training.settings import Training
from forecast.training.tbptt import train

ROWS, STREAMS = 256, 64


def learned(model: Model, x: np.ndarray, y: np.ndarray, epochs: int, loss: str = "squared", **more: object) -> float:
    """Train on sequences x (rows, T) with targets y (rows, T, ...), each a whole chunk; the loss of the last epoch."""
    rows, steps = x.shape
    quantiles = more.pop("quantiles", ())
    data = Sequences(x.reshape(-1), y.reshape(rows * steps, *y.shape[2:]), [steps] * rows, **more)  # type: ignore[arg-type]
    settings = Training(
        k1=steps, k2=steps, streams=STREAMS, epochs=epochs, patience=epochs, learning_rate=0.02, loss=loss, average=0.0
    )  # type: ignore[call-arg]
    streams = Streams(data, None, STREAMS, steps, whole=True)
    return train(model, streams, None, settings, quantiles=quantiles).train[-1]  # type: ignore[arg-type]


def build(kind: type[Model], shape: Shape, **options: object) -> Model:
    return create(kind, shape, {"hidden": 16, "dropout": 0.0, "residual": "none", **options}, seed=0)


def numbers(*sizes: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=sizes).astype("float32")


def codes(symbols: int, *sizes: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(symbols, size=sizes)


def one_hot(symbols: np.ndarray, size: int) -> np.ndarray:
    return np.eye(size, dtype="float32")[symbols]


def only_last(steps: int, y: np.ndarray) -> np.ndarray:
    """Targets (rows, T, ...) that are missing at all steps but the last."""
    return np.concatenate([np.full((len(y), steps - 1, *y.shape[1:]), np.nan, "float32"), y[:, None]], axis=1)


@torch.no_grad()
def outputs(model: Model, x: np.ndarray) -> Tensor:
    return model(torch.from_numpy(x).float().unsqueeze(2))[0]


def test_one_to_many_a_context_vector_becomes_a_sequence() -> None:
    context, turn = numbers(ROWS, 2), 2 * np.pi * np.arange(7) / 6
    waves = (context @ np.stack([np.sin(turn), np.cos(turn)])).astype("float32")
    waves[:, 0] = 0  # the first input says nothing: all that is known is the context
    model = build(GRU, Shape(inputs=1, leads=1, targets=0, context=2), initial="context")
    loss = learned(model, waves[:, :-1], waves[:, 1:], 30, context=context)
    assert loss < 0.02
    start = model.initial(ROWS, torch.from_numpy(context))
    said = generate(model, torch.zeros(ROWS, 1, 1), 6, state=start)[:, :, 0]
    assert np.mean((said.numpy() - waves[:, 1:]) ** 2) < 0.05  # of a variance of 1


def test_many_to_one_only_the_last_step_has_a_target() -> None:
    x = numbers(ROWS, 6)
    model = build(LSTM, Shape(inputs=1, leads=1, targets=0))
    assert learned(model, x, only_last(6, x.mean(axis=1)), 30) < 0.01  # of a variance of 1/6


def test_quantiles_find_their_share() -> None:
    x, noise = numbers(1024, 3), np.random.default_rng(1).uniform(-1, 1, 1024).astype("float32")
    y = x[:, 0] + noise
    model = build(LSTM, Shape(inputs=1, leads=1, outputs=3, targets=0))
    loss = learned(model, x, only_last(3, y), 30, loss="pinball", quantiles=(0.1, 0.5, 0.9))
    assert loss < 0.16  # the least possible is the mean of q (1 - q), 0.143
    below = (torch.from_numpy(y)[:, None] < outputs(model, x)[:, -1, 0]).double().mean(dim=0)
    torch.testing.assert_close(below, torch.tensor([0.1, 0.5, 0.9]).double(), atol=0.05, rtol=0)


def test_many_to_many_aligned_a_class_a_step() -> None:
    x = codes(3, ROWS, 8)
    y = np.concatenate([x[:, :1], x[:, :-1]], axis=1)  # the symbol before
    model = build(LSTM, Shape(inputs=1, leads=1, outputs=3, targets=0, symbols=3))
    loss = learned(model, x, one_hot(y, 3), 20, loss="cross_entropy")
    assert loss < 0.1 * math.log(3)
    new = codes(3, ROWS, 8, seed=1)
    assert np.mean(outputs(model, new)[:, 1:, 0].argmax(dim=2).numpy() == new[:, :-1]) > 0.99


def test_independent_bits_each_have_a_probability() -> None:
    x = codes(4, ROWS, 8)
    y = one_hot(x, 4)
    y[:, 1:] = np.maximum(y[:, 1:], y[:, :-1])  # which symbols came now or the step before
    model = build(LSTM, Shape(inputs=1, leads=1, outputs=4, targets=0, symbols=4), embedding=3)
    loss = learned(model, x, y, 40, loss="binary_cross_entropy")
    assert loss < 0.1 * math.log(2)


def test_many_to_many_by_encoder_decoder_attention_learns_to_reverse() -> None:
    x, new = codes(6, 512, 4), codes(6, 200, 4, seed=1)
    y = only_last(4, one_hot(x[:, ::-1], 6))
    shape = Shape(inputs=1, leads=4, outputs=6, targets=0, symbols=6)
    model = build(Seq2Seq, shape, cell="gru", hidden=32, memory=4)
    loss = learned(model, x, y, 15, loss="cross_entropy")
    assert loss < 0.1 * math.log(6)
    assert np.mean(outputs(model, new)[:, -1].argmax(dim=2).numpy() == new[:, ::-1]) > 0.97
    _, weights, _ = model.attend(torch.from_numpy(new).float().unsqueeze(2))
    assert (weights[:, -1].mean(dim=0).diagonal() > 0.5).all()  # lead l looks l steps back
