"""Gated recurrent units, with the reset gate after the recurrent product and before it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from forecast.models.kernels.chunk import (
    alike,
    check,
    entering,
    of_weights,
    sigmoid_backward,
    tanh_backward,
    unrolled,
)


def gru(
    drive: Tensor, h0: Tensor, weight_hh: Tensor, bias_hh: Tensor | None = None, reset_after: bool = True
) -> tuple[Tensor, Tensor]:
    """Gated recurrent units over a chunk (``d`` is drive, ``U, b`` are weight_hh and bias_hh, s the logistic function).

        r_t = s(d_r + U_r h_{t-1} + b_r)
        z_t = s(d_z + U_z h_{t-1} + b_z)
        n_t = tanh(d_n + r_t (U_n h_{t-1} + b_n))    reset after the product, as torch and cuDNN have it
        n_t = tanh(d_n + U_n (r_t h_{t-1}) + b_n)    reset before it, as published
        h_t = (1 - z_t) n_t + z_t h_{t-1}

    Cho et al. 2014, Learning phrase representations using RNN encoder-decoder, EMNLP, eqs 5-8 (with z in the place of
    1 - z there).

    Args:
        drive: the input product with its bias (B, T, 3H).
        h0: the state before the first step (B, H).
        weight_hh: U (3H, H).
        bias_hh: b (3H), or None.
        reset_after: which of the two candidates.

    Returns:
        h (B, T, H) and h after the last step (B, H).

    Raises:
        ForecastError: shapes that do not fit.
    """
    check(drive, h0, weight_hh, bias_hh, 3)
    return (_GRU if reset_after else _PublishedGRU).apply(*alike(drive, h0, weight_hh, bias_hh))


class _GRU(torch.autograd.Function):
    """Reset after the product."""

    @staticmethod
    def forward(ctx: Any, drive: Tensor, h0: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
        (streams, steps, width), units = drive.shape, h0.shape[1]
        drive = drive.transpose(0, 1)
        gates = drive.new_empty(steps, streams, width)  # in the end r, z and U_n h + b_n
        gates.copy_(drive)
        gates[..., 2 * units :] = 0
        if bias is not None:
            gates += bias
        states, new = unrolled(h0, steps), drive.new_empty(steps, streams, units)
        reset, update, carried = gates.split(units, 2)
        h, product = states[0], weight.t()
        for all_t, rz, r, z, u, d, n, following in zip(
            gates.unbind(0), gates[..., : 2 * units].unbind(0), reset.unbind(0), update.unbind(0), carried.unbind(0),
            drive[..., 2 * units :].unbind(0), new.unbind(0), states[1:].unbind(0), strict=True,
        ):  # fmt: skip
            all_t.addmm_(h, product)
            rz.sigmoid_()
            torch.addcmul(d, r, u, out=n).tanh_()
            h = torch.lerp(n, h, z, out=following)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(gates, new, states, weight)
        ctx.biased = bias is not None
        return states[1:].transpose(0, 1), h.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor | None, grad_last: Tensor | None) -> tuple[Tensor | None, ...]:
        gates, new, states, weight = ctx.saved_tensors
        units = new.shape[2]
        reset, update, carried = gates.split(units, 2)
        deltas = new.new_empty(*new.shape[:2], 4 * units)  # of U_n h + b_n, r, z, n: recurrent ones first, driven last
        of_carried, of_reset, of_update, of_new = deltas.split(units, 2)
        kept = 1 - update
        tanh_backward(kept, new, grad_input=of_new)
        torch.mul(of_new, reset, out=of_carried)
        sigmoid_backward(of_new * carried, reset, grad_input=of_reset)
        sigmoid_backward(torch.sub(states[:-1], new, out=kept), update, grad_input=of_update)
        errors, recurrent = entering(grad, grad_last, states), deltas[..., : 3 * units]
        product = torch.cat((weight[2 * units :], weight[: 2 * units]))
        for four, three, z, error, before in zip(
            *(
                part.unbind(0)[::-1]
                for part in (deltas.unflatten(2, (4, units)), recurrent, update, errors[1:], errors[:-1])
            ),
            strict=True,
        ):
            four.mul_(error.unsqueeze(1))
            before.addcmul_(error, z).addmm_(three, product)
        of_weight = of_weights(recurrent, states[:-1]).roll(-units, 0)
        of_bias = recurrent.sum((0, 1)).roll(-units, 0) if ctx.biased else None
        return deltas[..., units:].transpose(0, 1), errors[0], of_weight, of_bias


class _PublishedGRU(torch.autograd.Function):
    """Reset before the product."""

    @staticmethod
    def forward(ctx: Any, drive: Tensor, h0: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
        (streams, steps, width), units = drive.shape, h0.shape[1]
        gates = drive.new_empty(steps, streams, width)
        gates.copy_(drive.transpose(0, 1))
        if bias is not None:
            gates += bias
        states, kept = unrolled(h0, steps), drive.new_empty(steps, streams, units)
        both, (reset, update, new) = gates[..., : 2 * units], gates.split(units, 2)
        h, first, second = states[0], weight[: 2 * units].t(), weight[2 * units :].t()
        for rz, r, z, n, k, following in zip(
            *(part.unbind(0) for part in (both, reset, update, new, kept, states[1:])), strict=True
        ):
            rz.addmm_(h, first).sigmoid_()
            n.addmm_(torch.mul(r, h, out=k), second).tanh_()
            h = torch.lerp(n, h, z, out=following)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(gates, kept, states, weight)
        ctx.biased = bias is not None
        return states[1:].transpose(0, 1), h.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor | None, grad_last: Tensor | None) -> tuple[Tensor | None, ...]:
        gates, kept, states, weight = ctx.saved_tensors
        units = kept.shape[2]
        reset, update, new = gates.split(units, 2)
        deltas = torch.empty_like(gates)
        of_reset, of_update, of_new = deltas.split(units, 2)
        sigmoid_backward(states[:-1], reset, grad_input=of_reset)
        sigmoid_backward(states[:-1] - new, update, grad_input=of_update)
        tanh_backward(1 - update, new, grad_input=of_new)
        errors, of_kept = entering(grad, grad_last, states), torch.empty_like(states[0])
        first, second = weight[: 2 * units], weight[2 * units :]
        views = (deltas[..., units:].unflatten(2, (2, units)), deltas[..., : 2 * units], of_reset, of_new)
        for zn, rz, dr, dn, r, z, error, before in zip(
            *(part.unbind(0)[::-1] for part in (*views, reset, update, errors[1:], errors[:-1])), strict=True
        ):
            zn.mul_(error.unsqueeze(1))
            torch.mm(dn, second, out=of_kept)
            dr.mul_(of_kept)
            before.addcmul_(error, z).addcmul_(of_kept, r).addmm_(rz, first)
        of_gates = of_weights(deltas[..., : 2 * units], states[:-1])
        of_weight = torch.cat((of_gates, of_weights(of_new, kept)))
        return deltas.transpose(0, 1), errors[0], of_weight, deltas.sum((0, 1)) if ctx.biased else None
