"""The bidirectional RNN: the equations of rnn.py in both directions (bidirectional.py)."""

from __future__ import annotations

from typing import ClassVar

from forecast.models.base import Options
from forecast.models.bidirectional import Bidirectional
from forecast.models.layer import Layer
from forecast.models.rnn import RNNLayer, RNNOptions


class BiRNN(Bidirectional):
    """Two RNN stacks, one a direction; the state is the forward one's."""

    Options: ClassVar[type[Options]] = RNNOptions
    layer: ClassVar[type[Layer]] = RNNLayer
