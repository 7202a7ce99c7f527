"""The recurrent network with a forget gate: the smallest gated one.

    f_t = s(W_f x_t + U_f h_{t-1} + b_f)         forget gate, s: logistic function
    u_t = tanh(W_u x_t + U_u h_{t-1} + b_u)      candidate
    h_t = f_t h_{t-1} + (1 - f_t) u_t

Zaki & Meira 2020, Data Mining and Machine Learning, 2nd edition, chapter on recurrent networks (RNN with a forget
gate). Alike: JANET, an LSTM with its forget gate alone (van der Westhuizen & Lasenby 2018).
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from forecast.models import kernels
from forecast.models.base import Options, State
from forecast.models.layer import Dense, GatedOptions, Gates, Layer
from forecast.models.recurrent import Recurrent


def blend(forget: Tensor, h: Tensor, candidate: Tensor) -> Tensor:
    """Return f h + (1 - f) u, unit by unit, for a ``forget`` gate f, the last ``h`` and the ``candidate`` u."""
    return torch.lerp(candidate, h, forget)


class ForgetRNNLayer(Dense):
    """One layer; state ``h`` (H,)."""

    gates: ClassVar[tuple[str, ...]] = ("forget gate", "candidate")
    keeper: ClassVar[str | None] = "forget gate"

    def step(self, drive: Tensor, state: State) -> tuple[Tensor, State, Gates]:
        """See the contract."""
        f, u = (drive + self.product(state["h"])).chunk(2, dim=1)
        f = torch.sigmoid(f)
        h = blend(f, state["h"], torch.tanh(u))
        return h, {"h": h}, {"forget gate": f}

    def sweep(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """See the contract; in one sweep, unless the recurrent product is normalised."""
        if self.carried_norm is not None:
            return self.unroll(x, state)
        h, last = kernels.forget_rnn(self.drive(x), state["h"], self.carried.weight)
        return h, {"h": last}


class ForgetRNN(Recurrent):
    """RNN layers with a forget gate; state ``h`` (B, layers, hidden)."""

    Options: ClassVar[type[Options]] = GatedOptions
    layer: ClassVar[type[Layer]] = ForgetRNNLayer
