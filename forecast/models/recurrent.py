"""What the recurrent series models share: torch's fused layers, their initial weights, state batch-first, the head."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from forecast.models.base import Model, Options, Shape, State
from forecast.models.heads import Direct, Residual


class RecurrentOptions(Options):
    """Options of the recurrent series models.

    Attributes:
        hidden: units a layer.
        layers: layers, each reading the one below.
        dropout: share of units dropped between layers and before the head while training.
        residual: what the output is added to (see heads.Start).
    """

    hidden: int = Field(64, ge=1, le=4096)
    layers: int = Field(1, ge=1, le=8)
    dropout: float = Field(0.2, ge=0, lt=1)
    residual: Residual = "damped"


def initialise(cell: nn.RNNBase, gates: int, forget: int | None = None) -> None:
    """Draw weights: Glorot for inputs, orthogonal for recurrence (gate by gate), biases 0, forget gate's bias 1.

    Glorot & Bengio 2010; Saxe et al. 2014 (orthogonal); Gers et al. 2000, Jozefowicz et al. 2015 (forget bias 1:
    the cell remembers before it has learned what to forget).

    Args:
        cell: a layer stack of torch.
        gates: how many gates its weights stack.
        forget: which of them is the forget gate, if any.
    """
    for name, parameter in cell.named_parameters():
        if name.startswith("bias"):
            nn.init.zeros_(parameter)
            if forget is not None and name.startswith("bias_ih"):
                nn.init.ones_(parameter.data.chunk(gates)[forget])
            continue
        draw = nn.init.orthogonal_ if name.startswith("weight_hh") else nn.init.xavier_uniform_
        for gate in parameter.data.chunk(gates):
            draw(gate)


class Recurrent(Model):
    """A stack of recurrent layers and a direct head; a member says which layers (``layer``, ``gates``, ``forget``).

    State: ``h`` (B, layers, hidden), and ``c`` alike where the layer has a cell.
    """

    Options: ClassVar[type[Options]] = RecurrentOptions
    layer: ClassVar[type[nn.RNNBase]]
    gates: ClassVar[int]
    forget: ClassVar[int | None] = None
    memory: ClassVar[tuple[str, ...]] = ("h",)

    def __init__(self, shape: Shape, options: RecurrentOptions) -> None:
        super().__init__(shape, options)
        self.cell = stack(type(self), shape.inputs, options)
        self.dropout = nn.Dropout(options.dropout)
        self.head = Direct(shape, options.hidden, options.residual)

    def advance(self, x: Tensor, future: Tensor | None, state: State | None) -> tuple[Tensor, State]:
        """See the contract."""
        h, state = carry(self.cell, self.memory, x, state)
        return self.head(self.dropout(h), x, future), state


def stack(member: type[Recurrent], inputs: int, options: RecurrentOptions) -> nn.RNNBase:
    """Build a member's layers over so many inputs, batch first, with the initial weights, as options say."""
    between = options.dropout if options.layers > 1 else 0.0
    layer: Any = member.layer
    cell: nn.RNNBase = layer(inputs, options.hidden, options.layers, batch_first=True, dropout=between)
    initialise(cell, member.gates, member.forget)
    return cell


def carry(cell: nn.RNNBase, memory: tuple[str, ...], x: Tensor, state: State | None) -> tuple[Tensor, State]:
    """Run layers from a batch-first state.

    Args:
        cell: the layers.
        memory: names of their states, in torch's order.
        x: inputs (B, T, C).
        state: as returned by the call before; None is the initial state.

    Returns:
        h (B, T, hidden) and the next state.
    """
    before = None
    if state is not None:
        parts = [state[name].transpose(0, 1).contiguous() for name in memory]
        before = parts[0] if len(parts) == 1 else tuple(parts)
    h, after = cell(x, before)
    tensors = (after,) if isinstance(after, torch.Tensor) else after
    return h, {name: tensor.transpose(0, 1) for name, tensor in zip(memory, tensors, strict=True)}
