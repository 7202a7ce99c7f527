"""What a model hears of what it said: an output as the next input.

    numbers   each target's middle quantile (the mean of the two middle ones where their count is even); the output
              itself where there are no quantiles; of parameters of a likelihood the first, where the values lie
    classes   y: logits; a class, one-hot: the most probable, or one drawn from softmax(y / temperature)
    bits      y: logits; each bit by itself: 1 where y > 0, or drawn with the probability s(y / temperature)

Suffixes: R rows, K outputs (targets x quantiles, target-major; classes; bits), W what is heard, H W the grid.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from forecast.models.base import Shape

Kind = Literal["numbers", "classes", "bits"]


def width(shape: Shape, kind: Kind) -> int:
    """Return how many channels are heard."""
    return shape.targets or shape.outputs if kind == "numbers" else shape.outputs


def heard(y: Tensor, shape: Shape, kind: Kind) -> Tensor:
    """Return what is heard of outputs that are taken at their word.

    Args:
        y: (R, K[, H, W]), scaled units or logits.
        shape: sizes.
        kind: what y is.

    Returns:
        (R, W[, H, W]).
    """
    if kind == "bits":
        return (y > 0).to(y.dtype)
    if kind == "classes":
        return functional.one_hot(y.argmax(dim=1), y.shape[1]).to(y.dtype)
    quantiles = shape.outputs // width(shape, kind)
    if quantiles == 1:
        return y
    if shape.likelihood:
        return y[:, ::quantiles]
    return y.unflatten(1, (-1, quantiles))[:, :, (quantiles - 1) // 2 : quantiles // 2 + 1].mean(dim=2)


def drawn(y: Tensor, kind: Kind, temperature: float, generator: torch.Generator | None = None) -> Tensor:
    """Return what is heard of logits that a class, or each bit, is drawn from.

    Args:
        y: logits (R, K).
        kind: "classes" or "bits".
        temperature: above 0; 1 draws with the model's own probabilities, less with sharper ones.
        generator: of the random numbers; None: torch's global one.

    Returns:
        (R, K), ones and zeros.
    """
    if kind == "bits":
        return torch.bernoulli(torch.sigmoid(y / temperature), generator=generator)
    chosen = torch.multinomial(torch.softmax(y / temperature, dim=1), 1, generator=generator)[:, 0]
    return functional.one_hot(chosen, y.shape[1]).to(y.dtype)
