"""The sLSTM over a whole chunk: exponential gates, a normaliser, recurrence within heads.

The stabiliser m is a constant backward: h does not depend on it, since c and n are multiples of the same exp(m).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from forecast.errors import ForecastError
from forecast.models.kernels.chunk import Gradients, backwards, forwards, of_tanh, unrolled

Parts = tuple[Tensor, Tensor, Tensor, Tensor]


def slstm(drive: Tensor, state: Parts, weight: Tensor, exponential: bool = False) -> tuple[Tensor, Parts]:
    """The sLSTM over a chunk (forecast/models/slstm.py has its equations), computed in float32 at least.

    Args:
        drive: the input product with its bias (B, T, 4H), gates stacked candidate, input, forget, output.
        state: h, c, n, m, each (B, H); where c and n are 0 nothing is held, whatever m is.
        weight: U, head by head (heads, 4H / heads, H / heads), gates stacked alike.
        exponential: whether the forget gate is exponential instead of logistic.

    Returns:
        h (B, T, H); and h, c, n, m after the last step, of which m carries no gradient.

    Raises:
        ForecastError: shapes that do not fit.
    """
    heads, rows, units = weight.shape
    batch = tuple(drive.shape[:2])
    wanted = [(*batch, heads * rows), *[(*batch[:1], heads * units)] * 4, (heads, 4 * units, units)]
    got = [tuple(part.shape) for part in (drive, *state, weight)]
    if got != wanted or not all(batch):
        expected = "drive (B, T, 4H), four parts of state (B, H), weights (heads, 4H / heads, H / heads), none empty"
        raise ForecastError(expected, ", ".join(map(str, got)), "stack the gates within each head")
    wide = torch.promote_types(drive.dtype, torch.float32)
    sums = drive.to(wide).unflatten(2, (4, heads, units)).permute(1, 3, 0, 2, 4)
    apart = (part.to(wide).unflatten(1, (heads, units)).transpose(0, 1) for part in state)
    hidden, *last = _SLSTM.apply(sums, *apart, weight.to(wide), exponential)
    h, c, n, m = (part.transpose(0, 1).flatten(1).to(old.dtype) for part, old in zip(last, state, strict=True))
    return hidden.permute(2, 0, 1, 3).flatten(2).to(drive.dtype), (h, c, n, m)


class _SLSTM(torch.autograd.Function):
    """Time and heads first: drive (T, heads, B, 4, D), a part of the state (heads, B, D)."""

    @staticmethod
    def forward(
        ctx: Any, drive: Tensor, h: Tensor, c: Tensor, n: Tensor, m: Tensor, weight: Tensor, exponential: bool
    ) -> tuple[Tensor, ...]:
        gates = torch.empty(drive.shape, dtype=drive.dtype, device=drive.device).copy_(drive)  # in the end z, i', f', o
        states, held = unrolled(h, len(gates)), unrolled(torch.stack((c, n), dim=2), len(gates))
        logs = torch.empty_like(states[1:])
        level = m.clone()
        empty: Tensor | None = (c == 0) & (n == 0)
        with torch.inference_mode():
            product = weight.transpose(1, 2)
            for zifo, z, i, f, o, two, log, before, cn, c, n, h, following in forwards(
                gates.flatten(3), *gates.unbind(3), gates[:, :, :, 1:3], logs, held[:-1], held[1:],
                *held[1:].unbind(3), states[:-1], states[1:],
            ):  # fmt: skip
                zifo.baddbmm_(h, product)
                z.tanh_()
                o.sigmoid_()
                torch.add(f if exponential else _log_sigmoid(f, out=log), level, out=f)
                if empty is not None:  # the first step
                    f.copy_(torch.where(empty, torch.minimum(f, i), f))
                    empty = None
                torch.maximum(i, f, out=level)
                two.sub_(level.unsqueeze(2)).exp_()
                torch.mul(before, f.unsqueeze(2), out=cn)
                torch.div(c.addcmul_(i, z), n.add_(i), out=following).mul_(o)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(gates, states, held, None if exponential else logs, weight)
        ctx.mark_non_differentiable(level)
        return states[1:], states[-1].clone(), held[-1, :, :, 0].clone(), held[-1, :, :, 1].clone(), level

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor | None, *grads: Tensor | None) -> Gradients:
        gates, states, held, logs, weight = ctx.saved_tensors
        (z, i, f, o), h, n = gates.unbind(3), states[1:], held[1:, :, :, 1]
        deltas, read, weighed = torch.empty_like(gates), torch.empty_like(held[1:]), torch.empty_like(held[1:])
        old = held[:-1] * (f if logs is None else f * -torch.expm1(logs)).unsqueeze(3)
        of_tanh(i, z, grad_input=deltas[:, :, :, 0])  # z, i and f: by c and, the latter two, by n
        torch.mul(i, z, out=deltas[:, :, :, 1])
        deltas[:, :, :, 2] = old[:, :, :, 0]
        torch.mul(h, 1 - o, out=deltas[:, :, :, 3])
        weighed[:, :, :, 0], weighed[:, :, :, 1] = i, old[:, :, :, 1]
        torch.div(o, n, out=read[:, :, :, 0])  # h by c and by n
        torch.div(h, -n, out=read[:, :, :, 1])
        errors, of_held = _entering(states, held, grad, *grads[:3])
        with torch.inference_mode():
            of_c, of_n = (part.unsqueeze(2) for part in of_held.unbind(2))
            for zifo, zif, two, out, reading, weighing, keep, error, before in backwards(
                deltas.flatten(3), deltas[:, :, :, :3], deltas[:, :, :, 1:3], deltas[:, :, :, 3], read, weighed,
                f.unsqueeze(3), errors[1:], errors[:-1],
            ):  # fmt: skip
                of_held.addcmul_(error.unsqueeze(2), reading)
                out.mul_(error)
                zif.mul_(of_c)
                two.addcmul_(of_n, weighing)
                before.baddbmm_(zifo, weight)
                of_held.mul_(keep)
        left, right = (part.transpose(0, 1).flatten(1, 2) for part in (deltas.flatten(3), states[:-1]))
        of_weight = torch.bmm(left.transpose(1, 2), right, out=torch.empty_like(weight))  # out= keeps autocast away
        return deltas, errors[0], *of_held.unbind(2), (of_held * held[0]).sum(2), of_weight, None


_log_sigmoid = torch.ops.aten.log_sigmoid.out


def _entering(states: Tensor, held: Tensor, grad: Tensor | None, *last: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the gradients that enter from outside: h_0 ... h_T, and c and n after the last step."""
    errors, of_held = torch.zeros_like(states), torch.zeros_like(held[-1])
    rooms = (errors[1:], errors[-1], *of_held.unbind(2))
    for room, part in zip(rooms, (grad, *last), strict=True):
        if part is not None:
            room += part
    return errors, of_held
