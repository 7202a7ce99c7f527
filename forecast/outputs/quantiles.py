"""What a network's outputs say: quantiles of each target, in scaled units, and how far the outer ones lie out.

Quantiles that a network says itself are sorted where they cross, which never takes them further from the true ones
(Chernozhukov, Fernandez-Val & Galichon 2010, Econometrica 78, 1093-1125). Parameters of a likelihood become its
quantiles; of an ensemble of such networks the mean of their quantiles is taken, level by level, see models/ensemble.py.

Suffixes: S series (1 for maps), R references, L leads, K targets, P parameters, Q levels, H W the grid.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from forecast.models.base import Shape
from forecast.models.likelihood import LIKELIHOODS

NARROWEST = 1e-4  # of quantiles on either side of the median, standard deviations


def quantiles(y: Tensor, shape: Shape, levels: Sequence[float] = (), back: Tensor | None = None) -> Tensor:
    """Return quantiles of each target, ascending, (S, R, L, K, Q[, H, W]); the value itself where there are no levels.

    Args:
        y: outputs (S, R, L, outputs[, H, W]), of an ensemble of networks with a likelihood those of all.
        shape: sizes.
        levels: that a network was trained for, or that are asked of its likelihood, ascending.
        back: (S, K, 3), the way back to counts, see ``batches.base.Tapes.back``.
    """
    if not shape.likelihood:
        return y.unflatten(3, (shape.targets, -1)).sort(dim=4).values
    likelihood, asked = LIKELIHOODS[shape.likelihood], torch.tensor(list(levels) or [0.5], dtype=torch.float64)
    networks = y.unflatten(3, (-1, shape.targets, likelihood.parameters)).unbind(3)
    said = [likelihood.quantile(one, asked, back) for one in networks]
    return torch.stack(said).mean(dim=0).to(y.dtype)


def of_paths(z: Tensor, levels: Sequence[float] = ()) -> Tensor:
    """Return quantiles of sample paths, (S, R, L, K, Q); their median where there are no levels.

    Args:
        z: paths (S, R, L, K, N).
        levels: that are asked for, ascending.
    """
    found = np.quantile(z.numpy(), list(levels) or [0.5], axis=-1)
    return torch.from_numpy(np.moveaxis(found, 0, -1)).to(z.dtype)


def outer(found: Tensor, shape: Shape, back: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return the lowest and the highest quantile, (S, R, L, K[, H, W]), never quite on the median.

    Counts, whose quantiles may be one and the same, lie half a count further out.

    Args:
        found: quantiles (S, R, L, K, Q[, H, W]).
        shape: sizes.
        back: as above.
    """
    low, high = found.select(4, 0), found.select(4, -1)
    if shape.likelihood and back is not None:
        half = LIKELIHOODS[shape.likelihood].grain / 2
        low, high = _further(low, -half, back), _further(high, half, back)
    return low - NARROWEST, high + NARROWEST


def _further(z: Tensor, more: float, back: Tensor) -> Tensor:
    """Return scaled values whose values are ``more`` more."""
    a, b, p = back[:, None, None].to(z.dtype).unbind(-1)
    plain = a + b * z
    value = plain.sign() * plain.abs() ** (1 / p) + more
    return (value.sign() * value.abs() ** p - a) / b
