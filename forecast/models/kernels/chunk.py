"""What the kernels share: their checks, the room they work in, the gradient of their weights."""

from __future__ import annotations

import torch
from torch import Tensor

from forecast.errors import ForecastError

sigmoid_backward, tanh_backward = torch.ops.aten.sigmoid_backward, torch.ops.aten.tanh_backward


def check(drive: Tensor, h0: Tensor, weight: Tensor, bias: Tensor | None, gates: int) -> None:
    """Refuse shapes that do not fit each other, ``weight`` and ``bias`` stacking so many ``gates``."""
    units = weight.shape[-1]
    wanted = [(len(drive), drive.shape[1] if drive.dim() > 1 else 1, gates * units), (len(drive), units)]
    wanted += [(gates * units, units), (gates * units,)]
    got = [tuple(part.shape) for part in (drive, h0, weight, *([] if bias is None else [bias]))]
    if got != wanted[: len(got)] or 0 in got[0]:
        expected = f"drive (B, T, {gates}H), h0 (B, H), weight ({gates}H, H), bias ({gates}H)"
        raise ForecastError(
            expected, ", ".join(map(str, got)), "stack the gates as torch does, one stream and step at least"
        )


def alike(drive: Tensor, *others: Tensor | None) -> list[Tensor | None]:
    """Return the tensors in the dtype of the drive (under autocast a product is half as wide as the weights)."""
    return [drive, *(other if other is None else other.to(drive.dtype) for other in others)]


def unrolled(h0: Tensor, steps: int) -> Tensor:
    """Return room for the states h_0 ... h_T, (T + 1, B, H), the first one filled in."""
    states = h0.new_empty((steps + 1, *h0.shape))
    states[0] = h0
    return states


def entering(grad: Tensor | None, grad_last: Tensor | None, states: Tensor) -> Tensor:
    """Return the gradient that enters h_0 ... h_T from outside the recurrence, (T + 1, B, H)."""
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
