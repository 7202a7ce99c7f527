"""The gated recurrent unit.

    r_t = s(W_r x_t + U_r h_{t-1} + b_r)                    reset gate
    z_t = s(W_z x_t + U_z h_{t-1} + b_z)                    update gate
    n_t = tanh(W_n x_t + b_n + r_t (U_n h_{t-1} + b_u))     candidate
    h_t = (1 - z_t) n_t + z_t h_{t-1}                       s: logistic function

Cho et al. 2014, Learning phrase representations using RNN encoder-decoder, EMNLP, eqs 5-8 (with torch's reset
gate, which acts after the product, and z in the place of 1 - z).
"""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from forecast.models.recurrent import Recurrent


class GRU(Recurrent):
    """GRU layers; state ``h`` (B, layers, hidden)."""

    layer: ClassVar[type[nn.RNNBase]] = nn.GRU
    gates: ClassVar[int] = 3
