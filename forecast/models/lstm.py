"""Long short-term memory.

    i_t = s(W_i x_t + U_i h_{t-1} + b_i)        input gate, s: logistic function
    f_t = s(W_f x_t + U_f h_{t-1} + b_f)        forget gate
    g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)     candidate
    o_t = s(W_o x_t + U_o h_{t-1} + b_o)        output gate
    c_t = f_t c_{t-1} + i_t g_t
    h_t = o_t tanh(c_t)

Hochreiter & Schmidhuber 1997, Neural Computation 9(8) (cell, input and output gate); Gers, Schmidhuber & Cummins
2000, Neural Computation 12(10) (forget gate).

``without`` takes parts away, one at a time or several, as Greff et al. 2017 do (LSTM: a search space odyssey, IEEE
Trans. Neural Networks and Learning Systems 28(10); their names in brackets): a gate left out is 1 ("input gate" NIG,
"forget gate" NFG, "output gate" NOG); without "input activation" g_t is the sum itself (NIAF), without "output
activation" h_t = o_t c_t (NOAF). ``coupled`` makes one gate of two, i_t = 1 - f_t (CIFG). Theirs has peepholes, from
the cell to the gates; this one has none (NP, which they found to do as well).
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from pydantic import model_validator
from torch import Tensor

from forecast.models.base import Options, State
from forecast.models.layer import Dense, GatedOptions, Gates, Layer
from forecast.models.recurrent import Recurrent

OPEN = 100.0  # s(100) is 1 to the last bit, and flat

Part = Literal["input gate", "forget gate", "output gate", "input activation", "output activation"]


class LSTMOptions(GatedOptions):
    """Options of the LSTM.

    Attributes:
        without: parts taken away.
        coupled: whether the input gate is one minus the forget gate.
    """

    without: tuple[Part, ...] = ()
    coupled: bool = False

    @model_validator(mode="after")
    def _sound(self) -> LSTMOptions:
        if self.coupled and {"input gate", "forget gate"} & set(self.without):
            raise ValueError("coupled gates are one gate: none of the two can be taken away as well")
        return self


class LSTMLayer(Dense):
    """One layer; state ``h`` and ``c``, each (H,)."""

    gates: ClassVar[tuple[str, ...]] = ("input gate", "forget gate", "candidate", "output gate")
    keeper: ClassVar[str | None] = "forget gate"
    closed: ClassVar[str | None] = "input gate"

    def __init__(self, inputs: int, options: Any) -> None:
        super().__init__(inputs, options)
        self.sizes = {"h": (self.hidden,), "c": (self.hidden,)}
        straight = {"input activation", "output activation"} & set(options.without)
        self.fused = not straight and options.normalise == "none"

    def step(self, drive: Tensor, state: State) -> tuple[Tensor, State, Gates]:
        """See the contract."""
        i, f, g, o = (drive + self.product(state["h"])).chunk(4, dim=1)
        without = self.options.without
        f = torch.ones_like(f) if "forget gate" in without else torch.sigmoid(f)
        i = 1 - f if self.options.coupled else torch.ones_like(i) if "input gate" in without else torch.sigmoid(i)
        o = torch.ones_like(o) if "output gate" in without else torch.sigmoid(o)
        g = g if "input activation" in without else torch.tanh(g)
        c = f * state["c"] + i * g
        h = o * (c if "output activation" in without else torch.tanh(c))
        gates = {"input gate": i, "forget gate": f, "output gate": o, "cell": c}
        return h, {"h": h, "c": c}, {name: gate for name, gate in gates.items() if name not in without}

    def sweep(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """See the contract; torch's fused sweep, unless an activation is taken away."""
        if not self.fused:
            return self.unroll(x, state)
        if x.device.type == "cpu" and torch.is_autocast_enabled("cpu"):  # oneDNN has no backward pass for it
            with torch.autocast("cpu", enabled=False):
                return self.sweep(x.float(), {name: part.float() for name, part in state.items()})
        before = (state["h"].unsqueeze(0).contiguous(), state["c"].unsqueeze(0).contiguous())
        seen, carried = self._left(self.seen.weight), self._left(self.carried.weight)
        bias = self._left(self.seen.bias, OPEN)
        weights = (seen, carried, bias, torch.zeros_like(bias))
        h, last, c = torch.lstm(x, before, weights, True, 1, 0.0, self.training, False, True)
        return h, {"h": last[0], "c": c[0]}

    def _left(self, rows: Tensor, gone: float = 0.0) -> Tensor:
        """Return a product's rows such that a gate taken away is s(``gone``), and a coupled one s(-a) = 1 - s(a)."""
        if not self.options.without and not self.options.coupled:
            return rows
        parts = dict(zip(self.gates, rows.chunk(4), strict=True))
        if self.options.coupled:
            parts["input gate"] = -parts["forget gate"]
        parts |= {gate: torch.full_like(parts[gate], gone) for gate in self.options.without}
        return torch.cat(list(parts.values()))


class LSTM(Recurrent):
    """LSTM layers; state ``h`` and ``c``, each (B, layers, hidden)."""

    Options: ClassVar[type[Options]] = LSTMOptions
    layer: ClassVar[type[Layer]] = LSTMLayer
