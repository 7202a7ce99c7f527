"""What the kernels share: checks, the room that a chunk works in, walking over its steps, the gradient of weights.

The loops run in inference mode, on tensors made outside it: nothing there is autograd's business, and a small operation
costs a tenth less.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from forecast.errors import ForecastError

Gradients = tuple[Tensor | None, ...]
of_sigmoid = torch.ops.aten.sigmoid_backward.grad_input  # (g, s) -> g s (1 - s), s = sigmoid(a)
of_tanh = torch.ops.aten.tanh_backward.grad_input  # (g, n) -> g (1 - n^2), n = tanh(a)


def checked(drive: Tensor, h0: Tensor, weight: Tensor, bias: Tensor | None, gates: int) -> list[Tensor | None]:
    """Return drive, h0, weight and bias, which stack so many ``gates``, in the drive's dtype.

    (Under autocast the drive is narrower than weights and state.)

    Raises:
        ForecastError: their shapes do not fit, or there is no stream or no step.
    """
    units, batch = weight.shape[-1], tuple(drive.shape[:2])
    wanted = [(*batch, gates * units), (*batch[:1], units), (gates * units, units), (gates * units,)]
    parts = [drive, h0, weight, bias]
    got = [tuple(part.shape) for part in parts if part is not None]
    if got != wanted[: len(got)] or drive.dim() != 3 or not all(batch):
        expected = f"drive (B, T, {gates}H), state (B, H), weights ({gates}H, H), biases ({gates}H), none empty"
        raise ForecastError(expected, ", ".join(map(str, got)), "stack the gates as torch does")
    return [None if part is None else part.to(drive.dtype) for part in parts]


def driven(drive: Tensor, bias: Tensor | None) -> Tensor:
    """Return the sums that enter the gates before the recurrent product is added, in memory of their own: (T, B, G)."""
    drive = drive.transpose(0, 1)
    room = drive.new_empty(drive.shape)
    return room.copy_(drive) if bias is None else torch.add(drive, bias, out=room)


def unrolled(h0: Tensor, steps: int) -> Tensor:
    """Return room for the states h_0 ... h_T, (T + 1, B, H), the first one filled in."""
    states = h0.new_empty(steps + 1, *h0.shape)
    states[0] = h0
    return states


def finish(ctx: Any, states: Tensor, *others: Tensor) -> tuple[Tensor, Tensor]:
    """Keep in ``ctx`` what the backward pass wants, states and others; return h (B, T, H) and the last one, its own."""
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(states, *others)
    return states[1:].transpose(0, 1), states[-1].clone()


def entering(states: Tensor, grad: Tensor | None, grad_last: Tensor | None) -> Tensor:
    """Return the gradient that enters ``states`` from outside: ``grad`` (B, T, H), ``grad_last`` (B, H)."""
    errors = torch.zeros_like(states) if grad is None else torch.empty_like(states)
    if grad is not None:
        errors[0] = 0
        errors[1:] = grad.transpose(0, 1)
    if grad_last is not None:
        errors[-1] += grad_last
    return errors


def of_weights(deltas: Tensor, carried: Tensor) -> Tensor:
    """Return the gradient of weights: deltas (T, B, G) times what was carried (T, B, H), over all steps and streams."""
    out = carried.new_empty(deltas.shape[-1], carried.shape[-1])
    return torch.mm(deltas.flatten(0, 1).t(), carried.flatten(0, 1), out=out)  # out= keeps autocast away


def forwards(*parts: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Yield step by step what the parts, each (T, ...), hold."""
    return zip(*(part.unbind(0) for part in parts), strict=True)


def backwards(*parts: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Yield the same from the last step to the first."""
    return zip(*(part.unbind(0)[::-1] for part in parts), strict=True)
