"""How weights move: AdamW, the one-cycle schedule, clipping, and the average of the weights along the way."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from forecast.training.settings import Training

BETAS = (0.9, 0.99)  # a second moment over 100 updates: trainings here are some thousand updates long, not millions


def optimiser(model: nn.Module, settings: Training) -> torch.optim.AdamW:
    """Build AdamW (Loshchilov & Hutter 2019); weight decay on weights only, not on biases or damping factors."""
    if not settings.weight_decay:
        return torch.optim.AdamW(
            model.parameters(), lr=settings.learning_rate, betas=BETAS, weight_decay=0.0, fused=True
        )
    weights: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        (weights if name.rpartition(".")[2].startswith("weight") else others).append(parameter)
    groups = [{"params": weights, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]], lr=settings.learning_rate, betas=BETAS, fused=True
    )


def rate(settings: Training, progress: float) -> float:
    """Return the learning rate at a share of the training done, in [0, 1].

    One cycle (Smith & Topin 2019): from 1/25 of the peak up to it over the first ``warmup``, then down to a 10,000th
    of the start, both along a cosine.
    """
    if settings.schedule == "constant":
        return settings.learning_rate
    rise, low, end = settings.warmup, 1 / 25, 1 / 25e4
    if progress < rise:
        share = low + (1 - low) * (1 - math.cos(math.pi * progress / rise)) / 2
    else:
        share = end + (1 - end) * (1 + math.cos(math.pi * min(1.0, (progress - rise) / (1 - rise)))) / 2
    return settings.learning_rate * share


def clip(parameters: list[nn.Parameter], settings: Training) -> float:
    """Clip the gradient by value, then by norm (Pascanu et al. 2013); return its norm before the latter."""
    if settings.clip_value is not None:
        nn.utils.clip_grad_value_(parameters, settings.clip_value)
    return float(nn.utils.clip_grad_norm_(parameters, settings.clip_norm or math.inf))


class Average:
    """Exponential moving average of the weights (Polyak & Juditsky 1992), its memory growing with the updates.

    Args:
        model: whose weights are averaged.
        decay: share kept at each update in the long run; 0: the weights themselves.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model, self.decay, self.updates = model, decay, 0
        self.weights: dict[str, Tensor] = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights after an update: kept share min(decay, (1 + n) / (10 + n)) after n updates."""
        if not self.decay:
            return
        self.updates += 1
        kept = min(self.decay, (1 + self.updates) / (10 + self.updates))
        now = self.model.state_dict()
        torch._foreach_lerp_(list(self.weights.values()), [now[name] for name in self.weights], 1 - kept)

    def now(self) -> dict[str, Tensor]:
        """Return the weights to judge: the average, or the model's own, as copies."""
        source = self.weights if self.decay else self.model.state_dict()
        return {name: value.detach().clone() for name, value in source.items()}
