"""What the linear skip of a network upon smoothing starts from: the ridge regression of what is left without it.

    W = B (A + RIDGE mean(diag A) 1)^-1,   A = sum x x^T,   B = sum r x^T

x: the values that the skip reads, relative to a level; r: truth less what the network says before it has learned.
Training goes on from there, so a long series is forecast from the first update on as a linear map of its last values
does (Zeng et al. 2023, AAAI), where steps along the gradient would take longer than the rest has to learn.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch

from forecast.batches import Streams
from forecast.models.base import Model, reset
from forecast.models.smoothed import Smoothed

RIDGE = 1e-3
ROWS = 200_000  # are enough


@torch.no_grad()
def give(networks: Iterable[Model], learn: Streams) -> None:
    """Start the skip of each network that has one; do nothing to others.

    Args:
        networks: before their training.
        learn: what they are to learn from; steps count of which every lead is known.
    """
    for network in networks:
        if isinstance(network, Smoothed) and network.skip is not None:
            _start(network.eval(), learn)


def _start(network: Smoothed, learn: Streams) -> None:
    assert network.skip is not None
    leads, width = network.skip.weight.shape
    squares = torch.zeros(width, width, dtype=torch.float64)
    products, rows, state = squares.new_zeros(leads, width), 0, None
    for chunk in learn:
        blank = network.initial(len(chunk.fresh))
        state = blank if state is None else reset(state, chunk.fresh, blank)
        x = network.skipped(chunk.x, state)
        y, state = network(chunk.x, chunk.future, state)
        left = (chunk.y - network.centre(y)).transpose(2, 3).transpose(1, 2).flatten(0, 1)
        known = torch.isfinite(left).all(dim=2)
        x, left = x[known].double(), left[known].double()
        squares, products, rows = squares + x.T @ x, products + left.T @ x, rows + len(x)
        if rows >= ROWS:
            break
    if rows > width:
        ridge = RIDGE * squares.diagonal().mean().clamp(min=1e-9)
        found = torch.linalg.solve(squares + ridge * torch.eye(width, dtype=torch.float64), products.T).T
        network.skip.weight.copy_(found)
