"""The multilayer perceptron on the last n steps: the memoryless network that recurrence has to beat.

    y_t = W_2 phi(W_1 [x_{t-n+1}; ...; x_t] + b_1) + b_2        phi: tanh, or another activation

Rumelhart, Hinton & Williams 1986, Nature 323. It keeps its context, the last n - 1 inputs, as its state, so it trains
and serves through the same engine as the recurrent ones. On maps the inputs are whole flattened maps.
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from forecast.models.activations import Activation, activation
from forecast.models.base import Model, Options, Shape, State
from forecast.models.heads import Direct, Residual, Start, begin
from forecast.models.initialisation import Draw, draw
from forecast.models.normalisation import StepNorm
from forecast.models.reading import Reading


class MLPOptions(Options):
    """Options of the MLP.

    Attributes:
        hidden: units a hidden layer.
        layers: hidden layers.
        context: n, steps that it sees; by default 24 for series and 2 for maps.
        dropout: share of hidden units dropped while training.
        residual: what the output is added to (see heads.Start).
        activation: phi.
        weights: how the weights are drawn, times 5/3 for tanh.
        normalise: none; or layer (Ba, Kiros & Hinton 2016) or batch (Ioffe & Szegedy 2015), before phi.
        embedding: width of a symbol's learned vector; None: one-hot.
    """

    hidden: int = Field(64, ge=1, le=4096)
    layers: int = Field(1, ge=1, le=8)
    context: int | None = Field(None, ge=1, le=10_000)
    dropout: float = Field(0.2, ge=0, lt=1)
    residual: Residual = "damped"
    activation: Activation = "tanh"
    weights: Draw = "glorot_uniform"
    normalise: Literal["none", "layer", "batch"] = "none"
    embedding: int | None = Field(None, ge=1, le=4096)


class MLP(Model):
    """Dense layers over a sliding context; state ``context`` (B, n - 1, C[, H, W]), zero before the first step."""

    Options: ClassVar[type[Options]] = MLPOptions
    kinds: ClassVar[tuple[str, ...]] = ("series", "map")

    def __init__(self, shape: Shape, options: MLPOptions) -> None:
        super().__init__(shape, options)
        self.context = options.context or (24 if shape.grid is None else 2)
        self.reading = Reading(shape, options.embedding)
        self.seen = (self.reading.width, *(shape.grid or ()))
        width, layers = math.prod(self.seen) * self.context, list[nn.Module]()
        for _ in range(options.layers):
            layers += _layer(width, options)
            width = options.hidden
        self.body = nn.Sequential(*layers)
        self.head = Direct(shape, width, options.residual) if shape.grid is None else _Maps(shape, width, options)

    def initial(self, streams: int, context: Tensor | None = None) -> State:
        """See the contract."""
        return {"context": self.blank(streams, self.context - 1, *self.seen)}

    def advance(self, x: Tensor, future: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See the contract."""
        seen = torch.cat([state["context"], self.reading(x)], dim=1)
        lags = seen.unfold(1, self.context, 1)
        y = self.head(self.body(lags.flatten(2)), x, future)
        return y, {"context": seen[:, x.shape[1] :]}


def _layer(width: int, options: MLPOptions) -> list[nn.Module]:
    linear = nn.Linear(width, options.hidden)
    draw(linear.weight, options.weights, gain=5 / 3 if options.activation == "tanh" else 1.0)
    nn.init.zeros_(linear.bias)
    norm = {"none": nn.Identity, "layer": nn.LayerNorm, "batch": StepNorm}[options.normalise]
    return [linear, norm(options.hidden), activation(options.activation), nn.Dropout(options.dropout)]


class _Maps(nn.Module):
    """h (B, T, hidden) -> y (B, T, L, K, H, W): one dense map a lead, plus its start."""

    def __init__(self, shape: Shape, hidden: int, options: MLPOptions) -> None:
        super().__init__()
        self.sizes = (shape.leads, shape.outputs, *(shape.grid or ()))
        self.linear = nn.Linear(hidden, math.prod(self.sizes))
        self.start = Start(shape, options.residual)
        begin(self.linear, options.residual)

    def forward(self, h: Tensor, x: Tensor, future: Tensor | None) -> Tensor:
        return self.start(self.linear(h).unflatten(-1, self.sizes), x)
