"""The ConvLSTM over a whole chunk: both convolutions as one in tiles, the gates in place.

The state stays tile by tile over the chunk; x_t stands beside h_{t-1}, so that a step is one gather, the products at
the points and the gates. The backward pass walks the same way back through the transposed matrices, which makes it the
exact gradient of what was computed; the kernels' gradient is summed at the points.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from forecast.models.kernels.chunk import Gradients, of_sigmoid, of_tanh
from forecast.models.kernels.tiles import ONES, SIDE, Tiling, matrices, transform

GATES = 4
ROOM = 6_000_000  # bytes of products that are worked on at once: more would not stay in a cache


def convlstm(
    x: Tensor, h: Tensor, c: Tensor, seen: Tensor, carried: Tensor, bias: Tensor, tiling: Tiling, keep: bool = True
) -> tuple[Tensor, Tensor]:
    """The ConvLSTM without peepholes over a chunk (forecast/models/convlstm.py has its equations).

    Args:
        x: maps (T, B, C, H, W).
        h: hidden maps before the first, (B, hidden, H, W).
        c: cells before the first, alike.
        seen: weights of the input convolution (4 hidden, C, k, k), gates input, forget, candidate, output.
        carried: those of the recurrent one, (4 hidden, hidden, l, l).
        bias: (4 hidden).
        tiling: of the grid, for the wider one of the kernels, and their dilation.
        keep: whether gates are kept for the backward pass, or computed again there: that takes half of the memory,
            and their products once more.

    Returns:
        Hidden maps and cells after each step, (T, B, hidden, H, W) both.
    """
    kernel = max(seen.shape[-1], carried.shape[-1])
    joint = torch.cat([_widened(seen, kernel), _widened(carried, kernel)], dim=1)
    weigh = matrices(kernel, joint.dtype)[1]
    weights = torch.kron(weigh, weigh) @ joint.permute(2, 3, 1, 0).flatten(2).flatten(0, 1)
    weights = weights.unflatten(1, (joint.shape[1], -1))
    streams = max(1, ROOM // (weights[:, 0].numel() * tiling.tiles * weights.element_size()))
    space = (x.flatten(3).permute(0, 3, 1, 2), *(one.flatten(2).permute(2, 0, 1) for one in (h, c)))
    parts = zip(*(one.split(streams, dim=-2) for one in space), strict=True)
    swept = [_ConvLSTM.apply(*part, weights, bias, tiling, kernel, keep) for part in parts]
    hidden, cells = (torch.cat(one, dim=2).permute(0, 2, 3, 1) for one in zip(*swept, strict=True))
    return hidden.unflatten(3, h.shape[2:]), cells.unflatten(3, h.shape[2:])


def _widened(weight: Tensor, kernel: int) -> Tensor:
    margin = (kernel - weight.shape[-1]) // 2
    return pad(weight, (margin,) * 4) if margin else weight


class _ConvLSTM(torch.autograd.Function):
    """Space first: x (T, cells, B, C), h and c (cells, B, hidden), weights (64, C + hidden, 4 hidden)."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        h: Tensor,
        c: Tensor,
        weights: Tensor,
        bias: Tensor,
        tiling: Tiling,
        kernel: int,
        keep: bool,
    ) -> tuple[Tensor, Tensor]:
        steps, _, streams, inputs = x.shape
        units, rows = h.shape[-1], len(tiling.held)
        read = x.new_empty(steps + 1, rows, streams, inputs + units)  # x_t and h_{t-1}
        gates = x.new_empty(steps if keep else 1, rows, streams, GATES * units)
        held = x.new_empty(steps + 1, rows, streams, units)
        room, tanh = _Room(tiling, kernel, read[0], GATES * units), torch.empty_like(held[0])
        with torch.inference_mode():
            read[:-1, :, :, :inputs] = x.index_select(1, tiling.held)
            read[0, :, :, inputs:], held[0] = h.index_select(0, tiling.held), c.index_select(0, tiling.held)
            for now, four, before, after, following in zip(
                read[:-1], gates.expand(steps, -1, -1, -1), held[:-1], held[1:], read[1:, :, :, inputs:], strict=True
            ):
                room.gates(room.points(now), weights, bias, four)
                i, f, g, o = four.split(units, dim=-1)
                torch.mul(f, before, out=after).addcmul_(i, g)
                torch.mul(torch.tanh(after, out=tanh), o, out=following)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(read, gates if keep else None, held, weights, bias)
        ctx.tiling, ctx.kernel = tiling, kernel
        return read[1:, :, :, inputs:].index_select(1, tiling.own), held[1:].index_select(1, tiling.own)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor | None, grad_held: Tensor | None) -> Gradients:
        read, gates, held, weights, bias = ctx.saved_tensors
        tiling: Tiling = ctx.tiling
        inputs = read.shape[-1] - held.shape[-1]
        of_x = torch.empty_like(read[:-1, :, :, :inputs]) if ctx.needs_input_grad[0] else None
        skipped = inputs if of_x is None else 0  # channels whose gradient nobody asked for
        transposed = weights[:, skipped:].transpose(1, 2).contiguous()
        room, deltas = _Room(tiling, ctx.kernel, read[0], len(bias)), read.new_empty(*held.shape[1:3], len(bias))
        of_h, of_c, tanh, spare = held.new_zeros(4, *held[0].shape)
        of_weights, of_bias = torch.zeros_like(weights), torch.zeros_like(bias)
        into, _, back = (one.t() for one in matrices(ctx.kernel, read.dtype))
        outer = [(total, part.contiguous()) for total, part in ((of_h, grad), (of_c, grad_held)) if part is not None]
        again = torch.empty_like(deltas) if gates is None else None
        with torch.inference_mode():
            for t in range(len(held) - 2, -1, -1):
                for total, part in outer:
                    total.flatten(1).index_add_(0, tiling.own, part[t].flatten(1))
                at, four = room.points(read[t]), again if again is not None else gates[t]
                if again is not None:
                    room.gates(at, weights, bias, again)
                torch.tanh(held[t + 1], out=tanh)
                _of_gates(four, held[t], tanh, of_h, of_c, spare, deltas)
                transform(back, deltas, room.between, room.product)
                of_bias += room.product[ONES].sum(0)
                of_weights.baddbmm_(at.transpose(1, 2), room.product)
                of_points, values = room.rows(len(transposed[0, 0]))
                torch.bmm(room.product, transposed, out=of_points)
                transform(into, of_points, room.between, values)
                of_read = tiling.scatter(values).view(*held.shape[1:3], -1)
                of_h.copy_(of_read[:, :, inputs - skipped :])
                if of_x is not None:
                    of_x[t] = of_read[:, :, :inputs]
        of_x = None if of_x is None else of_x.index_select(1, tiling.own)
        of_h, of_c = (one.index_select(0, tiling.own) for one in (of_h, of_c))
        return of_x, of_h, of_c, of_weights, of_bias, None, None, None


