"""Activations by name.

relu        max(0, a)                                  Nair & Hinton 2010
leaky_relu  max(0.01 a, a)                             Maas et al. 2013
prelu       max(w a, a), w learned                     He et al. 2015
elu         a if a > 0 else exp(a) - 1                 Clevert et al. 2016
selu        1.0507 elu with 1.6733 below 0             Klambauer et al. 2017
linear      a                                          for networks whose gradient is known (studies/gradients.py)
"""

from __future__ import annotations

from typing import Literal

from torch import nn

Activation = Literal["tanh", "relu", "leaky_relu", "prelu", "elu", "selu", "linear"]

_MODULES: dict[str, type[nn.Module]] = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "prelu": nn.PReLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "linear": nn.Identity,
}


def activation(name: Activation) -> nn.Module:
    """Return a fresh module of that activation."""
    return _MODULES[name]()
