"""Simple recurrence, plain and with a forget gate."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from forecast.errors import ForecastError
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
        bias_hh: b (H), or None for 0.
        activation: "tanh" or "relu".

    Returns:
        h (B, T, H) and h after the last step (B, H).

    Raises:
        ForecastError: shapes that do not fit, or another activation.
    """
    if activation not in ACTIVATIONS:
        raise ForecastError("activation tanh or relu", f"{activation!r}", "choose one of them")
    return _Plain.apply(*checked(drive, h0, weight_hh, bias_hh, 1), activation)


def forget_rnn(drive: Tensor, h0: Tensor, weight_hh: Tensor, bias_hh: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Recurrence with a forget gate over a chunk (d is the drive, U and b are weight_hh and bias_hh).

        f_t = s(d_f + U_f h_{t-1} + b_f)             s: logistic function
        u_t = tanh(d_u + U_u h_{t-1} + b_u)
        h_t = f_t h_{t-1} + (1 - f_t) u_t

    Zaki & Meira 2020, Data Mining and Machine Learning, 2nd edition, chapter on recurrent networks.

    Args:
        drive: the input product with its bias (B, T, 2H), gates stacked f, u.
        h0: the state before the first step (B, H).
        weight_hh: U (2H, H).
        bias_hh: b (2H), or None for 0.

    Returns:
        h (B, T, H) and h after the last step (B, H).

    Raises:
        ForecastError: shapes that do not fit.
    """
    return _Forgetting.apply(*checked(drive, h0, weight_hh, bias_hh, 2))


class _Plain(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, drive: Tensor, h0: Tensor, weight: Tensor, bias: Tensor | None, activation: str
    ) -> tuple[Tensor, Tensor]:
        states, act = unrolled(h0, drive.shape[1]), torch.tanh_ if activation == "tanh" else torch.relu_
        ctx.activation, drive = activation, drive.transpose(0, 1)
        states[1:] = drive if bias is None else drive + bias
        with torch.inference_mode():
            h, product = states[0], weight.t()
            for following in states[1:].unbind(0):
                h = act(following.addmm_(h, product))
        return finish(ctx, states, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor | None, grad_last: Tensor | None) -> Gradients:
        states, weight = ctx.saved_tensors
        h, errors = states[1:], entering(states, grad, grad_last)
        deltas = 1 - h.square() if ctx.activation == "tanh" else (h > 0).to(h.dtype)
        with torch.inference_mode():
            error = errors[-1]
            for delta, before in backwards(deltas, errors[:-1]):
                error = before.addmm_(delta.mul_(error), weight)
        of_bias = deltas.sum((0, 1)) if ctx.needs_input_grad[3] else None
        return deltas.transpose(0, 1), errors[0], of_weights(deltas, states[:-1]), of_bias, None


class _Forgetting(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, drive: Tensor, h0: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
        gates, states = driven(drive, bias), unrolled(h0, drive.shape[1])
        with torch.inference_mode():
            h, product = states[0], weight.t()
            for both, f, u, following in forwards(gates, *gates.split(h0.shape[1], 2), states[1:]):
                both.addmm_(h, product)
                h = torch.lerp(u.tanh_(), h, f.sigmoid_(), out=following)
        return finish(ctx, states, gates, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor | None, grad_last: Tensor | None) -> Gradients:
        states, gates, weight = ctx.saved_tensors
        units, errors, deltas = states.shape[2], entering(states, grad, grad_last), torch.empty_like(gates)
        (f, u), (of_f, of_u) = gates.split(units, 2), deltas.split(units, 2)
        of_sigmoid(states[:-1] - u, f, grad_input=of_f)
        of_tanh(1 - f, u, grad_input=of_u)
        with torch.inference_mode():
            error = errors[-1]
            for factors, both, keep, before in backwards(deltas.unflatten(2, (2, units)), deltas, f, errors[:-1]):
                factors.mul_(error.unsqueeze(1))
                error = before.addcmul_(error, keep).addmm_(both, weight)
        of_bias = deltas.sum((0, 1)) if ctx.needs_input_grad[3] else None
        return deltas.transpose(0, 1), errors[0], of_weights(deltas, states[:-1]), of_bias
