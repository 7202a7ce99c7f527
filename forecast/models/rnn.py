"""The simple recurrent network.

    h_t = tanh(W x_t + U h_{t-1} + b)

Elman 1990, Finding structure in time, Cognitive Science 14, eq. of section 2. Its gradient shrinks or grows like a
power of U (Bengio et al. 1994), so it remembers tens of steps, not hundreds: the yardstick for the gated ones.
"""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from forecast.models.recurrent import Recurrent


class RNN(Recurrent):
    """Tanh layers; state ``h`` (B, layers, hidden)."""

    layer: ClassVar[type[nn.RNNBase]] = nn.RNN
    gates: ClassVar[int] = 1
