"""A convolutional network without memory on the last n maps: what a ConvLSTM is worth must show against it.

    A_1 = phi(W_1 * [X_{t-n+1}; ...; X_t] + b_1),  A_k = phi(W_k * A_{k-1} + b_k)        phi: ReLU, or another
    Y_t = W [A_1; A_2; ...] + b + start                                                *: convolution

Fukushima 1980, Biological Cybernetics 36; LeCun et al. 1998, Proceedings of the IEEE 86; dilation: Yu & Koltun 2016,
ICLR. Kernels, dilation, edges, poles, masks, head and dropout are those of the ConvLSTM. Like the MLP it keeps its
context, the last n - 1 inputs, as its state, so that it trains and serves through the same engine.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from forecast.models.activations import Activation, activation
from forecast.models.base import Model, Options, Shape, State
from forecast.models.convolution import Convolution, Width, demand_room
from forecast.models.heads import Residual, Start
from forecast.models.initialisation import draw


class CNNOptions(Options):
    """Options of the network.

    Attributes:
        hidden: channels of each layer, from the input up.
        context: n, maps that it sees.
        kernel: width of the convolutions, cells; odd.
        dilation: distance of a kernel's cells in each layer, the last one repeated.
        head_kernel: width of the head's convolution, cells; odd.
        dropout: share of channels dropped after each layer while training.
        activation: phi.
        residual: what the output is added to (see heads.Start).
    """

    hidden: tuple[Annotated[int, Field(ge=1, le=1024)], ...] = Field((64, 64, 64), min_length=1, max_length=16)
    context: int = Field(2, ge=1, le=100)
    kernel: Width = 5
    dilation: tuple[Annotated[int, Field(ge=1, le=8)], ...] = Field((1, 2), min_length=1)
    head_kernel: Width = 3
    dropout: float = Field(0.2, ge=0, lt=1)
    activation: Activation = "relu"
    residual: Residual = "damped"


class CNN(Model):
    """Convolutions over a sliding context; state ``context`` (B, n - 1, C, H, W), zero before the first step."""

    Options: ClassVar[type[Options]] = CNNOptions
    kinds: ClassVar[tuple[str, ...]] = ("map",)

    def __init__(self, shape: Shape, options: CNNOptions) -> None:
        super().__init__(shape, options)
        demand_room(shape, options.kernel, max(options.dilation))
        self.context = options.context
        sizes = pairwise((options.context * shape.inputs, *options.hidden))
        spread = (*options.dilation, *options.dilation[-1:] * len(options.hidden))
        layers = [
            Convolution(below, width, options.kernel, shape, dilation=apart)
            for (below, width), apart in zip(sizes, spread, strict=False)
        ]
        for layer in layers:
            draw(layer.weight, "he_normal")
        self.layers = nn.ModuleList(layers)
        self.activations = nn.ModuleList(activation(options.activation) for _ in options.hidden)
        self.dropout = nn.Dropout2d(options.dropout)
        self.head = Convolution(sum(options.hidden), shape.leads * shape.outputs, options.head_kernel, shape)
        self.start = Start(shape, options.residual)

    def initial(self, streams: int, context: Tensor | None = None) -> State:
        """See the contract."""
        return {"context": self.blank(streams, self.context - 1, self.shape.inputs, *(self.shape.grid or ()))}

    def advance(self, x: Tensor, future: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See the contract; the calendar of the steps ahead follows from that of the step and the lead."""
        seen = torch.cat([state["context"], x], dim=1)
        lags = seen.unfold(1, self.context, 1).movedim(-1, 2).flatten(2, 3)
        maps, read = lags.flatten(0, 1).contiguous(memory_format=torch.channels_last), list[Tensor]()
        for layer, bend in zip(self.layers, self.activations, strict=True):
            assert isinstance(layer, Convolution)
            maps = self.dropout(self.counted(bend(layer(maps, layer.share(self.cells)))))
            read.append(maps)
        y = self.head(torch.cat(read, dim=1), self.head.share(self.cells)).unflatten(0, x.shape[:2])
        y = y.unflatten(2, (self.shape.leads, self.shape.outputs))
        return self.start(y, x), {"context": seen[:, x.shape[1] :]}
