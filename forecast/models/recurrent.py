"""Recurrent series models: layers on layers, where their state begins, and a head that reads the top one."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from forecast.errors import ForecastError
from forecast.models.base import Model, Options, Shape, State
from forecast.models.heads import Direct, begin
from forecast.models.layer import Layer, RecurrentOptions
from forecast.models.reading import Reading


class Stack(nn.Module):
    """Layers of one kind, each reading the one below, with dropout between; state: name -> (B, layers, ...).

    Args:
        layer: the kind.
        inputs: channels that the lowest reads.
        options: hidden, layers, dropout, initial, and the layer's own.
        context: features of a stream's context vector, where the state begins from one.
    """

    def __init__(self, layer: type[Layer], inputs: int, options: RecurrentOptions, context: int = 0) -> None:
        super().__init__()
        widths = [inputs, *[options.hidden] * (options.layers - 1)]
        layers = [layer(width, options) for width in widths]
        self.layers, self.dropout = nn.ModuleList(layers), nn.Dropout(options.dropout)
        self.kind, self.context = options.initial, context
        self.sizes = {name: (options.layers, *size) for name, size in layers[0].sizes.items()}
        if self.kind == "context" and not context:
            expected = 'a context vector a stream for initial = "context"'
            raise ForecastError(expected, "data without one", 'choose initial = "zero" or "learned"')
        if self.kind == "learned":
            self.learned = nn.ParameterDict({name: torch.zeros(size) for name, size in self.sizes.items()})
        elif self.kind == "context":
            self.begin = nn.ModuleDict({name: _Begin(context, size) for name, size in self.sizes.items()})

    def initial(self, streams: int, context: Tensor | None = None) -> State:
        """Return the state before the first step, of B streams (``streams``), from ``context`` (B, D) if so built."""
        if self.kind == "context":
            if context is None or tuple(context.shape) != (streams, self.context):
                got = "None" if context is None else f"{tuple(context.shape)}"
                remedy = "call model.initial(streams, context) and pass the state"
                raise ForecastError(f"a context ({streams}, {self.context})", got, remedy)
            return {name: part(context) for name, part in self.begin.items()}
        if self.kind == "learned":
            return {name: value.expand(streams, *value.shape) for name, value in self.learned.items()}
        weight = next(self.parameters())
        return {name: weight.new_zeros(streams, *size) for name, size in self.sizes.items()}

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Advance all layers over x (B, T, C) from a state; return h (B, T, H) of the top one and the next state."""
        after: list[State] = []
        for number, layer in enumerate(self.layers):
            x = self.dropout(x) if number else x
            x, last = layer(x, {name: value[:, number] for name, value in state.items()})
            after.append(last)
        return x, _stacked(after)

    def trace(self, x: Tensor, state: State) -> tuple[Tensor, State, dict[str, Tensor]]:
        """The same for x (B, T, C) from a state, step by step; also what each layer shows, ``layerN.NAME``."""
        after, traced = list[State](), dict[str, Tensor]()
        for number, layer in enumerate(self.layers):
            x, last, shown = layer.trace(x, {name: value[:, number] for name, value in state.items()})  # type: ignore[operator]
            after.append(last)
            traced |= {f"layer{number}.{name}": value for name, value in shown.items()}
        return x, _stacked(after), traced

    def recurrent_weights(self) -> dict[str, Tensor]:
        """Return every layer's matrices from hidden to hidden units, ``layerN.NAME``."""
        return {
            f"layer{number}.{name}": weight
            for number, layer in enumerate(self.layers)
            for name, weight in layer.recurrent_weights().items()  # type: ignore[operator]
        }


def _stacked(states: list[State]) -> State:
    if len(states) == 1:
        return {name: value.unsqueeze(1) for name, value in states[0].items()}
    return {name: torch.stack([state[name] for state in states], dim=1) for name in states[0]}


class _Begin(nn.Module):
    """A part of the initial state as a linear map of the context; h and c each have theirs, as in Xu et al. 2015.

    Show, attend and tell, ICML: one-to-many, an image's features being the context.
    """

    def __init__(self, context: int, size: tuple[int, ...]) -> None:
        super().__init__()
        self.size, self.linear = size, nn.Linear(context, math.prod(size))
        begin(self.linear, "none")

    def forward(self, context: Tensor) -> Tensor:
        return self.linear(context).unflatten(-1, self.size)


class Recurrent(Model):
    """A stack of recurrent layers and a direct head; a member says of which layers.

    Attributes:
        layer: the kind of layer.
    """

    Options: ClassVar[type[Options]] = RecurrentOptions
    layer: ClassVar[type[Layer]]

    def __init__(self, shape: Shape, options: RecurrentOptions) -> None:
        super().__init__(shape, options)
        self.reading = Reading(shape, options.embedding)
        self.stack = Stack(self.layer, self.reading.width, options, shape.context)
        self.dropout = nn.Dropout(options.dropout)
        self.head = Direct(shape, options.hidden, options.residual)

    def initial(self, streams: int, context: Tensor | None = None) -> State:
        """See the contract."""
        return self.stack.initial(streams, context)

    def advance(self, x: Tensor, future: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See the contract."""
        h, state = self.stack(self.reading(x), state)
        return self.head(self.dropout(h), x, future), state

    @torch.no_grad()
    def trace(self, x: Tensor, future: Tensor | None = None, state: State | None = None) -> dict[str, Tensor]:
        """See the contract."""
        return self.stack.trace(self.reading(x), self.initial(len(x)) if state is None else state)[2]

    def recurrent_weights(self) -> dict[str, Tensor]:
        """See the contract."""
        return self.stack.recurrent_weights()
