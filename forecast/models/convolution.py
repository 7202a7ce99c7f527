"""Convolutions over maps: how their edges are padded, how masks count, how weights begin, and the ConvLSTM's cell.

Edges are replicated in latitude, and in longitude unless the grid closes the circle, where they wrap. Where the rows of
such a grid reach a pole, what lies beyond it is the other side of the globe: the same rows, half way round.

With a mask a convolution sums over the cells that count and makes up for the others by their number (partial
convolution: Liu et al. 2018, Image inpainting for irregular holes, ECCV, eq. 1):

    y = b + (k^2 / n) W * (m o x)      n: how many of the kernel's k^2 cells count, m: 1 where a cell counts, else 0

A chunk of a wide cell is swept in one piece by a kernel of our own, in tiles (kernels/convlstm.py); single steps,
masked maps, peepholes and narrow types go step by step, the input convolution done for all steps at once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any

import torch
from pydantic import AfterValidator, Field
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from forecast.errors import ForecastError
from forecast.models.base import Shape
from forecast.models.initialisation import draw
from forecast.models.kernels import WIDEST, Tiling, convlstm, tiling

GATES = 4  # input, forget, candidate, output
MANY = 16  # hidden channels from which on tiles pay


def _odd(width: int) -> int:
    if width % 2 == 0:
        raise ValueError(f"a kernel has an odd width, so that it has a middle: {width - 1} or {width + 1}")
    return width


Width = Annotated[int, Field(ge=1, le=31), AfterValidator(_odd)]


def pad(
    x: Tensor, kernel: int, periodic: bool, dilation: int = 1, poles: tuple[int | None, int | None] = (None, None)
) -> Tensor:
    """Pad maps for an odd kernel: edge values, or the other side in longitude and across the poles.

    Args:
        x: maps (N, C, H, W).
        kernel: its width, cells.
        periodic: whether longitude closes the circle.
        dilation: distance of the kernel's cells.
        poles: which row lies across the pole beyond the first and the last row (see ``Shape``).
    """
    margin = kernel // 2 * dilation
    if not margin:
        return x
    if not periodic:
        return functional.pad(x, (margin, margin, margin, margin), "replicate")
    if poles == (None, None):
        rows = functional.pad(x, (0, 0, margin, margin), "replicate")
    else:
        first = _beyond(x, margin, poles[0]).flip(2)
        rows = torch.cat([first, x, _beyond(x[:, :, -margin - 1 :].flip(2), margin, poles[1])], dim=2)
    return functional.pad(rows, (margin, margin, 0, 0), "circular")


def _beyond(x: Tensor, margin: int, across: int | None) -> Tensor:
    """Return the rows (N, C, margin, W) beyond the first, the nearest first; ``across`` says which that is."""
    if across is None:
        return x[:, :, :1].expand(-1, -1, margin, -1)
    rows = (torch.arange(margin, device=x.device) + across).clamp(max=x.shape[2] - 1)
    return x[:, :, rows].roll(x.shape[3] // 2, dims=3)


@lru_cache
def tiles(
    height: int, width: int, kernel: int, periodic: bool, dilation: int, poles: tuple[int | None, int | None]
) -> Tiling:
    """Lay tiles over maps that are padded as ``pad`` does it.

    Args:
        height: of the maps, cells.
        width: alike.
        kernel: its width, cells.
        periodic: whether longitude closes the circle.
        dilation: distance of the kernel's cells.
        poles: which rows lie across the poles.
    """
    with torch.inference_mode(False):
        cells = torch.arange(height * width, dtype=torch.float64).view(1, 1, height, width)
        return tiling(pad(cells, kernel, periodic, dilation, poles)[0, 0].long(), kernel, dilation)


def demand_room(shape: Shape, kernel: int, dilation: int) -> None:
    """Refuse kernels that would wrap round a closed circle more than once.

    Args:
        shape: the model's sizes.
        kernel: the widest kernel, cells.
        dilation: the largest distance of its cells.

    Raises:
        ForecastError: the circle of longitudes is shorter than the kernel's reach.
    """
    reach = kernel // 2 * dilation
    if shape.periodic and shape.grid and reach > shape.grid[1]:
        got = f"{reach} cells to either side on a grid of {shape.grid[1]} longitudes"
        raise ForecastError(
            "a kernel that fits on the circle of longitudes", got, "choose a smaller kernel or dilation"
        )


def initialise(convolution: nn.Conv2d) -> None:
    """Draw weights of variance 1 / fan-in, and set the bias to 0.

    Glorot's variance, over all gates at once, is far smaller here; a trial that began so sat on a plateau for epochs.
    """
    draw(convolution.weight, "lecun_normal")
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)


class Convolution(nn.Conv2d):
    """A convolution that keeps the size of its maps, its edges as the sphere has them, drawn by ``initialise``.

    Args:
        inputs: channels read.
        outputs: channels made.
        kernel: its width, cells; odd.
        shape: the model's sizes: how the grid ends.
        dilation: distance of its cells.
        bias: whether it has one.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, shape: Shape, *, dilation: int = 1, bias: bool = True
    ) -> None:
        super().__init__(inputs, outputs, kernel, dilation=dilation, bias=bias)
        self.periodic, self.poles = shape.periodic, shape.poles
        initialise(self)

    def forward(self, x: Tensor, share: Tensor | None = None) -> Tensor:
        """Convolve maps (N, C, H, W), with 0 in masked cells, to (N, outputs, H, W); ``share``: see there."""
        x = self._padded(x)
        if share is None:
            return super().forward(x)
        y = functional.conv2d(x, self.weight, dilation=self.dilation) * share
        return y if self.bias is None else y + self.bias[:, None, None]

    def share(self, cells: Tensor | None) -> Tensor | None:
        """Return k^2 / n at each cell, (H, W), 0 where no cell counts; None without a mask.

        Args:
            cells: which cells count, bool (H, W).
        """
        if cells is None:
            return None
        kernel = torch.ones_like(self.weight[:1, :1], dtype=torch.float32)
        seen = functional.conv2d(self._padded(cells.to(kernel)[None, None]), kernel, dilation=self.dilation)[0, 0]
        return torch.where(seen > 0, kernel.numel() / seen, 0.0).to(self.weight.dtype)

    def _padded(self, x: Tensor) -> Tensor:
        return pad(x, self.kernel_size[0], self.periodic, int(self.dilation[0]), self.poles)


