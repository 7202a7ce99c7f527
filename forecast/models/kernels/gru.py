"""Gated recurrent units, with the reset gate after the recurrent product and before it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from forecast.models.kernels.chunk import (
    Gradients,
    backwards,
    checked,
    driven,
    entering,
    finish,
    forwards,
    of_sigmoid,
    of_tanh,
    of_weights,
    unrolled,
)


def gru(
    drive: Tensor, h0: Tensor, weight_hh: Tensor, bias_hh: Tensor | None = None, reset_after: bool = True
) -> tuple[Tensor, Tensor]:
    """Gated recurrent units over a chunk (d is the drive, U and b are weight_hh and bias_hh, s the logistic function).

        r_t = s(d_r + U_r h_{t-1} + b_r)
        z_t = s(d_z + U_z h_{t-1} + b_z)
        n_t = tanh(d_n + r_t (U_n h_{t-1} + b_n))    reset after the product, as torch and cuDNN have it
        n_t = tanh(d_n + U_n (r_t h_{t-1}) + b_n)    reset before it, as published
        h_t = (1 - z_t) n_t + z_t h_{t-1}

    Cho et al. 2014, Learning phrase representations using RNN encoder-decoder, EMNLP, eqs 5-8.

    Args:
        drive: the input product with its bias (B, T, 3H), gates stacked r, z, n.
        h0: the state before the first step (B, H).
        weight_hh: U (3H, H).
        bias_hh: b (3H), or None for 0.
        reset_after: which of the two candidates.

    Returns:
        h (B, T, H) and h after the last step (B, H).

    Raises:
        ForecastError: shapes that do not fit.
    """
    kernel = _After if reset_after else _Before
    return kernel.apply(*checked(drive, h0, weight_hh, bias_hh, 3))


class _After(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, drive: Tensor, h0: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
        units, steps = h0.shape[1], drive.shape[1]
        gates = driven(drive, bias)  # in the end r, z, and v = U_n h + b_n
        gates[..., 2 * units :] = 0 if bias is None else bias[2 * units :]
        states, new = unrolled(h0, steps), drive.new_empty(steps, *h0.shape)
        new.copy_(drive.transpose(0, 1)[..., 2 * units :])
        with torch.inference_mode():
            h, product = states[0], weight.t()
            for rzv, rz, r, z, v, n, following in forwards(
                gates, gates[..., : 2 * units], *gates.split(units, 2), new, states[1:]
            ):
                rzv.addmm_(h, product)
                rz.sigmoid_()
                n.addcmul_(r, v).tanh_()
                h = torch.lerp(n, h, z, out=following)
        return finish(ctx, states, gates, new, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor | None, grad_last: Tensor | None) -> Gradients:
        states, gates, new, weight = ctx.saved_tensors
        units, errors = new.shape[2], entering(states, grad, grad_last)
        r, z, v = gates.split(units, 2)
        deltas = new.new_empty(*new.shape[:2], 4 * units)  # of v, r, z, n: the first three recur, the last three drive
        of_v, of_r, of_z, of_n = deltas.split(units, 2)
        of_tanh(1 - z, new, grad_input=of_n)
        torch.mul(of_n, r, out=of_v)
        of_sigmoid(of_n * v, r, grad_input=of_r)
        of_sigmoid(states[:-1] - new, z, grad_input=of_z)
        recurring = deltas[..., : 3 * units]
        with torch.inference_mode():
            error, product = errors[-1], weight.roll(units, 0)
            for factors, vrz, keep, before in backwards(deltas.unflatten(2, (4, units)), recurring, z, errors[:-1]):
                factors.mul_(error.unsqueeze(1))
                error = before.addcmul_(error, keep).addmm_(vrz, product)
        of_weight = of_weights(recurring, states[:-1]).roll(-units, 0)
        of_bias = recurring.sum((0, 1)).roll(-units, 0) if ctx.needs_input_grad[3] else None
        return deltas[..., units:].transpose(0, 1), errors[0], of_weight, of_bias


class _Before(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, drive: Tensor, h0: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
        units, steps = h0.shape[1], drive.shape[1]
        gates, states, kept = driven(drive, bias), unrolled(h0, steps), drive.new_empty(steps, *h0.shape)
        with torch.inference_mode():
            h, first, second = states[0], weight[: 2 * units].t(), weight[2 * units :].t()
            for rz, r, z, n, k, following in forwards(
                gates[..., : 2 * units], *gates.split(units, 2), kept, states[1:]
            ):
                rz.addmm_(h, first).sigmoid_()
                n.addmm_(torch.mul(r, h, out=k), second).tanh_()
                h = torch.lerp(n, h, z, out=following)
        return finish(ctx, states, gates, kept, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor | None, grad_last: Tensor | None) -> Gradients:
        states, gates, kept, weight = ctx.saved_tensors
        units, errors, deltas = kept.shape[2], entering(states, grad, grad_last), torch.empty_like(gates)
        (r, z, n), (of_r, of_z, of_n) = gates.split(units, 2), deltas.split(units, 2)
        of_sigmoid(states[:-1], r, grad_input=of_r)
        of_sigmoid(states[:-1] - n, z, grad_input=of_z)
        of_tanh(1 - z, n, grad_input=of_n)
        own, gated = deltas[..., units:].unflatten(2, (2, units)), deltas[..., : 2 * units]
        with torch.inference_mode():
            error, first, second = errors[-1], weight[: 2 * units], weight[2 * units :]
            of_kept = torch.empty_like(error)
            for factors, rz, dr, dn, reset, keep, before in backwards(own, gated, of_r, of_n, r, z, errors[:-1]):
                factors.mul_(error.unsqueeze(1))
                torch.mm(dn, second, out=of_kept)
                dr.mul_(of_kept)
                error = before.addcmul_(error, keep).addcmul_(of_kept, reset).addmm_(rz, first)
        of_weight = torch.cat((of_weights(gated, states[:-1]), of_weights(of_n, kept)))
        of_bias = deltas.sum((0, 1)) if ctx.needs_input_grad[3] else None
        return deltas.transpose(0, 1), errors[0], of_weight, of_bias
