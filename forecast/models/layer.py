"""One recurrent layer: ``layer(x, state) -> (h, state)``, its equations written once, as one step.

A member writes ``step``; ``unroll`` repeats it. Where torch or kernels/ has the whole sweep over time in one piece,
``sweep`` takes that, and tests hold both equal. ``trace`` always goes step by step and keeps the gates.

Suffixes: B streams, T steps, C inputs, H hidden units, G gates (blocks of H rows in the products).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from forecast.models.base import Options, State
from forecast.models.heads import Residual
from forecast.models.initialisation import Draw, draw, open_memory
from forecast.models.normalisation import StepNorm

Gates = dict[str, Tensor]


class RecurrentOptions(Options):
    """Options of every recurrent series model.

    Attributes:
        hidden: units a layer.
        layers: layers, each reading the one below.
        dropout: share of units dropped between layers and before the head while training.
        residual: what the output is added to (see heads.Start).
        initial: where the state begins: zero; learned; or context, a linear map of each stream's context vector.
        embedding: width of a symbol's learned vector; None: one-hot.
    """

    hidden: int = Field(64, ge=1, le=4096)
    layers: int = Field(1, ge=1, le=8)
    dropout: float = Field(0.2, ge=0, lt=1)
    residual: Residual = "damped"
    initial: Literal["zero", "learned", "context"] = "zero"
    embedding: int | None = Field(None, ge=1, le=4096)


class DenseOptions(RecurrentOptions):
    """Options of layers whose products are dense.

    Attributes:
        input_weights: how the input product's weights are drawn.
        recurrent_weights: how the recurrent product's are, gate by gate.
        normalise: none; layer: both products, W x and U h, each over all gates (Ba, Kiros & Hinton 2016, supplement,
            without the LSTM's third one, of the cell); batch: W x alone, over streams and steps (Laurent et al. 2016),
            by its running statistics when forecasting (normalisation.py says what enters them). Biases are added
            afterwards, so that an open gate stays open.
    """

    input_weights: Draw = "glorot_uniform"
    recurrent_weights: Draw = "orthogonal"
    normalise: Literal["none", "layer", "batch"] = "none"


class GatedOptions(DenseOptions):
    """Options of layers with a gate that keeps the memory.

    Attributes:
        forget_bias: its bias at first, or "chrono" (see initialisation.open_memory).
        span: longest memory that "chrono" provides for, steps.
    """

    forget_bias: float | Literal["chrono"] = 1.0
    span: int = Field(100, ge=2)


class Layer(nn.Module, ABC):
    """The contract of a recurrent layer.

    Args:
        inputs: C.
        options: the model's options.

    Attributes:
        sizes: name -> shape of each part of the state of one stream; ``h``, if there is one, is the output.
    """

    sizes: dict[str, tuple[int, ...]]

    def __init__(self, inputs: int, options: Any) -> None:
        super().__init__()
        self.hidden, self.options = options.hidden, options

    @abstractmethod
    def drive(self, x: Tensor) -> Tensor:
        """Return what of the step depends on x (B, T, C) alone, for all steps at once: (B, T, rows)."""

    @abstractmethod
    def step(self, drive: Tensor, state: State) -> tuple[Tensor, State, Gates]:
        """Advance one step: drive (B, rows) and the state give h (B, H), the next state, and the gates by name."""

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Advance over x (B, T, C) from a state; return h (B, T, H) and the next state."""
        return self.unroll(x, state) if x.shape[1] == 1 else self.sweep(x, state)  # one step has nothing to fuse

    def sweep(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """The same over many steps x (B, T, C) from a state, in one piece where there is one for it."""
        return self.unroll(x, state)

    def unroll(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """The same, step by step: x (B, T, C) from a state."""
        outputs = []
        for drive in self.drive(x).unbind(1):
            h, state, _ = self.step(drive, state)
            outputs.append(h)
        return torch.stack(outputs, dim=1), state

    def trace(self, x: Tensor, state: State) -> tuple[Tensor, State, dict[str, Tensor]]:
        """The same, with the gates and the hidden units, name -> (B, T, H), for x (B, T, C) from a state."""
        kept: dict[str, list[Tensor]] = {}
        for drive in self.drive(x).unbind(1):
            h, state, gates = self.step(drive, state)
            for name, value in {**gates, "hidden": h}.items():
                kept.setdefault(name, []).append(value)
        traced = {name: torch.stack(values, dim=1) for name, values in kept.items()}
        return traced["hidden"], state, traced

    def recurrent_weights(self) -> dict[str, Tensor]:
        """Return the matrices (H, H) from hidden units to hidden units, by what they feed."""
        return {}


class Dense(Layer):
    """A layer of dense products: ``seen``, W x + b, hoisted over time, and ``carried``, U h (+ b where ``biased``).

    Attributes:
        gates: what the blocks of rows feed, in order.
        keeper: the gate that keeps the memory; None: there is none.
        closed: the gate that chrono initialisation closes as far as it opens the keeper.
    """

    gates: ClassVar[tuple[str, ...]] = ("candidate",)
    keeper: ClassVar[str | None] = None
    closed: ClassVar[str | None] = None
    biased: ClassVar[bool] = False

    def __init__(self, inputs: int, options: Any) -> None:
        super().__init__(inputs, options)
        self.sizes = {"h": (self.hidden,)}
        rows, count = len(self.gates) * self.hidden, len(self.gates)
        self.seen = nn.Linear(inputs, rows)
        self.carried = nn.Linear(self.hidden, rows, bias=self.biased)
        self.seen_norm, self.carried_norm = _norms(options.normalise, rows)
        draw(self.seen.weight, options.input_weights, count)
        draw(self.carried.weight, options.recurrent_weights, count)
        nn.init.zeros_(self.seen.bias)
        if self.biased:
            nn.init.zeros_(self.carried.bias)
        if self.keeper is not None:
            open_memory(self._bias(self.keeper), options.forget_bias, options.span)
            if self.closed is not None and options.forget_bias == "chrono":
                self._bias(self.closed).copy_(-self._bias(self.keeper))

    def drive(self, x: Tensor) -> Tensor:
        """W x, normalised as the options say, + b, of x (B, T, C)."""
        if self.seen_norm is None:
            return self.seen(x)
        product = functional.linear(x, self.seen.weight)
        return self.seen_norm(product) + self.seen.bias

    def product(self, h: Tensor) -> Tensor:
        """U h, normalised as the options say, (+ b where biased), of h (B, H)."""
        if self.carried_norm is None:
            return self.carried(h)
        product = self.carried_norm(functional.linear(h, self.carried.weight))
        return product + self.carried.bias if self.biased else product

    def recurrent_weights(self) -> dict[str, Tensor]:
        """See the contract."""
        return dict(zip(self.gates, self.carried.weight.chunk(len(self.gates)), strict=True))

    def _bias(self, gate: str) -> Tensor:
        return self.seen.bias.data.chunk(len(self.gates))[self.gates.index(gate)]


def _norms(kind: str, rows: int) -> tuple[nn.Module | None, nn.Module | None]:
    """Return what normalises W x and what U h; each has a gain, and the layer's own bias follows."""
    if kind == "layer":
        return nn.LayerNorm(rows, bias=False), nn.LayerNorm(rows, bias=False)
    if kind == "none":
        return None, None
    norm = StepNorm(rows)
    norm.register_parameter("bias", None)
    return norm, None