class Cell(nn.Module):
    """One ConvLSTM layer over a list of maps (time), each (B, C, H, W).

    Args:
        inputs: channels of the maps that are read.
        hidden: channels of h and c.
        shape: the model's sizes: how the grid ends, and the grid itself where there are peepholes.
        kernel: width of the input convolution, cells; odd.
        recurrent_kernel: width of the recurrent one, cells; odd.
        dilation: distance of the kernels' cells.
        peepholes: whether gates see the cell.

    Attributes:
        checkpointing: whether the backward pass computes gates again instead of finding them in memory.
        compiled: whether the gates of single steps are compiled.
    """

    checkpointing: bool = False
    compiled: bool = False

    def __init__(
        self,
        inputs: int,
        hidden: int,
        shape: Shape,
        *,
        kernel: int,
        recurrent_kernel: int,
        dilation: int = 1,
        peepholes: bool = False,
    ) -> None:
        super().__init__()
        self.hidden = hidden
        self.seen = Convolution(inputs, GATES * hidden, kernel, shape, dilation=dilation)
        self.carried = Convolution(hidden, GATES * hidden, recurrent_kernel, shape, dilation=dilation, bias=False)
        with torch.no_grad():
            bias = self.seen.get_parameter("bias")
            nn.init.ones_(bias[hidden : 2 * hidden])  # remember first (Gers et al. 2000)
        grid = shape.grid or ()
        self.peepholes = nn.Parameter(torch.zeros(3, hidden, *grid)) if peepholes else None

    def forward(
        self,
        maps: list[Tensor],
        h: Tensor,
        c: Tensor,
        shown: dict[str, list[Tensor]] | None = None,
        counting: Tensor | None = None,
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Read maps from the state before them.

        Args:
            maps: one a step, (B, C, H, W).
            h: hidden maps before the first, (B, hidden, H, W).
            c: cells before the first, alike.
            shown: where gates and cells are added to, name -> one a step.
            counting: which cells of the grid count, bool (H, W), where some do not: there h and c are 0.

        Returns:
            Hidden maps and cells, one a step: the last ones are the state.
        """
        if shown is None and counting is None and self._tiled(maps):
            return self._sweep(maps, h, c)
        joined = torch.cat(maps).contiguous(memory_format=torch.channels_last)
        seen, share = self.seen(joined, self.seen.share(counting)), self.carried.share(counting)
        hidden, cells = [], []
        for drive in seen.split(len(h)):
            if self.checkpointing and shown is None and torch.is_grad_enabled():
                h, c, gates = checkpoint(self._carried, drive, h, c, share, use_reentrant=False)
            else:
                h, c, gates = self._carried(drive, h, c, share)
            if counting is not None:
                h, c = h.masked_fill(~counting, 0.0), c.masked_fill(~counting, 0.0)
            hidden.append(h)
            cells.append(c)
            if shown is not None:
                for name, value in {**gates, "hidden": h}.items():
                    shown.setdefault(name, []).append(value)
        return hidden, cells

    def _tiled(self, maps: list[Tensor]) -> bool:
        """Say whether the chunk kernel takes these maps and is faster."""
        narrow = torch.is_autocast_enabled(maps[0].device.type) or maps[0].dtype not in (torch.float32, torch.float64)
        if narrow or maps[0].device.type != "cpu" or self.peepholes is not None:
            return False
        return len(maps) > 1 and self.hidden >= MANY and 1 < self._widest() <= WIDEST

    def _widest(self) -> int:
        return max(self.seen.kernel_size[0], self.carried.kernel_size[0])

    def _sweep(self, maps: list[Tensor], h: Tensor, c: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Read maps in one piece."""
        height, width = h.shape[2:]
        laid = tiles(height, width, self._widest(), self.seen.periodic, int(self.seen.dilation[0]), self.seen.poles)
        weights = self.seen.weight, self.carried.weight, self.seen.get_parameter("bias")
        hidden, cells = convlstm(torch.stack(maps), h, c, *weights, laid, not self.checkpointing)
        return list(hidden.unbind(0)), list(cells.unbind(0))

    def _carried(
        self, drive: Tensor, h: Tensor, c: Tensor, share: Tensor | None
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        return self.step(drive + self.carried(h, share), c)

    def step(self, drive: Tensor, c: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """One step: ``drive`` (B, 4 hidden, H, W) and the cell ``c`` give h, the next cell, and the gates."""
        h, c, i, f, o = (_compiled(_gates) if self.compiled else _gates)(drive, c, self.peepholes)
        return h, c, {"input gate": i, "forget gate": f, "output gate": o, "cell": c}


def _gates(drive: Tensor, c: Tensor, peepholes: Tensor | None) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return h, the next cell, and the gates input, forget and output."""
    i, f, g, o = drive.chunk(GATES, dim=1)
    if peepholes is not None:
        i, f = i + peepholes[0] * c, f + peepholes[1] * c
    i, f = torch.sigmoid(i), torch.sigmoid(f)
    c = f * c + i * torch.tanh(g)
    if peepholes is not None:
        o = o + peepholes[2] * c
    o = torch.sigmoid(o)
    return o * torch.tanh(c), c, i, f, o


@lru_cache
def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function compiled by torch, on its first call; that wants a C++ compiler on the machine."""
    return torch.compile(function)
