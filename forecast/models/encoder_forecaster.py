"""Encoder and forecaster of ConvLSTM layers: the leads are unrolled one after the other from copies of the states.

    encoder      reads the maps up to step t, layer by layer: H_t, C_t of each
    forecaster   as many layers of the same widths, which begin from these states, each from its own neighbour's:
                 H_{t,0} = H_t, C_{t,0} = C_t; and step L times without reading a map
    y_{t,l} = W [H^1_{t,l}; H^2_{t,l}; ...] + b + start_l            one convolution, 1 x 1, over all its layers

Shi et al. 2015, Convolutional LSTM network, NeurIPS 28, section 3.2 and fig. 3 (equations: convlstm.py). The order of
the forecaster's layers is the encoder's, as in that figure; Shi et al. 2017 (NeurIPS 30) turn it round. Where theirs
reads nothing, the first layer reads how far ahead the lead is, from 1 / L to 1.

Every step is an issue time: the forecasters of all streams and steps of a chunk are unrolled side by side, so that a
chunk costs about 1 + L times that of the encoder alone, in time and in memory.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor

from forecast.models.base import Model, Options, Shape, State
from forecast.models.convlstm import Stack, StackOptions
from forecast.models.convolution import Convolution
from forecast.models.heads import Residual, Start


class EncoderForecasterOptions(StackOptions):
    """Options of both stacks.

    Attributes:
        residual: what the output is added to (see heads.Start).
    """

    residual: Residual = "damped"


class EncoderForecaster(Model):
    """Two stacks of ConvLSTM layers; the state is the encoder's, ``h0``, ``c0``, ``h1`` ... (B, hidden, H, W)."""

    Options: ClassVar[type[Options]] = EncoderForecasterOptions
    kinds: ClassVar[tuple[str, ...]] = ("map",)

    def __init__(self, shape: Shape, options: EncoderForecasterOptions) -> None:
        super().__init__(shape, options)
        self.encoder = Stack(shape, options)
        self.forecaster = Stack(replace(shape, inputs=1), options)
        self.head = Convolution(sum(options.hidden), shape.outputs, 1, shape)
        self.start = Start(shape, options.residual)

    def initial(self, streams: int, context: Tensor | None = None) -> State:
        """See the contract."""
        return self.encoder.initial(self.blank(streams, 1, *(self.shape.grid or ())))

    def advance(self, x: Tensor, future: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See the contract; the calendar of the steps ahead follows from that of the step and the lead."""
        leads, rows = self.shape.leads, x.shape[0] * x.shape[1]
        _, held, after = self.encoder(x, state, self.cells)
        copies = {name: torch.cat([one[name] for one in held]) for name in after}
        lead = torch.arange(1, leads + 1, dtype=x.dtype, device=x.device) / leads
        ahead = lead[:, None, None, None].expand(rows, leads, 1, *x.shape[3:])
        read, _, _ = self.forecaster(self.counted(ahead), copies, self.cells)
        y = self.head(torch.cat(read, dim=1)).unflatten(0, (leads, x.shape[1], len(x)))
        return self.start(y.permute(2, 1, 0, 3, 4, 5), x), after

    @torch.no_grad()
    def trace(self, x: Tensor, future: Tensor | None = None, state: State | None = None) -> dict[str, Tensor]:
        """See the contract; the encoder's layers, each (B, T, hidden, H, W)."""
        shown: dict[str, list[Tensor]] = {}
        self.encoder(self.counted(x), self.initial(len(x)) if state is None else state, self.cells, shown)
        return {name: torch.stack(values, dim=1) for name, values in shown.items()}
