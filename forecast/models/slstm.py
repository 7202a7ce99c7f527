"""The sLSTM: long short-term memory with exponential gates, a normaliser, and memory mixed within heads.

Beck et al. 2024, xLSTM: extended long short-term memory, NeurIPS, arXiv 2405.04517, eqs 8-17 (their numbers on the
right), s: the logistic function, r_t standing for R h_{t-1}, which is block-diagonal: a block a head.

    c_t = f_t c_{t-1} + i_t z_t                       cell                      (8)
    n_t = f_t n_{t-1} + i_t                           normaliser                (9)
    h_t = o_t c_t / n_t                                                        (10)
    z_t = tanh(W_z x_t + r_z,t + b_z)                 candidate                (11)
    i_t = exp(a_t),   a_t = W_i x_t + r_i,t + b_i     input gate               (12)
    f_t = s(u_t) or exp(u_t),  u_t = W_f x_t + ...    forget gate              (13)
    o_t = s(W_o x_t + r_o,t + b_o)                    output gate              (14)

and, so that no exponential overflows, with a stabiliser m that cancels in h: c, n and the gates are kept as multiples
of exp(m),

    m_t = max(log f_t + m_{t-1}, a_t)                                          (15)
    i'_t = exp(a_t - m_t)                                                      (16)
    f'_t = exp(log f_t + m_{t-1} - m_t)                                        (17)

What h reads is an average: y = c / n moves from y_{t-1} to z_t by the share i'_t / n_t, and keeps the share
f'_t n_{t-1} / n_t. An input can thus outweigh all that is stored, which an LSTM's cannot. It follows that a bias common
to all input exponents changes nothing, and that one is not needed: it begins at 0.

In the state of zeros nothing is held: m_1 is then at most a_1, and the first candidate is taken whole. In a state that
is learned, or follows from a context, n is cut off at 0: an average has no negative weights.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from forecast.models import kernels
from forecast.models.base import Options, State
from forecast.models.initialisation import Draw, draw, open_memory
from forecast.models.layer import Gates, Layer, RecurrentOptions
from forecast.models.recurrent import Recurrent


class HeadedOptions(RecurrentOptions):
    """Options of layers whose units work in heads.

    Attributes:
        heads: groups of units, all of one size.
    """

    heads: int = Field(1, ge=1)

    @model_validator(mode="after")
    def _divided(self) -> HeadedOptions:
        if self.hidden % self.heads:
            raise ValueError(f"{self.hidden} hidden units make no {self.heads} equal heads: change one of the two")
        return self


class SLSTMOptions(HeadedOptions):
    """Options of the sLSTM.

    Attributes:
        forget: the form of the forget gate; the authors' code has the sigmoid alone.
        forget_bias: its bias at first, or "chrono" (see initialisation.open_memory), or how the authors' code spreads
            it over the units of a head: "power law" (5 down to -7, as their first block has it), "linear" (3 to 6).
            Those are for language; "linear" averages over 20 to 400 steps, and a sine of 25 points a period is then
            continued worse than with 1 (RMSE over 10 periods, median of 5 seeds: 0.13, not 0.002). An exponential
            gate begins at the values that a sigmoid gate would have.
        span: longest memory that "chrono" provides for, steps.
        input_weights: how the input product's weights are drawn.
        recurrent_weights: how the recurrent product's are, gate by gate within each head.
    """

    forget: Literal["sigmoid", "exponential"] = "sigmoid"
    forget_bias: float | Literal["chrono", "power law", "linear"] = 1.0
    span: int = Field(100, ge=2)
    input_weights: Draw = "glorot_uniform"
    recurrent_weights: Draw = "orthogonal"


class SLSTMLayer(Layer):
    """One layer; state ``h``, ``c``, ``n`` and ``m``, each (H,)."""

    gates: ClassVar[tuple[str, ...]] = ("candidate", "input exponent", "forget gate", "output gate")

    def __init__(self, inputs: int, options: Any) -> None:
        super().__init__(inputs, options)
        self.sizes = dict.fromkeys("hcnm", (self.hidden,))
        self.heads, self.units = options.heads, self.hidden // options.heads
        self.exponential = options.forget == "exponential"
        self.seen = nn.Linear(inputs, 4 * self.hidden)
        self.weight_carried = nn.Parameter(torch.empty(self.heads, 4 * self.units, self.units))
        draw(self.seen.weight, options.input_weights, 4)
        for weight in self.weight_carried.data:
            draw(weight, options.recurrent_weights, 4)
        nn.init.zeros_(self.seen.bias)
        self._open(self.seen.bias.data[2 * self.hidden : 3 * self.hidden])

    def _open(self, bias: Tensor) -> None:
        kind, place = self.options.forget_bias, torch.linspace(0, 1, self.units).repeat(self.heads)
        if kind == "power law":
            bias.copy_(5 - 12 * place**0.3)
        elif kind == "linear":
            bias.copy_(3 + 3 * place)
        else:
            open_memory(bias, kind, self.options.span)
        if self.exponential:
            bias.copy_(functional.logsigmoid(bias))

    def drive(self, x: Tensor) -> Tensor:
        """W x + b of x (B, T, C)."""
        return self.seen(x)

    def step(self, drive: Tensor, state: State) -> tuple[Tensor, State, Gates]:
        """See the contract; "average" is c / n, and "forget gate" the share of it that is kept."""
        wide = torch.promote_types(drive.dtype, torch.float32)
        h, c, n, m = (state[name].to(wide) for name in "hcnm")
        parts = h.unflatten(1, (self.heads, 1, self.units)) @ self.weight_carried.to(wide).transpose(1, 2)
        carried = parts.unflatten(3, (4, self.units)).transpose(1, 3).flatten(1)
        z, a, u, o = (drive.to(wide) + carried).chunk(4, dim=1)
        z, o, log = torch.tanh(z), torch.sigmoid(o), u if self.exponential else functional.logsigmoid(u)
        old = torch.where((c == 0) & (n == 0), torch.minimum(log + m, a), log + m)
        m = torch.maximum(old, a).detach()  # it cancels, and so does its gradient
        kept, new = torch.exp(old - m), torch.exp(a - m)
        before, c, n = n, kept * c + new * z, kept * n + new
        h = o * c / n
        after = {name: part.to(state[name].dtype) for name, part in zip("hcnm", (h, c, n, m), strict=True)}
        gates = {"input exponent": a, "forget gate": kept * before / n, "output gate": o, "average": c / n}
        return h.to(drive.dtype), after, gates

    def sweep(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """See the contract; in one sweep."""
        h, c, n, m = (state[name] for name in "hcnm")
        outputs, last = kernels.slstm(self.drive(x), (h, c, n, m), self.weight_carried, self.exponential)
        return outputs, dict(zip("hcnm", last, strict=True))

    def recurrent_weights(self) -> dict[str, Tensor]:
        """See the contract."""
        blocks = self.weight_carried.unflatten(1, (4, self.units)).unbind(1)
        return {name: torch.block_diag(*block) for name, block in zip(self.gates, blocks, strict=True)}


class SLSTM(Recurrent):
    """sLSTM layers; state ``h``, ``c``, ``n`` and ``m``, each (B, layers, hidden)."""

    Options: ClassVar[type[Options]] = SLSTMOptions
    layer: ClassVar[type[Layer]] = SLSTMLayer

    def initial(self, streams: int, context: Tensor | None = None) -> State:
        """See the contract."""
        state = super().initial(streams, context)
        return state if self.options.initial == "zero" else {**state, "n": state["n"].clamp(min=0)}
