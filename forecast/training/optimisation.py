"""How weights move: AdamW or plain descent, the one-cycle schedule, clipping, and the average of the weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

from forecast.training.settings import Training

BETAS = (0.9, 0.99)  # a second moment over 100 updates: trainings here are some thousand updates long, not millions


@dataclass(frozen=True)
class Step:
    """One update: ``norm``, of the gradient before it was clipped by norm; ``clipped``, whether it was clipped."""

    norm: float
    clipped: bool


class Descent:
    """The weights of a model on their way down.

    Weight decay is decoupled from the gradient (Loshchilov & Hutter 2019), and meets the weights of products only, not
    biases, gains or damping factors. It is taken here rather than by the optimiser, which would step group by group.

    Args:
        model: whose parameters are moved.
        settings: optimiser, rates, decay, clipping.
    """

    def __init__(self, model: nn.Module, settings: Training) -> None:
        self.settings, self.parameters = settings, [one for one in model.parameters() if one.requires_grad]
        self.decaying = [
            parameter.detach()
            for name, parameter in model.named_parameters()
            if parameter.requires_grad and parameter.dim() > 1 and name.rpartition(".")[2].startswith("weight")
        ]
        self.optimiser = _optimiser(self.parameters, settings)

    def update(self, loss: Tensor, learning_rate: float) -> Step:
        """Move the weights once against the gradient of a loss; not if its norm is not finite."""
        for parameter in self.parameters:
            parameter.grad = None
        loss.backward()
        step = clip(self.parameters, self.settings)
        if not math.isfinite(step.norm):
            return step
        if self.settings.weight_decay and self.decaying:
            torch._foreach_mul_(self.decaying, 1 - learning_rate * self.settings.weight_decay)
        self.optimiser.step(learning_rate)
        return step


class Adam:
    """Adam (Kingma & Ba 2015) as torch computes it, the moments held here: the same numbers as torch.optim's class.

    That class imports torch's compiler when it is first made, which takes a process nearly as long as torch itself.

    Args:
        parameters: what is moved.
    """

    def __init__(self, parameters: list[nn.Parameter]) -> None:
        self.parameters = parameters
        self.moments = {name: [torch.zeros_like(one) for one in parameters] for name in ("first", "second")}
        self.moments["steps"] = [torch.zeros(()) for _ in parameters]

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Move the parameters that have a gradient."""
        moved = [place for place, one in enumerate(self.parameters) if one.grad is not None]
        first, second, steps = ([self.moments[name][place] for place in moved] for name in ("first", "second", "steps"))
        adam(
            [self.parameters[place] for place in moved],
            [grad for one in self.parameters if (grad := one.grad) is not None],
            first,
            second,
            [],
            steps,
            fused=True,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=learning_rate,
            weight_decay=0.0,
            eps=1e-8,
            maximize=False,
        )

    def state_dict(self) -> dict[str, list[Tensor]]:
        """Return the moments."""
        return self.moments

    def load_state_dict(self, moments: dict[str, list[Tensor]]) -> None:
        """Go on from such ``moments``."""
        self.moments = moments


class Plain(torch.optim.SGD):
    """Steps along the gradient, with momentum, at the rate that each of them is given."""

    def step(self, learning_rate: float) -> None:  # type: ignore[override]
        """Move the parameters that have a gradient."""
        self.param_groups[0]["lr"] = learning_rate
        super().step()


def _optimiser(parameters: list[nn.Parameter], settings: Training) -> Adam | Plain:
    if settings.optimiser == "sgd":
        return Plain(parameters, lr=settings.learning_rate, momentum=settings.momentum, fused=True)
    return Adam(parameters)


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


def clip(parameters: list[nn.Parameter], settings: Training) -> Step:
    """Clip the gradient by value, then by norm (Pascanu et al. 2013), in place.

    The same as torch's own ``clip_grad_norm_``, in a fifth of its time on small networks.
    """
    gradients, clipped = [parameter.grad for parameter in parameters if parameter.grad is not None], False
    if settings.clip_value is not None:
        clipped = max(norm.item() for norm in torch._foreach_norm(gradients, math.inf)) > settings.clip_value
        if clipped:
            torch._foreach_clamp_min_(gradients, -settings.clip_value)
            torch._foreach_clamp_max_(gradients, settings.clip_value)
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))).item()
    if settings.clip_norm is not None and norm > settings.clip_norm:
        torch._foreach_mul_(gradients, settings.clip_norm / (norm + 1e-6))
        clipped = True
    return Step(norm, clipped)


class Average:
    """Exponential moving average of the weights (Polyak & Juditsky 1992), its memory growing with the updates.

    What is no floating number (a counter of batches) is taken as it is.

    Args:
        model: whose weights are averaged.
        decay: share kept at each update in the long run; 0: the weights themselves.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model, self.decay, self.updates = model, decay, 0
        now = {name: value for name, value in model.state_dict().items() if value.is_floating_point()}
        self.weights: dict[str, Tensor] = {name: value.detach().clone() for name, value in now.items()}
        self._own, self._averaged = list(now.values()), list(self.weights.values())

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights after an update: kept share min(decay, (1 + n) / (10 + n)) after n updates."""
        if self.decay:
            self.updates += 1
            kept = min(self.decay, (1 + self.updates) / (10 + self.updates))
            torch._foreach_lerp_(self._averaged, self._own, 1 - kept)

    def now(self) -> dict[str, Tensor]:
        """Return the weights to judge: the average, or the model's own, as copies."""
        source = self.model.state_dict() | (self.weights if self.decay else {})
        return {name: value.detach().clone() for name, value in source.items()}

    def parts(self) -> dict[str, Any]:
        """Return what ``restore`` needs to go on."""
        return {"weights": self.weights, "updates": self.updates}

    def restore(self, parts: dict[str, Any]) -> None:
        """Go on from what ``parts`` said."""
        self.updates = parts["updates"]
        for name, value in parts["weights"].items():
            self.weights[name].copy_(value)


def layers(model: nn.Module) -> dict[str, list[Tensor]]:
    """Return the weights of each layer, the module that holds them, by its name."""
    found: dict[str, list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        found.setdefault(name.rpartition(".")[0] or name, []).append(parameter.detach())
    return found


def norms(layers: dict[str, list[Tensor]]) -> dict[str, float]:
    """Return the norm of all weights of each of some ``layers``."""
    return {
        name: torch.linalg.vector_norm(torch.stack(torch._foreach_norm(weights))).item()
        for name, weights in layers.items()
    }
