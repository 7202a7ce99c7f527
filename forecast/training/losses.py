"""Losses: what a forecast costs, averaged over everything that has a target.

Suffixes: B streams, T steps, L leads, K outputs, Q quantiles, P parameters, H W the grid. A target that is NaN costs
nothing.

    squared                (y - t)^2
    pinball                max(q (t - y), (q - 1)(t - y))       Koenker & Bassett 1978; y has Q outputs a target
    binary_cross_entropy   -t log s(y) - (1 - t) log(1 - s(y))  y: logits, t in [0, 1]
    cross_entropy          -sum_K t log softmax(y)              y: logits, t: a distribution over K, or a class's number
    student_t, negative_binomial    -log p(t)                   y: P parameters a target, see models/likelihood.py
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from forecast.errors import ForecastError
from forecast.models.likelihood import LIKELIHOODS


@dataclass(frozen=True)
class Objective:
    """A weighted mean of one loss.

    Attributes:
        loss: its name.
        quantiles: levels of the pinball loss, ascending.
        cells: weights (H, W), such as cos(latitude); None: even.
        leads: weights of the first leads, the last one repeated; empty: even.
    """

    loss: str = "squared"
    quantiles: Sequence[float] = ()
    cells: Tensor | None = None
    leads: Sequence[float] = ()

    def __post_init__(self) -> None:
        if self.loss == "pinball" and not self.quantiles:
            raise ForecastError("quantiles for the pinball loss", "none", "set [task] quantiles")

    def __call__(self, y: Tensor, target: Tensor, back: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the weighted sum of the costs and the sum of the weights (both scalars; their ratio is the loss).

        Args:
            y: forecasts (B, T, L, K[, H, W]).
            target: (B, T, L, K[, H, W]), NaN where there is none; K / Q targets for the pinball loss, K / P for a
                likelihood, K or 1, the number of the class, for cross_entropy.
            back: (B, K / P, 3), the way from scaled values to counts (``Tapes.back``), which negative_binomial needs.
        """
        there = torch.isfinite(target)
        if self.loss == "cross_entropy":
            there = there.all(dim=3, keepdim=True)
        if self.loss in LIKELIHOODS:
            cost = self._unlikely(y, target, there, back)
        else:
            cost = self._cost(y, torch.where(there, target, 0.0))
        if self.loss == "pinball":
            there = there.unsqueeze(4)
        weight = self._weight(y, there.dim() - y.dim()) * there
        weight = weight.expand_as(cost)
        return (cost * weight).sum(), weight.sum()

    def mean(self, y: Tensor, target: Tensor, there: int, back: Tensor | None = None) -> tuple[Tensor, float]:
        """Return the mean cost and the sum of the weights that it is a mean over.

        Args:
            y: as above.
            target: as above.
            there: how many of the targets there are, so that the usual case, all of them, masks nothing.
            back: as above.
        """
        if self.loss == "squared" and there == target.numel() and self.cells is None and set(self.leads) <= {1.0}:
            return functional.mse_loss(y, target), float(there)
        cost, weight = self(y, target, back)
        return cost / weight, weight.item()

    def _cost(self, y: Tensor, target: Tensor) -> Tensor:
        if self.loss == "squared":
            return (y - target).square()
        if self.loss == "binary_cross_entropy":
            return functional.binary_cross_entropy_with_logits(y, target, reduction="none")
        if self.loss == "cross_entropy" and target.shape[3] < y.shape[3]:
            if target.min() < 0 or target.max() >= y.shape[3]:
                got = f"numbers from {target.min():g} to {target.max():g}"
                raise ForecastError(
                    f"classes from 0 to {y.shape[3] - 1}", got, "mend the targets, or widen the outputs"
                )
            return -functional.log_softmax(y, dim=3).gather(3, target.long())
        if self.loss == "cross_entropy":
            return -(target * functional.log_softmax(y, dim=3)).sum(dim=3, keepdim=True)
        levels = y.new_tensor(list(self.quantiles)).reshape(-1, *[1] * (y.dim() - 4))
        short = target.unsqueeze(4) - y.unflatten(3, (-1, len(self.quantiles)))
        return torch.maximum(levels * short, (levels - 1) * short)

    def _unlikely(self, y: Tensor, target: Tensor, there: Tensor, back: Tensor | None) -> Tensor:
        """Return -log p of the targets; where there is none, of one that may come: its lowest count, or 0."""
        likelihood = LIKELIHOODS[self.loss]
        none = 0.0 if back is None else (-back[..., 0] / back[..., 1])[:, None, None].to(y.dtype)
        outputs = y.unflatten(3, (-1, likelihood.parameters))
        return likelihood.cost(outputs, torch.where(there, target, none), back).to(y.dtype)

    def _weight(self, y: Tensor, extra: int) -> Tensor:
        """Weights that broadcast to (B, T, L, K, [Q,] [H, W])."""
        weight = y.new_ones(1)
        if self.leads:
            last = len(self.leads) - 1
            by_lead = y.new_tensor([self.leads[min(lead, last)] for lead in range(y.shape[2])])
            weight = weight * by_lead.reshape(-1, *[1] * (y.dim() + extra - 3))
        return weight if self.cells is None else weight * self.cells.to(y.dtype)
