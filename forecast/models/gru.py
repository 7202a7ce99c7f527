"""The gated recurrent unit.

    r_t = s(W_r x_t + U_r h_{t-1} + b_r)                        reset gate, s: logistic function
    z_t = s(W_z x_t + U_z h_{t-1} + b_z)                        update gate
    n_t = tanh(W_n x_t + b_n + U_n (r_t h_{t-1}) + b_u)         candidate, reset = "before"
    n_t = tanh(W_n x_t + b_n + r_t (U_n h_{t-1} + b_u))         candidate, reset = "after"
    h_t = z_t h_{t-1} + (1 - z_t) n_t                           update = "keep"
    h_t = (1 - z_t) h_{t-1} + z_t n_t                           update = "write"

Cho et al. 2014, Learning phrase representations using RNN encoder-decoder, EMNLP, eqs 5-8: the reset gate acts before
the recurrent product, and a high update gate keeps. Chung et al. 2014, section 3.2: a high update gate writes. cuDNN
and torch reset after the product, which needs one product a step instead of two: the default here.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from pydantic import model_validator
from torch import Tensor
from torch.nn import functional

from forecast.models import kernels
from forecast.models.base import Options, State
from forecast.models.forget_rnn import blend
from forecast.models.layer import Dense, GatedOptions, Gates, Layer
from forecast.models.recurrent import Recurrent


class GRUOptions(GatedOptions):
    """Options of the GRU.

    Attributes:
        reset: whether the reset gate acts before the recurrent product, or after it.
        update: whether a high update gate keeps the state, or writes the candidate.
        forget_bias: bias with which the update gate begins to keep; 0 leaves it half open.
    """

    reset: Literal["before", "after"] = "after"
    update: Literal["keep", "write"] = "keep"
    forget_bias: float | Literal["chrono"] = 0.0

    @model_validator(mode="after")
    def _sound(self) -> GRUOptions:
        if self.reset == "before" and self.normalise == "layer":
            raise ValueError('layer normalisation takes one recurrent product, so reset = "after"')
        return self


class GRULayer(Dense):
    """One layer; state ``h`` (H,)."""

    gates: ClassVar[tuple[str, ...]] = ("reset gate", "update gate", "candidate")
    keeper: ClassVar[str | None] = "update gate"
    biased: ClassVar[bool] = True

    def __init__(self, inputs: int, options: Any) -> None:
        super().__init__(inputs, options)
        self.after, self.keep = options.reset == "after", options.update == "keep"
        if not self.keep:
            self._bias("update gate").neg_()

    def step(self, drive: Tensor, state: State) -> tuple[Tensor, State, Gates]:
        """See the contract."""
        h, gates = state["h"], 2 * self.hidden
        if self.after:
            carried = self.product(h)
            r, z = torch.sigmoid(drive[:, :gates] + carried[:, :gates]).chunk(2, dim=1)
            n = torch.tanh(drive[:, gates:] + r * carried[:, gates:])
        else:
            weight, bias = self.carried.weight, self.carried.bias
            both = functional.linear(h, weight[:gates], bias[:gates])
            r, z = torch.sigmoid(drive[:, :gates] + both).chunk(2, dim=1)
            n = torch.tanh(drive[:, gates:] + functional.linear(r * h, weight[gates:], bias[gates:]))
        kept = z if self.keep else 1 - z
        h = blend(kept, h, n)
        return h, {"h": h}, {"reset gate": r, "update gate": z, "kept": kept}

    def sweep(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """See the contract; in one sweep, unless the recurrent product is normalised."""
        if self.carried_norm is not None:
            return self.unroll(x, state)
        drive = self.drive(x)
        weight: Tensor = self.carried.weight
        bias: Tensor = self.carried.bias
        if not self.keep:  # s(-a) = 1 - s(a)
            sign = torch.ones_like(bias)
            sign[self.hidden : 2 * self.hidden] = -1
            drive, weight, bias = sign * drive, sign[:, None] * weight, sign * bias
        h, last = kernels.gru(drive, state["h"], weight, bias, self.after)
        return h, {"h": last}


class GRU(Recurrent):
    """GRU layers; state ``h`` (B, layers, hidden)."""

    Options: ClassVar[type[Options]] = GRUOptions
    layer: ClassVar[type[Layer]] = GRULayer
