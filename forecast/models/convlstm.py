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

from dataclasses import replace
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from forecast.models.base import Model, Options, Shape, State
from forecast.models.convolution import Cell, Convolution, Width, demand_room
from forecast.models.heads import SMALL, Residual, Start
from forecast.models.linear_start import LinearStart


class StackOptions(Options):
    """Options of ConvLSTM layers.

    Attributes:
        hidden: channels of each layer, from the input up.
        kernel: width of the input convolutions, cells; odd. 5 cells of 2.5 degrees hold a day's travel of a low.
        recurrent_kernel: width of the recurrent convolutions, cells; odd. 3 costs a third of 5.
        dilation: distance of a kernel's cells in each layer, the last one repeated. 2 in the second layer widens its
            view at no cost, and helped on daily pressure maps (docs/log.md).
        dropout: share of channels dropped after each layer while training, one mask a stream and chunk; without it
            a few years of daily maps are learned by heart.
        peepholes: whether gates see the cell.
    """

    hidden: tuple[Annotated[int, Field(ge=1, le=1024)], ...] = Field((40, 40), min_length=1, max_length=6)
    kernel: Width = 5
    recurrent_kernel: Width = 3
    dilation: tuple[Annotated[int, Field(ge=1, le=8)], ...] = Field((1, 2), min_length=1)
    dropout: float = Field(0.2, ge=0, lt=1)
    peepholes: bool = False


class ConvLSTMOptions(StackOptions):
    """Options of the ConvLSTM.

    Attributes:
        head_kernel: width of the head's convolution, cells; odd.
        skip: whether the head reads every layer, or the last one only.
        residual: what the output is added to (see heads.Start); "linear": what a linear model of the whole map says,
            which the layers then read as well (see linear_start.py).
        noise: standard deviation of noise that is added to the targets' maps as the layers read them while training,
            scaled units: forecasts then hang less on what single cells show.
    """

    head_kernel: Width = 3
    skip: bool = True
    residual: Residual | Literal["linear"] = "damped"
    noise: float = Field(0.0, ge=0, le=1)


class Stack(nn.Module):
    """ConvLSTM layers one upon the other; state ``h0``, ``c0``, ``h1`` ... each (B, hidden, H, W).

    Args:
        shape: the model's sizes.
        options: those of the layers.

    Raises:
        ForecastError: a kernel would wrap round a closed circle more than once.
    """

    def __init__(self, shape: Shape, options: StackOptions) -> None:
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
    ) -> tuple[list[Tensor], list[State], State]:
        """Read maps; while training channels are dropped after each layer, one mask a stream and chunk.

        Args:
            x: (B, T, C, H, W).
            state: before the first step.
            counting: which cells of the grid count, bool (H, W); None: all.
            shown: where gates and cells are added to, name -> one a step.

        Returns:
            Of each layer what is read off it, (T B, hidden, H, W), step by step; the state after each step; and that
            after the last.
        """
        maps, read = list(x.unbind(1)), list[Tensor]()
        held: list[State] = [{} for _ in maps]
        for number, layer in enumerate(self.layers):
            parts: dict[str, list[Tensor]] | None = None if shown is None else {}
            maps, cells = layer(maps, state[f"h{number}"], state[f"c{number}"], parts, counting)
            for after, h, c in zip(held, maps, cells, strict=True):
                after |= {f"h{number}": h, f"c{number}": c}
            if shown is not None and parts is not None:
                shown |= {f"layer{number}.{name}": values for name, values in parts.items()}
            maps = self.dropped(maps)
            read.append(torch.cat(maps))
        return read, held, held[-1]

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
        self.taught = options.residual == "linear"
        said = shape.leads * shape.targets if self.taught else 0
        self.stack = Stack(replace(shape, inputs=shape.inputs + said), options)
        read = sum(options.hidden) if options.skip else options.hidden[-1]
        self.head = Convolution(read, shape.leads * shape.outputs, options.head_kernel, shape)
        self.start: Start | LinearStart
        if options.residual == "linear":
            self.start = LinearStart(shape)
            with torch.no_grad():
                self.head.weight.mul_(SMALL)
        else:
            self.start = Start(shape, options.residual)

    def initial(self, streams: int, context: Tensor | None = None) -> State:
        """See the contract."""
        blank = self.blank(streams, 1, *(self.shape.grid or ()))
        before = self.start.initial(blank) if isinstance(self.start, LinearStart) else {}
        return self.stack.initial(blank) | before

    def advance(
        self, x: Tensor, future: Tensor | None, state: State, truth: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """See the contract; the calendar of the steps ahead follows from that of the step and the lead."""
        x, start, onward = self._heard(x, state, truth)
        hidden, _, after = self.stack(x, state, self.cells)
        read = torch.cat(hidden, dim=1) if self.options.skip else hidden[-1]
        read = self.head(read, self.head.share(self.cells))
        y = read.unflatten(0, (x.shape[1], len(x))).transpose(0, 1)
        return self.start(y.unflatten(2, (self.shape.leads, self.shape.outputs)), start), after | onward

    @torch.no_grad()
    def trace(self, x: Tensor, future: Tensor | None = None, state: State | None = None) -> dict[str, Tensor]:
        """See the contract; each (B, T, hidden, H, W)."""
        shown: dict[str, list[Tensor]] = {}
        state = self.initial(len(x)) if state is None else state
        self.stack(self._heard(self.counted(x), state)[0], state, self.cells, shown)
        return {name: torch.stack(values, dim=1) for name, values in shown.items()}

    @torch.no_grad()
    def shrink(self, share_L: Tensor) -> None:
        """Keep a share of what the network adds to its linear start at each lead: ``s + share (y - s)``.

        Args:
            share_L: of each lead, (L,), in [0, 1].
        """
        assert isinstance(self.start, LinearStart)
        share = share_L.to(self.head.weight).repeat_interleave(self.shape.outputs)
        self.head.weight.mul_(share[:, None, None, None])
        if self.head.bias is not None:
            self.head.bias.mul_(share)
        gain = self.start.gain
        gain.copy_(torch.lerp(torch.ones_like(gain), gain, share.reshape(*gain.shape)))

    def _heard(self, x: Tensor, state: State, truth: Tensor | None = None) -> tuple[Tensor, Tensor, State]:
        """Return what the layers read, what their output is added to, and the start's own state."""
        if not isinstance(self.start, LinearStart):
            return self._blurred(x), x, {}
        said, onward = self.start.said(x, state, truth)
        return torch.cat([self._blurred(x), self.counted(said.flatten(2, 3))], dim=2), said, onward

    def _blurred(self, x: Tensor) -> Tensor:
        """Return inputs (B, T, C, H, W) with noise on the targets' maps while training."""
        if not self.training or not self.options.noise:
            return x
        maps, rest = x.split([self.shape.targets, x.shape[2] - self.shape.targets], dim=2)
        return torch.cat([self.counted(maps + self.options.noise * torch.randn_like(maps)), rest], dim=2)
