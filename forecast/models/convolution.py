"""Convolutions over maps: how their edges are padded, how their weights begin, and the ConvLSTM's cell.

Edges are replicated in latitude, and in longitude unless the grid closes the circle, where they wrap.

The input convolution is done for all steps of a chunk at once, channels last: against one joint convolution a step it
took 0.85 to 1.0 of the time (two layers of 24, 5 x 5, 17 x 33 cells), little more than the noise of the measurement.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import AfterValidator, Field
from torch import Tensor, nn
from torch.nn import functional

from forecast.errors import ForecastError
from forecast.models.base import Shape
from forecast.models.initialisation import draw

GATES = 4  # input, forget, candidate, output


def _odd(width: int) -> int:
    if width % 2 == 0:
        raise ValueError(f"a kernel has an odd width, so that it has a middle: {width - 1} or {width + 1}")
    return width


Width = Annotated[int, Field(ge=1, le=31), AfterValidator(_odd)]


def pad(x: Tensor, kernel: int, periodic: bool, dilation: int = 1) -> Tensor:
    """Pad maps for an odd kernel: edge values, or the other side in longitude.

    Args:
        x: maps (N, C, H, W).
        kernel: its width, cells.
        periodic: whether longitude closes the circle.
        dilation: distance of the kernel's cells.
    """
    margin = kernel // 2 * dilation
    if not margin:
        return x
    if periodic:
        return functional.pad(
            functional.pad(x, (margin, margin, 0, 0), "circular"), (0, 0, margin, margin), "replicate"
        )
    return functional.pad(x, (margin, margin, margin, margin), "replicate")


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


class Cell(nn.Module):
    """One ConvLSTM layer over a list of maps (time), each (B, C, H, W).

    Args:
        inputs: channels of the maps that are read.
        hidden: channels of h and c.
        shape: the model's sizes: whether the grid closes the circle, and the grid itself where there are peepholes.
        kernel: width of the input convolution, cells; odd.
        recurrent_kernel: width of the recurrent one, cells; odd.
        dilation: distance of the kernels' cells.
        peepholes: whether gates see the cell.
    """

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
        self.hidden, self.periodic, self.dilation = hidden, shape.periodic, dilation
        self.seen = nn.Conv2d(inputs, GATES * hidden, kernel, dilation=dilation)
        self.carried = nn.Conv2d(hidden, GATES * hidden, recurrent_kernel, dilation=dilation, bias=False)
        initialise(self.seen)
        initialise(self.carried)
        with torch.no_grad():
            bias = self.seen.get_parameter("bias")
            nn.init.ones_(bias[hidden : 2 * hidden])  # remember first (Gers et al. 2000)
        grid = shape.grid or ()
        self.peepholes = nn.Parameter(torch.zeros(3, hidden, *grid)) if peepholes else None

    def forward(
        self, maps: list[Tensor], h: Tensor, c: Tensor, shown: dict[str, list[Tensor]] | None = None
    ) -> tuple[list[Tensor], Tensor, Tensor]:
        """Read maps from the state before them.

        Args:
            maps: one a step, (B, C, H, W).
            h: hidden maps before the first, (B, hidden, H, W).
            c: cells before the first, alike.
            shown: where gates and cells are added to, name -> one a step.

        Returns:
            Hidden maps, one a step, and h and c after the last.
        """
        joined = torch.cat(maps).contiguous(memory_format=torch.channels_last)
        seen = self.seen(pad(joined, self.seen.kernel_size[0], self.periodic, self.dilation))
        hidden = []
        for drive in seen.split(len(h)):
            before = pad(h, self.carried.kernel_size[0], self.periodic, self.dilation)
            h, c, gates = self.step(drive + self.carried(before), c)
            hidden.append(h)
            if shown is not None:
                for name, value in {**gates, "hidden": h}.items():
                    shown.setdefault(name, []).append(value)
        return hidden, h, c

    def step(self, drive: Tensor, c: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """One step: ``drive`` (B, 4 hidden, H, W) and the cell ``c`` give h, the next cell, and the gates."""
        i, f, g, o = drive.split(self.hidden, dim=1)
        if self.peepholes is not None:
            i, f = i + self.peepholes[0] * c, f + self.peepholes[1] * c
        i, f = torch.sigmoid(i), torch.sigmoid(f)
        c = f * c + i * torch.tanh(g)
        if self.peepholes is not None:
            o = o + self.peepholes[2] * c
        o = torch.sigmoid(o)
        return o * torch.tanh(c), c, {"input gate": i, "forget gate": f, "output gate": o, "cell": c}
