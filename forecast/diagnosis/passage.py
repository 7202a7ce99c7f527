"""A model passing over windows of data, one step at a time: the states it passes, and the Jacobian of each step.

Between two states stands one step, so a product of Jacobians is taken factor by factor, each step run again from its
kept state: no graph grows with the steps, and vectors can be scaled on the way, so that nothing under- or overflows.

Suffixes: B windows, T steps, L leads, K outputs, R rows (vectors pulled back at once), N numbers of one window's state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from forecast.errors import ForecastError
from forecast.models.base import Model, State, detach

Cost = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""``cost(y, target)``: the sum of the costs and that of the weights, as training.losses.Objective gives them."""


def squared(y: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sum of squares of y - target and the number of targets that are there; NaN is none."""
    there = target.isfinite()
    return torch.where(there, y - torch.where(there, target, 0.0), 0.0).square().sum(), there.sum()


@dataclass(frozen=True)
class Passage:
    """What a model read and the states that it passed.

    Attributes:
        model: in evaluation mode.
        x: inputs after the spin-up (B, T, C[, H, W]).
        future: (B, T, L, F), or None.
        target: (B, T, L, K[, H, W]), NaN where there is none.
        states: the state before each of the T steps, detached.
    """

    model: Model
    x: Tensor
    future: Tensor | None
    target: Tensor
    states: list[State]

    @property
    def steps(self) -> int:
        """T."""
        return self.x.shape[1]

    @property
    def size(self) -> int:
        """N, the floating-point numbers of one window's state."""
        return sum(part[0].numel() for part in _floats(self.states[0]).values())

    def step(self, number: int, state: State, repeats: int = 1) -> tuple[Tensor, State]:
        """Run step ``number`` from a ``state`` of B x ``repeats`` windows; return y (…, 1, L, K) and the next state."""
        ahead = None if self.future is None else _again(self.future[:, number : number + 1], repeats)
        return self.model(_again(self.x[:, number : number + 1], repeats), ahead, state)

    def gradient(self, cost: Cost) -> Tensor:
        """Return d cost / d state, the cost of the last step by the state that this step reads, (1, B, N)."""
        before = _leaves(self.states[-1], 1)
        y, _ = self.step(self.steps - 1, before)
        total, _ = cost(y[:, -1:], self.target[:, -1:])
        return _pulled(before, [total], [torch.ones_like(total)], 1)

    def pull(self, number: int, rows_RBN: Tensor) -> Tensor:
        """Return ``rows @ J`` (R, B, N), J = d state after / d state before the step ``number``, by window.

        Args:
            number: of the step, from 0.
            rows_RBN: vectors in the space of the state after it.
        """
        repeats = len(rows_RBN)
        before = _leaves(self.states[number], repeats)
        _, after = self.step(number, before, repeats)
        sizes = [part[0].numel() for part in _floats(before).values()]
        parts = rows_RBN.flatten(0, 1).split(sizes, dim=1)
        pairs = [
            (after[name], part.reshape(after[name].shape))
            for name, part in zip(_floats(before), parts, strict=True)
            if after[name].requires_grad
        ]
        return _pulled(before, [value for value, _ in pairs], [part for _, part in pairs], repeats)


def passed(
    model: Model,
    x: Tensor,
    future: Tensor | None,
    target: Tensor,
    *,
    spin_up: int = 0,
    context: Tensor | None = None,
) -> Passage:
    """Run a model over windows and keep the state before each step that follows the spin-up.

    Args:
        model: any of the family; left in evaluation mode.
        x: inputs (B, spin-up + T, C[, H, W]), scaled units.
        future: what is known ahead, (B, spin-up + T, L, F), or None.
        target: what was to be forecast, (B, spin-up + T, L, K[, H, W]), NaN where there is none.
        spin_up: steps from the initial state that are only read.
        context: from which the initial state follows, (B, D), or None.

    Raises:
        ForecastError: no step is left after the spin-up; the model refuses the input.
    """
    if not 0 <= spin_up < x.shape[1]:
        remedy = "take longer windows, or a shorter spin-up"
        raise ForecastError("windows longer than the spin-up", f"{x.shape[1]} steps, spin-up {spin_up}", remedy)
    model.eval()
    with torch.no_grad():
        state = model.initial(len(x), context)
        if spin_up:
            _, state = model(x[:, :spin_up], None if future is None else future[:, :spin_up], state)
        ahead = None if future is None else future[:, spin_up:]
        seen = Passage(model, x[:, spin_up:], ahead, target[:, spin_up:], [])
        for number in range(seen.steps):
            seen.states.append(detach(state))
            _, state = seen.step(number, state)
    return seen


def scaled(rows_RBN: Tensor, length_B: Tensor) -> Tensor:
    """Return rows (R, B, N) over the length of each window's, (B,); what is 0 stays 0."""
    return rows_RBN / torch.where(length_B > 0, length_B, 1.0).to(rows_RBN.dtype)[:, None]


def _floats(state: State) -> State:
    return {name: part for name, part in state.items() if part.is_floating_point()}


def _again(part: Tensor, repeats: int) -> Tensor:
    return part if repeats == 1 else part.repeat(repeats, *[1] * (part.dim() - 1))


def _leaves(state: State, repeats: int) -> State:
    copies = {name: _again(part, repeats).clone() for name, part in state.items()}
    return {name: part.requires_grad_(part.is_floating_point()) for name, part in copies.items()}


def _pulled(before: State, outputs: list[Tensor], weights: list[Tensor], repeats: int) -> Tensor:
    leaves = list(_floats(before).values())
    found: tuple[Tensor | None, ...] = (None,) * len(leaves)
    if outputs:
        found = torch.autograd.grad(outputs, leaves, weights, allow_unused=True)
    parts = [torch.zeros_like(leaf) if part is None else part for leaf, part in zip(leaves, found, strict=True)]
    return torch.cat([part.flatten(1) for part in parts], dim=1).unflatten(0, (repeats, -1))
