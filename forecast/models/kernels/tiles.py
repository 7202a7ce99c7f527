"""Convolution in tiles: an output tile of m x m cells costs 64 products a pair of channels, instead of k^2 m^2.

A k-wide kernel over 8 x 8 cells gives m = 9 - k outputs a side. Both are taken as polynomials' coefficients and
evaluated at eight points, 0, +-1, +-2, +-1/2 and infinity, in each direction; there convolution is a product. So

    y = A^T [ (G w G^T) o (B^T x B) ] A

(Toom 1963; Winograd 1980, Arithmetic complexity of computations; Lavin & Gray 2016, Fast algorithms for convolutional
neural networks, CVPR, eq. 8). Summed over channels the products are 64 matrix products, (tiles x inputs) with (inputs x
outputs). Differences between the points' powers cost digits: in float32 y is right to some 4e-6 of its spread, instead
of 3e-7.

A map is held tile by tile, rows (m^2 x tiles) of (streams x channels); what a tile reads of its neighbours, of the
padding and, dilated, of every second cell, is a matter of which rows are gathered.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)  # and infinity
SIDE = len(POINTS) + 1
ONES = SIDE + 1  # the place of the points (1, 1), where what is added is added to all of an output tile
WIDEST = SIDE - 1  # the widest odd kernel


@lru_cache
def matrices(kernel: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Return B^T (8, 8), G (8, k) and A^T (m, 8).

    Args:
        kernel: its width k, odd, at most 7.
        dtype: of the matrices.
    """
    with torch.inference_mode(False):  # they are kept, and may meet autograd later
        into, weigh, back = torch.linalg.inv(_powers(SIDE)).t(), _powers(kernel), _powers(SIDE + 1 - kernel).t()
        return into.to(dtype), weigh.to(dtype), back.to(dtype)


def transform(matrix: Tensor, values: Tensor, room: Tensor, out: Tensor) -> None:
    """Write M x M^T of tiles, or of kernels, to ``out``.

    Args:
        matrix: M (r, s).
        values: x, (s^2, ...), contiguous as all here.
        room: what lies between the two directions, r s values for each s^2.
        out: (r^2, ...).
    """
    after, before = matrix.shape
    count = values.numel() // before**2
    between = room.flatten()[: after * before * count].view(before, after, count)
    torch.bmm(matrix.expand(before, -1, -1), values.view(before, before, count), out=between)
    torch.mm(matrix, between.view(before, -1), out=out.view(after, -1))


def _powers(count: int) -> Tensor:
    """Return each point's powers from 0 on, (8, count); infinity has the last one alone."""
    finite = torch.tensor(POINTS, dtype=torch.float64)[:, None] ** torch.arange(count)
    return torch.cat([finite, torch.eye(count, dtype=torch.float64)[-1:]])


@dataclass(frozen=True)
class Tiling:
    """Which cells the tiles of a grid hold and read.

    Attributes:
        tiles: how many there are.
        held: the cell of each row (m^2 x tiles), any where a tile hangs over the edge.
        own: the row of each cell.
        read: the row behind each of the (64 x tiles) values that tiles read.
        readers: those values, row by row of what they read ...
        firsts: ... and where each row's begin; their number at last.
    """

    tiles: int
    held: Tensor
    own: Tensor
    read: Tensor
    readers: Tensor
    firsts: Tensor

    def gather(self, rows: Tensor, out: Tensor) -> None:
        """Copy what the tiles read of ``rows`` (m^2 x tiles, ...) to ``out`` (64 x tiles, ...)."""
        torch.index_select(rows, 0, self.read, out=out)

    def scatter(self, values: Tensor) -> Tensor:
        """Return (m^2 x tiles, ...), the sums of the ``values`` (64 x tiles, ...) that were read from each row."""
        return embedding_bag(self.readers, values, self.firsts, mode="sum", include_last_offset=True)


def tiling(padded: Tensor, kernel: int, dilation: int) -> Tiling:
    """Lay tiles over a grid; a dilated kernel's tiles hold every second, third ... cell.

    Args:
        padded: the number of the cell whose value stands at each place of the padded map,
            (H + (k - 1) dilation, W + (k - 1) dilation).
        kernel: its width k, odd, at most 7.
        dilation: distance of its cells.
    """
    margin = kernel // 2 * dilation
    height, width = (size - 2 * margin for size in padded.shape)
    (rows, tall), (columns, wide) = (_axis(size, SIDE + 1 - kernel, dilation) for size in (height, width))
    held = _crossed(rows, columns)
    count = held.shape[1]
    outside = (held[0] >= height) | (held[1] >= width)
    cell = held[0].clamp(max=height - 1) * width + held[1].clamp(max=width - 1)
    own = torch.empty(height * width, dtype=torch.long)
    own[cell[~outside]] = torch.arange(count)[~outside]
    (rows, _), (columns, _) = (_axis(size, SIDE + 1 - kernel, dilation, SIDE) for size in (height, width))
    y, x = _crossed(rows, columns)
    read = own[padded[y.clamp(max=padded.shape[0] - 1), x.clamp(max=padded.shape[1] - 1)]]
    firsts = torch.cat([torch.zeros(1, dtype=torch.long), torch.bincount(read, minlength=count).cumsum(0)])
    return Tiling(tall * wide, cell, own, read, read.argsort(stable=True), firsts)


def _axis(size: int, held: int, dilation: int, cells: int | None = None) -> tuple[Tensor, int]:
    """Return the places of the tiles' cells along one direction, (cells, tiles), and the number of tiles."""
    reach = held * dilation
    firsts = [phase + start for phase in range(min(dilation, size)) for start in range(0, size - phase, reach)]
    steps = torch.arange(held if cells is None else cells)[:, None] * dilation
    return steps + torch.tensor(firsts), len(firsts)


def _crossed(rows: Tensor, columns: Tensor) -> Tensor:
    """Return y and x, (2, cells x tiles), of tiles that are the product of two directions' ones."""
    shape = (len(rows), len(columns), rows.shape[1], columns.shape[1])
    y, x = rows[:, None, :, None].expand(shape), columns[None, :, None, :].expand(shape)
    return torch.stack([y.flatten(), x.flatten()])
