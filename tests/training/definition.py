"""Truncated backpropagation through time written from its definition: one stream, one step at a time, in float64.

After each k1 steps: from the state before the last k2 steps, as it was last computed, run them again with the newest
weights; the loss is the mean over the targets of the newest k1 outputs; step against its gradient.
"""

from __future__ import annotations

import torch

from forecast.models.base import Model, State, detach
from forecast.training.settings import Training
from tests.batches.dealing import Line


def plain(k1: int, k2: int, epochs: int, rate: float) -> Training:
    """Return the settings under which the engine does just that: bare steps along the gradient, the data in order.

    Args:
        k1: steps from one update to the next.
        k2: steps that the gradient reaches back.
        epochs: walks over all streams.
        rate: length of a step along the gradient.
    """
    return Training(
        k1=k1,
        k2=k2,
        epochs=epochs,
        optimiser="sgd",
        learning_rate=rate,
        schedule="constant",
        weight_decay=0.0,
        clip_norm=None,
        average=0.0,
        shift=False,
        balance=False,
    )


def descend(
    model: Model, lines: list[Line], inputs: torch.Tensor, targets: torch.Tensor, k1: int, k2: int, rate: float
) -> tuple[list[float], list[float]]:
    """Walk once over all streams; return the loss of each update and the number of targets behind it.

    Args:
        model: whose weights are moved.
        lines: the steps of each stream; ``at`` counts the rows of inputs and targets.
        inputs: (N, C).
        targets: (N, K), NaN where there is none.
        k1: steps from one update to the next.
        k2: steps that the gradient reaches back.
        rate: length of a step along the gradient.
    """
    length = max(map(len, lines))
    kept: list[dict[int, State | None]] = [{0: None} for _ in lines]
    losses, counts = [], []
    for stop in range(k1, length + 1, k1):
        costs = []
        for line, states in zip(lines, kept, strict=True):
            costs += _stream(model, line[:stop], states, max(0, stop - k2), stop - k1, inputs, targets)
        if not costs:
            continue
        loss = torch.cat(costs).mean()
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.grad is not None:
                    parameter -= rate * parameter.grad
        losses.append(loss.item())
        counts.append(float(sum(map(len, costs))))
    return losses, counts


def _stream(
    model: Model,
    line: Line,
    states: dict[int, State | None],
    start: int,
    counted: int,
    inputs: torch.Tensor,
    targets: torch.Tensor,
) -> list[torch.Tensor]:
    """Run one stream from ``start`` to its end, keep every state, return the costs of the steps from ``counted`` on."""
    state, costs = states.get(start), []
    for number in range(start, len(line)):
        step = line[number]
        if step is not None:
            before = model.initial(1) if step.begins else state
            y, state = model(inputs[None, None, step.at], None, before)
            target = targets[step.at]
            there = torch.isfinite(target)
            if number >= counted and there.any():
                costs.append((y[0, 0, 0] - target)[there].square())
        states[number + 1] = None if state is None else detach(state)
    return costs
