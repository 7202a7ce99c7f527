"""The convolutional LSTM: an LSTM on maps, its matrix products replaced by convolutions.

    i_t = s(W_xi * X_t + W_hi * H_{t-1} [+ W_ci o C_{t-1}] + b_i)
    f_t = s(W_xf * X_t + W_hf * H_{t-1} [+ W_cf o C_{t-1}] + b_f)
    C_t = f_t o C_{t-1} + i_t o tanh(W_xc * X_t + W_hc * H_{t-1} + b_c)
    o_t = s(W_xo * X_t + W_ho * H_{t-1} [+ W_co o C_t] + b_o)
    H_t = o_t o tanh(C_t)                 s: logistic function, *: convolution, o: product by elements

Shi et al. 2015, Convolutional LSTM network, NeurIPS 28, eq. 3. The bracketed peepholes are off by default: they are
weights for each cell of one grid, and help little. How edges, poles and masks count, convolution.py says; in masked
cells H and C are 0. A direct head, one convolution, reads every lead off the last layer.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from forecast.models.base import Model, Options, Shape, State
from forecast.models.convolution import Cell, Convolution, Width, demand_room
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


class Stack(nn.Module):
    """ConvLSTM layers one upon the other; state ``h0``, ``c0``, ``h1`` ... each (B, hidden, H, W).

    Args:
        shape: the model's sizes.
        options: those of the layers.

    Raises:
        ForecastError: a kernel would wrap round a closed circle more than once.
    """

    def __init__(self, shape: Shape, options: ConvLSTMOptions) -> None:
        super().__init__()
        demand_room(shape, options.kernel, max(options.dilation))
        sizes = pairwise((shape.inputs, *options.hidden))
        spread = (*options.dilation, *options.dilation[-1:] * len(options.hidden))
        self.layers = nn.ModuleList(
            Cell(
                below,
                width,
                shape,
                kernel=options.kernel,
                recurrent_kernel=options.recurrent_kernel,
                dilation=apart,
                peepholes=options.peepholes,
            )
            for (below, width), apart in zip(sizes, spread, strict=False)
        )
        self.hidden, self.dropout = options.hidden, nn.Dropout2d(options.dropout)

    def initial(self, blank: Tensor) -> State:
        """Return the state before the first step, zeros like ``blank`` (B, 1, H, W)."""
        zeros = [blank.repeat(1, width, 1, 1) for width in self.hidden]
        return {f"{name}{number}": zero for number, zero in enumerate(zeros) for name in ("h", "c")}

    def forward(
        self, x: Tensor, state: State, counting: Tensor | None = None, shown: dict[str, list[Tensor]] | None = None
    ) -> tuple[list[Tensor], list[Tensor], State]:
        """Read maps; while training channels are dropped after each layer, one mask a stream and chunk.

        Args:
            x: (B, T, C, H, W).
            state: before the first step.
            counting: which cells of the grid count, bool (H, W); None: all.
            shown: where gates and cells are added to, name -> one a step.

        Returns:
            Of each layer its hidden maps and cells, (T B, hidden, H, W), step by step; and the state after the last.
        """
        maps, hidden, cells, after = list(x.unbind(1)), list[Tensor](), list[Tensor](), State()
        for number, layer in enumerate(self.layers):
            parts: dict[str, list[Tensor]] = {}
            given = None if shown is None else parts
            maps, inner = layer(maps, state[f"h{number}"], state[f"c{number}"], given, counting)
            after[f"h{number}"], after[f"c{number}"] = maps[-1], inner[-1]
            if shown is not None:
                shown |= {f"layer{number}.{name}": values for name, values in parts.items()}
            maps = self.dropped(maps)
            hidden.append(torch.cat(maps))
            cells.append(torch.cat(inner))
        return hidden, cells, after

    def dropped(self, maps: list[Tensor]) -> list[Tensor]:
        """Drop channels of maps (B, hidden, H, W) while training, the same of all."""
        if not self.training or not self.dropout.p:
            return maps
        mask = self.dropout(torch.ones_like(maps[0][:, :, :1, :1]))
        return [one * mask for one in maps]


class ConvLSTM(Model):
    """Stacked ConvLSTM layers and a direct head; state ``h0``, ``c0``, ``h1`` ... each (B, hidden, H, W)."""

    Options: ClassVar[type[Options]] = ConvLSTMOptions
    kinds: ClassVar[tuple[str, ...]] = ("map",)

    def __init__(self, shape: Shape, options: ConvLSTMOptions) -> None:
        super().__init__(shape, options)
        self.stack = Stack(shape, options)
        read = sum(options.hidden) if options.skip else options.hidden[-1]
        self.head = Convolution(read, shape.leads * shape.outputs, options.head_kernel, shape)
        self.start = Start(shape, options.residual)

    def initial(self, streams: int, context: Tensor | None = None) -> State:
        """See the contract."""
        return self.stack.initial(self.blank(streams, 1, *(self.shape.grid or ())))

    def advance(self, x: Tensor, future: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See the contract; the calendar of the steps ahead follows from that of the step and the lead."""
        hidden, _, after = self.stack(x, state, self.cells)
        read = torch.cat(hidden, dim=1) if self.options.skip else hidden[-1]
        read = self.head(read, self.head.share(self.cells))
        y = read.unflatten(0, (x.shape[1], len(x))).transpose(0, 1)
        return self.start(y.unflatten(2, (self.shape.leads, self.shape.outputs)), x), after

    @torch.no_grad()
    def trace(self, x: Tensor, future: Tensor | None = None, state: State | None = None) -> dict[str, Tensor]:
        """See the contract; each (B, T, hidden, H, W)."""
        shown: dict[str, list[Tensor]] = {}
        self.stack(self.counted(x), self.initial(len(x)) if state is None else state, self.cells, shown)
        return {name: torch.stack(values, dim=1) for name, values in shown.items()}
