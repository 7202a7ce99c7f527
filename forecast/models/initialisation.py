"""How weights begin: every draw of the house, by name, with its source; and biases that keep a memory open.

glorot   variance 2 / (fan-in + fan-out)     Glorot & Bengio 2010, AISTATS
he       variance 2 / fan-in                 He et al. 2015, ICCV (for rectifiers)
lecun    variance 1 / fan-in                 LeCun et al. 1998, Efficient backprop (for tanh and SELU)
orthogonal, identity                         Saxe et al. 2014, ICLR; Le, Jaitly & Hinton 2015
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

Draw = Literal["glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_normal", "orthogonal", "identity"]


@torch.no_grad()
def draw(weight: Tensor, kind: Draw, blocks: int = 1, gain: float = 1.0) -> None:
    """Draw a weight in place.

    Args:
        weight: (rows, columns), or a convolution's (out, in, height, width).
        kind: which draw.
        blocks: matrices stacked along the rows (gates), each drawn by itself.
        gain: factor on all of it.
    """
    for block in weight.chunk(blocks):
        if kind == "glorot_uniform":
            nn.init.xavier_uniform_(block)
        elif kind == "glorot_normal":
            nn.init.xavier_normal_(block)
        elif kind == "he_uniform":
            nn.init.kaiming_uniform_(block, nonlinearity="relu")
        elif kind == "he_normal":
            nn.init.kaiming_normal_(block, nonlinearity="relu")
        elif kind == "lecun_normal":
            nn.init.kaiming_normal_(block, nonlinearity="linear")
        elif kind == "orthogonal":
            nn.init.orthogonal_(block)
        else:
            nn.init.eye_(block)
    weight.mul_(gain)


@torch.no_grad()
def open_memory(bias: Tensor, forget: float | Literal["chrono"], span: int) -> None:
    """Set the bias of the gate that keeps the memory.

    Args:
        bias: of that gate, one value a unit.
        forget: the bias itself (Gers et al. 2000; Jozefowicz et al. 2015: 1, so that the gate begins near 0.73); or
            "chrono": log u, u uniform in [1, span - 1], so that the units' memories span all times up to ``span``
            (Tallec & Ollivier 2018, Can recurrent neural networks warp time?, ICLR, who give the input gate the
            opposite).
        span: the longest memory, steps.
    """
    if forget == "chrono":
        bias.uniform_(1, max(1.001, span - 1)).log_()
    else:
        bias.fill_(forget)
