"""The bidirectional LSTM: the equations of lstm.py in both directions (bidirectional.py)."""

from __future__ import annotations

from typing import ClassVar

from forecast.models.base import Options
from forecast.models.bidirectional import Bidirectional
from forecast.models.layer import Layer
from forecast.models.lstm import LSTMLayer, LSTMOptions


class BiLSTM(Bidirectional):
    """Two LSTM stacks, one a direction; the state is the forward one's."""

    Options: ClassVar[type[Options]] = LSTMOptions
    layer: ClassVar[type[Layer]] = LSTMLayer
