"""Networks whose every number can be worked by hand: a linear one of two units, and one with a flaw planted in it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from forecast.models.base import Model, Options, Shape, State

ONE = Shape(inputs=1, leads=1)


class Linear2(Model):
    """h_t = W h_{t-1} + (x_t, 0), y_t = v h_t; ``part`` may change h on its way to y."""

    def __init__(self, weight: list[list[float]], head: list[float], part: nn.Module | None = None) -> None:
        super().__init__(ONE, Options())
        self.weight, self.head = nn.Parameter(torch.tensor(weight)), nn.Parameter(torch.tensor(head))
        self.part = part or nn.Identity()

    def initial(self, streams: int, context: Tensor | None = None) -> State:
        return {"h": self.blank(streams, 2)}

    def advance(self, x: Tensor, future: Tensor | None, state: State) -> tuple[Tensor, State]:
        h, said = state["h"], []
        for value in x[:, :, 0].unbind(1):
            h = h @ self.weight.T + torch.stack([value, torch.zeros_like(value)], dim=1)
            said.append(self.part(h) @ self.head)
        return torch.stack(said, dim=1)[:, :, None, None], {"h": h}

    def recurrent_weights(self) -> dict[str, Tensor]:
        return {"candidate": self.weight}


class Flaw(nn.Module):
    """Applies a function from its ``first`` call on; before that it lets all pass."""

    def __init__(self, function: Callable[[Tensor], Tensor], first: int = 0) -> None:
        super().__init__()
        self.function, self.first, self.calls = function, first, 0

    def forward(self, h: Tensor) -> Tensor:
        self.calls += 1
        return self.function(h) if self.calls > self.first else h


def windows(steps: int, count: int = 2) -> tuple[Tensor, None, Tensor]:
    """x and targets of a network of one input and one output."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(count, steps, 1, generator=draw)
    return x, None, torch.randn(count, steps, 1, 1, generator=draw)
