"""Truncated backpropagation through time against its definition: what each window reads, keeps and counts."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from forecast.batches import Frames, Streams
from forecast.models.base import Model, State, detach
from forecast.models.bilstm import BiLSTM
from forecast.models.lstm import LSTM
from forecast.models.mlp import MLP
from forecast.models.rnn import RNN
from forecast.training.losses import Objective
from forecast.training.walk import Walk
from tests.training.made import build, noise


def loss(y: Tensor, target: Tensor) -> Tensor:
    there = torch.isfinite(target)
    return (y - target)[there].square().mean()


def gradient(model: nn.Module) -> list[Tensor]:
    return [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]


@pytest.mark.parametrize("kind", [LSTM, RNN, MLP])
def test_k1_k2_and_length_alike_give_the_whole_gradient(kind: type[Model]) -> None:
    seen, model = noise(), build(kind)
    y, _ = model(seen.inputs(torch.arange(2), torch.zeros(2, dtype=torch.long), 60))
    loss(y, seen.truth(torch.arange(2), torch.zeros(2, dtype=torch.long), 60, (0, 60))).backward()
    expected = gradient(model)
    model.zero_grad()
    for window in Walk(model, Streams(seen, [(0, 60)], streams=2, chunk=60), k2=60):
        cost, weight = Objective()(window.y, window.target)
        (cost / weight).backward()
    torch.testing.assert_close(gradient(model), expected, atol=1e-6, rtol=0)


def by_definition(model: Model, seen: Frames, k1: int, k2: int, step: float) -> list[float]:
    """Descend step by step: keep every state; at each update run the last k2 steps from the state before them."""
    length = seen.values.shape[1]
    tape, zero = torch.arange(1), torch.zeros(1, dtype=torch.long)
    x, target = seen.inputs(tape, zero, length), seen.truth(tape, zero, length, (0, length))
    states: dict[int, State | None] = {0: None}
    losses = []
    for stop in range(k1, length + 1, k1):
        start = max(0, stop - k2)
        state, outputs = states[start], []
        for at in range(start, stop):
            y, state = model(x[:, at : at + 1], None, state)
            states[at + 1] = detach(state)
            outputs.append(y)
        value = loss(torch.cat(outputs, dim=1)[:, -k1:], target[:, stop - k1 : stop])
        model.zero_grad()
        value.backward()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.grad is not None:
                    parameter -= step * parameter.grad
        losses.append(value.item())
    return losses


@pytest.mark.parametrize(("k1", "k2"), [(1, 1), (1, 4), (2, 6), (3, 5), (4, 4), (5, 12)])
def test_k1_up_to_k2_follow_the_definition(k1: int, k2: int) -> None:
    seen = noise(steps=k1 * (30 // k1), tapes=1)
    slow, quick = build(), build()
    expected = by_definition(slow, seen, k1, k2, step=0.1)
    losses = []
    for window in Walk(quick, Streams(seen, [(0, seen.values.shape[1])], streams=1, chunk=k1), k2):
        cost, weight = Objective()(window.y, window.target)
        if not weight:
            break
        quick.zero_grad()
        (cost / weight).backward()
        with torch.no_grad():
            for parameter in quick.parameters():
                if parameter.grad is not None:
                    parameter -= 0.1 * parameter.grad
        losses.append((cost / weight).item())
    assert len(losses) >= 5
    torch.testing.assert_close(losses, expected[: len(losses)], atol=1e-9, rtol=0)


def test_a_gap_cuts_state_and_gradient() -> None:
    seen, model = noise(steps=20, tapes=1), build()
    streams = Streams(seen, [(0, 6), (10, 16)], streams=1, chunk=3)
    outputs = [window.y.detach() for window in Walk(model, streams, k2=9)]
    alone = Streams(seen, [(10, 16)], streams=1, chunk=3)
    again = [window.y.detach() for window in Walk(model, alone, k2=9)]
    torch.testing.assert_close(outputs[2:], again, atol=1e-12, rtol=0)


def test_of_a_bidirectional_model_only_the_last_step_counts_and_the_forward_state_carries() -> None:
    seen, model = noise(steps=24, tapes=1), build(BiLSTM)
    streams = Streams(seen, [(0, 24)], streams=1, chunk=4)
    found = [(window.y, window.target) for window in Walk(model, streams, k2=8)]
    x = seen.inputs(torch.arange(1), torch.zeros(1, dtype=torch.long), 24)
    _, before = model(x[:, :8])
    expected, _ = model(x[:, 8:16], None, before)
    torch.testing.assert_close(found[3][0], expected[:, -1:], atol=1e-12, rtol=0)
    assert found[3][0].shape == (1, 1, 2, 1) and found[3][1][0, 0, :, 0].tolist() == seen.values[0, 16:18, 0].tolist()


def test_a_bidirectional_window_that_crosses_a_beginning_does_not_count() -> None:
    seen, model = noise(steps=26, tapes=1), build(BiLSTM)
    streams = Streams(seen, [(0, 8), (12, 24)], streams=1, chunk=4, valid=(0, 26))
    targets = [bool(window.there) for window in Walk(model, streams, k2=8)]
    assert targets == [True, True, False, True, True]
