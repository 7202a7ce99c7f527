"""The convolutional LSTM: an LSTM on maps, its matrix products replaced by convolutions.

    i_t = s(W_xi * X_t + W_hi * H_{t-1} [+ W_ci o C_{t-1}] + b_i)
    f_t = s(W_xf * X_t + W_hf * H_{t-1} [+ W_cf o C_{t-1}] + b_f)
    C_t = f_t o C_{t-1} + i_t o tanh(W_xc * X_t + W_hc * H_{t-1} + b_c)
    o_t = s(W_xo * X_t + W_ho * H_{t-1} [+ W_co o C_t] + b_o)
    H_t = o_t o tanh(C_t)                 s: logistic function, *: convolution, o: product by elements

Shi et al. 2015, Convolutional LSTM network, NeurIPS 28, eq. 3. The bracketed peepholes are off by default: they are
weights for each cell of one grid, and help little. Edges are replicated in latitude, and in longitude unless the grid
closes the circle, where they wrap. A direct head, one convolution, reads every lead off the last layer.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from forecast.models.base import Model, Options, Shape, State
from forecast.models.convolution import Cell, Width, demand_room, initialise, pad
from forecast.models.heads import Residual, Start


class ConvLSTMOptions(Options):
    """Options of the ConvLSTM.

    Attributes:
        hidden: channels of each layer, from the input up.
        kernel: width of the input convolutions, cells; odd. 5 cells of 2.5 degrees hold a day's travel of a low.
        recurrent_kernel: width of the recurrent convolutions, cells; odd. 3 costs a third of 5.
        dilation: distance of a kernel's cells in each layer, the last one repeated. 2 in the second layer widens its
            view at no cost, and helped on daily pressure maps (docs/log.md).
        head_kernel: width of the head's convolution, cells; odd.
        dropout: share of channels dropped after each layer while training, one mask a stream and chunk; without it
            a few years of daily maps are learned by heart.
        peepholes: whether gates see the cell.
        skip: whether the head reads every layer, or the last one only.
        residual: what the output is added to (see heads.Start).
    """

    hidden: tuple[Annotated[int, Field(ge=1, le=1024)], ...] = Field((40, 40), min_length=1, max_length=6)
    kernel: Width = 5
    recurrent_kernel: Width = 3
    dilation: tuple[Annotated[int, Field(ge=1, le=8)], ...] = Field((1, 2), min_length=1)
    head_kernel: Width = 3
    dropout: float = Field(0.2, ge=0, lt=1)
    peepholes: bool = False
    skip: bool = True
    residual: Residual = "damped"


class ConvLSTM(Model):
    """Stacked ConvLSTM layers and a direct head; state ``h0``, ``c0``, ``h1`` ... each (B, hidden, H, W)."""

    Options: ClassVar[type[Options]] = ConvLSTMOptions
    kinds: ClassVar[tuple[str, ...]] = ("map",)

    def __init__(self, shape: Shape, options: ConvLSTMOptions) -> None:
        super().__init__(shape, options)
        widths = (shape.inputs, *options.hidden)
        demand_room(shape, options.kernel, max(options.dilation))
        spread = (*options.dilation, *options.dilation[-1:] * len(options.hidden))
        layers = zip(pairwise(widths), spread, strict=False)
        form = options.model_dump(include={"kernel", "recurrent_kernel", "peepholes"})
        self.cells = nn.ModuleList(
            Cell(below, width, shape, dilation=apart, **form) for (below, width), apart in layers
        )
        self.dropout = nn.Dropout2d(options.dropout)
        read = sum(options.hidden) if options.skip else options.hidden[-1]
        self.head = nn.Conv2d(read, shape.leads * shape.outputs, options.head_kernel)
        initialise(self.head)
        self.start = Start(shape, options.residual)

    def initial(self, streams: int, context: Tensor | None = None) -> State:
        """See the contract."""
        zeros = [self.blank(streams, width, *(self.shape.grid or ())) for width in self.options.hidden]
        return {f"{name}{number}": zero for number, zero in enumerate(zeros) for name in ("h", "c")}

    def advance(self, x: Tensor, future: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See the contract; the calendar of the steps ahead follows from that of the step and the lead."""
        streams, steps = x.shape[:2]
        maps, layers, after = list(x.unbind(1)), [], State()
        for number, cell in enumerate(self.cells):
            h, c = state[f"h{number}"], state[f"c{number}"]
            maps, after[f"h{number}"], after[f"c{number}"] = cell(maps, h, c)
            maps = self._dropped(maps)
            layers.append(torch.cat(maps))
        read = torch.cat(layers, dim=1) if self.options.skip else layers[-1]
        read = self.head(pad(read, self.options.head_kernel, self.shape.periodic))
        y = read.unflatten(0, (steps, streams)).transpose(0, 1)
        return self.start(y.unflatten(2, (self.shape.leads, self.shape.outputs)), x), after

    @torch.no_grad()
    def trace(self, x: Tensor, future: Tensor | None = None, state: State | None = None) -> dict[str, Tensor]:
        """See the contract; each (B, T, hidden, H, W)."""
        state, maps, traced = self.initial(len(x)) if state is None else state, list(x.unbind(1)), dict[str, Tensor]()
        for number, cell in enumerate(self.cells):
            shown: dict[str, list[Tensor]] = {}
            maps, _, _ = cell(maps, state[f"h{number}"], state[f"c{number}"], shown)
            traced |= {f"layer{number}.{name}": torch.stack(values, dim=1) for name, values in shown.items()}
        return traced

    def _dropped(self, maps: list[Tensor]) -> list[Tensor]:
        if not self.training or not self.options.dropout:
            return maps
        mask = self.dropout(torch.ones_like(maps[0][:, :, :1, :1]))
        return [one * mask for one in maps]
