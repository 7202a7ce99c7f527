"""The multilayer perceptron on the last n steps: the memoryless network that recurrence has to beat.

    y_t = W_2 phi(W_1 [x_{t-n+1}; ...; x_t] + b_1) + b_2        phi: tanh

Rumelhart, Hinton & Williams 1986, Nature 323. It keeps its context, the last n - 1 inputs, as its state, so it trains
and serves through the same engine as the recurrent ones. On maps the inputs are whole flattened maps.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from forecast.models.base import Model, Options, Shape, State
from forecast.models.heads import Direct, Residual, Start, draw


class MLPOptions(Options):
    """Options of the MLP.

    Attributes:
        hidden: units a hidden layer.
        layers: hidden layers.
        context: n, steps that it sees; by default 24 for series and 2 for maps.
        dropout: share of hidden units dropped while training.
        residual: what the output is added to (see heads.Start).
    """

    hidden: int = Field(64, ge=1, le=4096)
    layers: int = Field(1, ge=1, le=8)
    context: int | None = Field(None, ge=1, le=10_000)
    dropout: float = Field(0.2, ge=0, lt=1)
    residual: Residual = "damped"


class MLP(Model):
    """Dense layers over a sliding context; state ``context`` (B, n - 1, C[, H, W]), zero before the first step."""

    Options: ClassVar[type[Options]] = MLPOptions
    kinds: ClassVar[tuple[str, ...]] = ("series", "map")

    def __init__(self, shape: Shape, options: MLPOptions) -> None:
        super().__init__(shape, options)
        self.context = options.context or (24 if shape.grid is None else 2)
        cells = shape.grid[0] * shape.grid[1] if shape.grid else 1
        width, layers = shape.inputs * cells * self.context, list[nn.Module]()
        for _ in range(options.layers):
            layers += [nn.Linear(width, options.hidden), nn.Tanh(), nn.Dropout(options.dropout)]
            width = options.hidden
        self.body = nn.Sequential(*layers)
        self.head = Direct(shape, width, options.residual) if shape.grid is None else _Maps(shape, width, options)
        for layer in self.body:
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight, nn.init.calculate_gain("tanh"))
                nn.init.zeros_(layer.bias)

    def advance(self, x: Tensor, future: Tensor | None, state: State | None) -> tuple[Tensor, State]:
        """See the contract."""
        before = x.new_zeros(len(x), self.context - 1, *x.shape[2:]) if state is None else state["context"]
        seen = torch.cat([before, x], dim=1)
        lags = seen.unfold(1, self.context, 1)
        y = self.head(self.body(lags.flatten(2)), x, future)
        return y, {"context": seen[:, x.shape[1] :]}


class _Maps(nn.Module):
    """h (B, T, hidden) -> y (B, T, L, K, H, W): one dense map a lead, plus its start."""

    def __init__(self, shape: Shape, hidden: int, options: MLPOptions) -> None:
        super().__init__()
        self.sizes = (shape.leads, shape.outputs, *(shape.grid or ()))
        self.linear = nn.Linear(hidden, int(torch.tensor(self.sizes).prod()))
        self.start = Start(shape, options.residual)
        draw(self.linear, options.residual)

    def forward(self, h: Tensor, x: Tensor, future: Tensor | None) -> Tensor:
        return self.start(self.linear(h).unflatten(-1, self.sizes), x)
