"""From hidden states to forecasts: direct heads (one output a lead), and what a network is asked to add to.

A direct head reads every lead off the same hidden state, so that no forecast is fed back and no error compounds.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from forecast.models.base import Shape
from forecast.models.initialisation import draw

Residual = Literal["none", "persistence", "damped"]


# A head that is added to a start begins this small: the first forecasts are nearly the start itself, so that a short
# record is not spoilt before it is learned from. (Zero would leave nothing for the layers below to learn by.)
SMALL = 0.1


def begin(layer: nn.Linear, start: Residual) -> None:
    """Draw a head's Glorot weights, small where there is a start, and set its bias to 0."""
    draw(layer.weight, "glorot_uniform", gain=1.0 if start == "none" else SMALL)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


class Start(nn.Module):
    """What the network's output is added to: nothing, the last target (persistence), or its damped anomaly.

    In scaled units the climatology is 0, so a factor d in ``d x`` is the lag correlation of the anomaly: 1 is
    persistence, 0 climatology. With "damped" d is learned for each lead and output (and cell, for maps); training
    starts it at the regression over the training span (``prime``). Of parameters of a likelihood only the first, where
    the values lie, is added to.

    Args:
        shape: the first ``shape.targets`` channels of x are the targets; without any, as with symbols, there is
            nothing to start from.
        kind: "none", "persistence" or "damped".
    """

    def __init__(self, shape: Shape, kind: Residual) -> None:
        super().__init__()
        self.kind: Residual = "none" if shape.symbols or not shape.targets else kind
        self.targets, self.repeats = shape.targets, shape.outputs // max(1, shape.targets)
        self.first = bool(shape.likelihood)
        if self.kind == "damped":
            self.factor = nn.Parameter(torch.ones(shape.leads, shape.outputs, *(shape.grid or ())))

    @torch.no_grad()
    def prime(self, damping: Tensor) -> None:
        """Set the factors from regressions on the training span, shape (L, targets[, H, W])."""
        if self.kind == "damped":
            self.factor.copy_(damping.repeat_interleave(self.repeats, dim=1))

    def forward(self, y: Tensor, x: Tensor) -> Tensor:
        """y (B, T, L, K[, H, W]) and x (B, T, C[, H, W]) -> y with its start added."""
        if self.kind == "none":
            return y
        last = x[:, :, : self.targets]
        if self.first:
            last = functional.pad(last.unsqueeze(3), (0, self.repeats - 1)).flatten(2).unsqueeze(2)
        else:
            last = last.repeat_interleave(self.repeats, dim=2).unsqueeze(2)
        return y + (self.factor * last if self.kind == "damped" else last)


class Direct(nn.Module):
    """The head of a series model: ``y_l = W_l h + b_l [+ V tanh(A h + B f_l)]``, plus its start.

    The bracket is there when features f_l of the steps ahead (calendar) are: it lets them act together with h.

    Args:
        shape: sizes.
        hidden: width of h.
        start: see `Start`.
        width: units of the bracket.
    """

    def __init__(self, shape: Shape, hidden: int, start: Residual, width: int = 16) -> None:
        super().__init__()
        self.shape = shape
        self.linear = nn.Linear(hidden, shape.leads * shape.outputs)
        if shape.future:
            self.seen = nn.Linear(hidden, width)
            self.ahead = nn.Linear(shape.future, width, bias=False)
            self.joined = nn.Linear(width, shape.outputs, bias=False)
            begin(self.joined, start)
            begin(self.seen, "none")
            begin(self.ahead, "none")
        begin(self.linear, start)
        self.start = Start(shape, start)

    def forward(self, h: Tensor, x: Tensor, future: Tensor | None) -> Tensor:
        """h (B, T, hidden), x (B, T, C), future (B, T, L, F) or None -> y (B, T, L, K)."""
        y = self.linear(h).unflatten(-1, (self.shape.leads, self.shape.outputs))
        if future is not None and self.shape.future:
            y = y + self.joined(torch.tanh(self.seen(h).unsqueeze(2) + self.ahead(future)))
        return self.start(y, x)
