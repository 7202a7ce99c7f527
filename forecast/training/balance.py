"""How leads are balanced: damped persistence, fitted over the streams, says how hard each one is."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from forecast.batches import Streams
from forecast.training.settings import Training


def damped(streams: Streams) -> tuple[Tensor, Tensor]:
    """Fit damped persistence over the streams: the factor at each lead, and the error that it leaves.

    Returns:
        The regression of the target on the last one, sum(x t) / sum(x x), (L, K[, H, W]), 0 without data; and the mean
        squared error of that forecast, (L,), weighted over cells, 1 without data.
    """
    products = squares = totals = counts = torch.zeros((), dtype=torch.float64)
    double: dict[str, Any] = {"dim": (0, 1), "dtype": torch.float64}
    for chunk in streams:
        last = chunk.x[:, :, : streams.tapes.targets].unsqueeze(2)
        there = torch.isfinite(chunk.y)
        target = torch.where(there, chunk.y, 0.0)
        products = products + (last * target).sum(**double)
        squares = squares + torch.where(there, last * last, 0.0).sum(**double)
        totals, counts = totals + target.square().sum(**double), counts + there.sum(dim=(0, 1))
    factor = torch.where(squares > 0, products / squares, 0.0)
    weight = counts if streams.weights is None else counts * streams.weights
    left = ((totals - factor * products) / counts.clamp(min=1) * weight).flatten(1).sum(1) / weight.flatten(1).sum(1)
    return factor, torch.where(torch.isfinite(left) & (left > 0), left, 1.0)


def lead_weights(settings: Training, error_L: Tensor) -> list[float]:
    """Return the weight of each lead in the loss, their mean 1.

    Args:
        settings: with the user's own weights, and whether leads are balanced.
        error_L: mean squared error of damped persistence at each lead.
    """
    given, last = settings.lead_weights or (1.0,), len(settings.lead_weights or (1.0,)) - 1
    weights = error_L.new_tensor([given[min(lead, last)] for lead in range(len(error_L))])
    if settings.balance and settings.loss in ("squared", "pinball"):
        weights = weights / (error_L if settings.loss == "squared" else error_L.sqrt())
    return [float(weight) for weight in weights / weights.mean()]