class _Room:
    """What one step after the other works in: what tiles read, that at the points, and the products there."""

    def __init__(self, tiling: Tiling, kernel: int, read: Tensor, outputs: int) -> None:
        _, streams, width = read.shape
        self.tiling, (self.into, _, self.back) = tiling, matrices(kernel, read.dtype)
        count, size = tiling.tiles * streams, SIDE * SIDE
        self.values, self.at = read.new_empty(size * count * width), read.new_empty(size * count * width)
        self.between = read.new_empty(size * count * max(width, outputs))
        self.product = read.new_empty(size, count, outputs)

    def rows(self, width: int) -> tuple[Tensor, Tensor]:
        """Return room for so many channels at the points, (64, tiles x streams, width), and for what tiles read."""
        size, count, _ = self.product.shape
        wanted = size * count * width
        return self.at[:wanted].view(size, count, width), self.values[:wanted].view(size * self.tiling.tiles, -1)

    def points(self, read: Tensor) -> Tensor:
        """Return what tiles read of (rows, streams, width), at the points, (64, tiles x streams, width)."""
        at, values = self.rows(read.shape[-1])
        self.tiling.gather(read.flatten(1), values)
        transform(self.into, values, self.between, at)
        return at

    def gates(self, at: Tensor, weights: Tensor, bias: Tensor, out: Tensor) -> None:
        """Write the gates (rows, streams, 4 hidden) to ``out``, from what tiles read ``at`` the points."""
        torch.bmm(at, weights, out=self.product)
        self.product[ONES] += bias
        transform(self.back, self.product, self.between, out)
        units = out.shape[-1] // GATES
        out[:, :, : 2 * units].sigmoid_()
        out[:, :, 2 * units : 3 * units].tanh_()
        out[:, :, 3 * units :].sigmoid_()


def _of_gates(
    gates: Tensor, before: Tensor, tanh: Tensor, of_h: Tensor, of_c: Tensor, spare: Tensor, out: Tensor
) -> None:
    """Write the gradient of the gates' sums to ``out``, and turn that of the cell into that of the cell before."""
    (i, f, g, o), (di, df, dg, do) = (one.chunk(GATES, dim=-1) for one in (gates, out))
    of_sigmoid(torch.mul(of_h, tanh, out=spare), o, grad_input=do)
    torch.mul(of_h, o, out=spare)
    of_c += of_tanh(spare, tanh, grad_input=spare)
    of_sigmoid(torch.mul(of_c, g, out=spare), i, grad_input=di)
    of_sigmoid(torch.mul(of_c, before, out=spare), f, grad_input=df)
    of_tanh(torch.mul(of_c, i, out=spare), g, grad_input=dg)
    of_c *= f
