"""The bidirectional GRU: the equations of gru.py in both directions (bidirectional.py)."""

from __future__ import annotations

from typing import ClassVar

from forecast.models.base import Options
from forecast.models.bidirectional import Bidirectional
from forecast.models.gru import GRULayer, GRUOptions
from forecast.models.layer import Layer


class BiGRU(Bidirectional):
    """Two GRU stacks, one a direction; the state is the forward one's."""

    Options: ClassVar[type[Options]] = GRUOptions
    layer: ClassVar[type[Layer]] = GRULayer
