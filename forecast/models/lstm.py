"""Long short-term memory.

    i_t = s(W_i x_t + U_i h_{t-1} + b_i)        input gate
    f_t = s(W_f x_t + U_f h_{t-1} + b_f)        forget gate
    g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)     candidate
    o_t = s(W_o x_t + U_o h_{t-1} + b_o)        output gate
    c_t = f_t c_{t-1} + i_t g_t
    h_t = o_t tanh(c_t)                         s: logistic function

Hochreiter & Schmidhuber 1997, Neural Computation 9(8) (cell, input and output gate); Gers, Schmidhuber & Cummins
2000, Neural Computation 12(10) (forget gate).
"""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from forecast.models.recurrent import Recurrent


class LSTM(Recurrent):
    """LSTM layers; state ``h`` and ``c``, each (B, layers, hidden)."""

    layer: ClassVar[type[nn.RNNBase]] = nn.LSTM
    gates: ClassVar[int] = 4
    forget: ClassVar[int | None] = 1
    memory: ClassVar[tuple[str, ...]] = ("h", "c")
