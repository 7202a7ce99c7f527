"""Simple recurrence, plain and with a forget gate."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from forecast.errors import ForecastError
from forecast.models.kernels.chunk import (
    alike,
    check,
    entering,
    of_weights,
    sigmoid_backward,
    tanh_backward,
    unrolled,
)

ACTIVATIONS = ("tanh", "relu")


def rnn(
    drive: Tensor, h0: Tensor, weight_hh: Tensor, bias_hh: Tensor | None = None, activation: str = "tanh"
) -> tuple[Tensor, Tensor]:
    """Simple recurrence over a chunk: h_t = activation(drive_t + U h_{t-1} + b).

    Elman 1990, Finding structure in time, Cognitive Science 14.

    Args:
        drive: the input product with its bias (B, T, H).
        h0: the state before the first step (B, H).
        weight_hh: U (H, H).
        bias_hh: b (H), or None.
        activation: "tanh" or "relu".

    Returns:
        h (B, T, H) and h after the last step (B, H).

    Raises:
        ForecastError: shapes that do not fit, or another activation.
    """
    if activation not in ACTIVATIONS:
        raise ForecastError("activation tanh or relu", f"{activation!r}", "choose one of them")
    check(drive, h0, weight_hh, bias_hh, 1)
    return _RNN.apply(*alike(drive, h0, weight_hh, bias_hh), activation)


def forget_rnn(drive: Tensor, h0: Tensor, weight_hh: Tensor, bias_hh: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Recurrence with a forget gate over a chunk (gates stacked f, u).

        f_t = s(d_f + U_f h_{t-1} + b_f)
        u_t = tanh(d_u + U_u h_{t-1} + b_u)
        h_t = f_t h_{t-1} + (1 - f_t) u_t

    Zaki & Meira 2020, Data Mining and Machine Learning, chapter on recurrent networks.

    Args:
        drive: the input product with its bias (B, T, 2H).
        h0: the state before the first step (B, H).
        weight_hh: U (2H, H).
        bias_hh: b (2H), or None.

    Returns:
        h (B, T, H) and h after the last step (B, H).

    Raises:
        ForecastError: shapes that do not fit.
    """
    check(drive, h0, weight_hh, bias_hh, 2)
    return _ForgetRNN.apply(*alike(drive, h0, weight_hh, bias_hh))


class _RNN(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, drive: Tensor, h0: Tensor, weight: Tensor, bias: Tensor | None, activation: str
    ) -> tuple[Tensor, Tensor]:
        states = unrolled(h0, drive.shape[1])
        states[1:] = drive.transpose(0, 1)
        if bias is not None:
            states[1:] += bias
        act, h, product = getattr(torch, f"{activation}_"), states[0], weight.t()
        for following in states[1:].unbind(0):
            h = act(following.addmm_(h, product))
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(states, weight)
        ctx.biased, ctx.activation = bias is not None, activation
        return states[1:].transpose(0, 1), h.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor | None, grad_last: Tensor | None) -> tuple[Tensor | None, ...]:
        states, weight = ctx.saved_tensors
        h = states[1:]
        deltas = (h > 0).to(h.dtype) if ctx.activation == "relu" else torch.addcmul(h.new_ones(1), h, h, value=-1)
        errors = entering(grad, grad_last, states)
        for delta, error, before in zip(
            *(part.unbind(0)[::-1] for part in (deltas, errors[1:], errors[:-1])), strict=True
        ):
            before.addmm_(delta.mul_(error), weight)
        of_bias = deltas.sum((0, 1)) if ctx.biased else None
        return deltas.transpose(0, 1), errors[0], of_weights(deltas, states[:-1]), of_bias, None


class _ForgetRNN(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, drive: Tensor, h0: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
        (streams, steps, width), units = drive.shape, h0.shape[1]
        gates = drive.new_empty(steps, streams, width)
        gates.copy_(drive.transpose(0, 1))
        if bias is not None:
            gates += bias
        states = unrolled(h0, steps)
        h, product = states[0], weight.t()
        for both, f, u, following in zip(
            *(part.unbind(0) for part in (gates, *gates.split(units, 2), states[1:])), strict=True
        ):
            both.addmm_(h, product)
            h = torch.lerp(u.tanh_(), h, f.sigmoid_(), out=following)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(gates, states, weight)
        ctx.biased = bias is not None
        return states[1:].transpose(0, 1), h.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor | None, grad_last: Tensor | None) -> tuple[Tensor | None, ...]:
        gates, states, weight = ctx.saved_tensors
        units = states.shape[2]
        forget, new = gates.split(units, 2)
        deltas = torch.empty_like(gates)
        of_forget, of_new = deltas.split(units, 2)
        sigmoid_backward(states[:-1] - new, forget, grad_input=of_forget)
        tanh_backward(1 - forget, new, grad_input=of_new)
        errors = entering(grad, grad_last, states)
        for two, both, f, error, before in zip(
            *(
                part.unbind(0)[::-1]
                for part in (deltas.unflatten(2, (2, units)), deltas, forget, errors[1:], errors[:-1])
            ),
            strict=True,
        ):
            two.mul_(error.unsqueeze(1))
            before.addcmul_(error, f).addmm_(both, weight)
        of_bias = deltas.sum((0, 1)) if ctx.biased else None
        return deltas.transpose(0, 1), errors[0], of_weights(deltas, states[:-1]), of_bias
