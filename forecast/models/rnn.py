"""The simple recurrent network.

    h_t = phi(W x_t + U h_{t-1} + b)        phi: tanh, or another activation

Elman 1990, Finding structure in time, Cognitive Science 14. Its gradient shrinks or grows about like a power of U
(Bengio, Simard & Frasconi 1994, Learning long-term dependencies with gradient descent is difficult, IEEE Trans. Neural
Networks 5(2)), so it remembers tens of steps, not hundreds: the yardstick for the gated ones. With relu, U begun as the
identity holds the gradient better (Le, Jaitly & Hinton 2015, arXiv 1504.00941: ``recurrent_weights = "identity"``).
"""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from forecast.models import kernels
from forecast.models.activations import Activation, activation
from forecast.models.base import Options, State
from forecast.models.layer import Dense, DenseOptions, Gates, Layer
from forecast.models.recurrent import Recurrent


class RNNOptions(DenseOptions):
    """Options of the RNN.

    Attributes:
        activation: phi.
    """

    activation: Activation = "tanh"


class RNNLayer(Dense):
    """One layer; state ``h`` (H,)."""

    def __init__(self, inputs: int, options: Any) -> None:
        super().__init__(inputs, options)
        self.activation = activation(options.activation)

    def step(self, drive: Tensor, state: State) -> tuple[Tensor, State, Gates]:
        """See the contract."""
        h = self.activation(drive + self.product(state["h"]))
        return h, {"h": h}, {}

    def sweep(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """See the contract; tanh and relu in one sweep."""
        if self.carried_norm is not None or self.options.activation not in ("tanh", "relu"):
            return self.unroll(x, state)
        activation = self.options.activation
        h, last = kernels.rnn(self.drive(x), state["h"], self.carried.weight, activation=activation)
        return h, {"h": last}


class RNN(Recurrent):
    """RNN layers; state ``h`` (B, layers, hidden)."""

    Options: ClassVar[type[Options]] = RNNOptions
    layer: ClassVar[type[Layer]] = RNNLayer
