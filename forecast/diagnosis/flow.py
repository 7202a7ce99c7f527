"""Gradient flow: how far back the loss of one step reaches.

    g_k = |d loss_T / d s_{T-k}|,   k = 0 ... T - 1

s_t is the state that step t reads (all its parts as one vector), so lag 0 is one step before the loss. Each window's
curve is divided by its own g_0; what is reported is the median over windows. In a linear network it follows the
largest eigenvalue of W_hh, |lambda|^k (Hochreiter 1991; Bengio, Simard & Frasconi 1994, IEEE Trans. Neural Networks
5(2); Pascanu, Mikolov & Bengio 2013, ICML).

A model that is not aligned reads its window in both directions: there the gradient is by the inputs, d loss_T / d
x_{T-k}.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from forecast.diagnosis.passage import Cost, Passage, scaled, squared
from forecast.errors import ForecastError

FLOOR = 1e-6  # of lag 0: nothing is learned from less, float32 itself resolves 1e-7 of the sum that an update is


@dataclass(frozen=True)
class Flow:
    """The gradient by lag.

    Attributes:
        gradient: its norm at lag 0, 1, ..., relative to lag 0; NaN where nothing can be derived.
        by: what it is taken by, "state" or "inputs".
        windows: how many the median is over.
    """

    gradient: tuple[float, ...] = ()
    by: str = "state"
    windows: int = 0

    @property
    def reach(self) -> float:
        """The last lag where the gradient is 1e-6 of lag 0 or more; NaN if that is the last of all, or by inputs."""
        strong = [lag for lag, size in enumerate(self.gradient) if size >= FLOOR]
        fallen = self.by == "state" and bool(strong) and strong[-1] < len(self.gradient) - 1
        return float(strong[-1]) if fallen else math.nan

    @property
    def rate(self) -> float:
        """Factor a step over the farther half of the lags, once what passes quickly is over; NaN by inputs."""
        half, last = (len(self.gradient) - 1) // 2, len(self.gradient) - 1
        if self.by == "inputs" or last < 2 or math.isnan(self.gradient[half]):
            return math.nan
        if self.gradient[half] == 0:
            return 0.0
        return (self.gradient[last] / self.gradient[half]) ** (1 / (last - half))


def flow(seen: Passage, cost: Cost = squared) -> Flow:
    """Measure the gradient by lag over a passage.

    Args:
        seen: windows; the loss is that of their last step.
        cost: the loss.

    Raises:
        ForecastError: no window's last step has a target.
    """
    there = seen.target[:, -1].isfinite().flatten(1).any(1)
    if not there.any():
        remedy = "choose windows that end where a target was observed"
        raise ForecastError("windows whose last step has a target", f"none of {len(there)}", remedy)
    logs_TB = _by_state(seen, cost) if seen.model.aligned else _by_inputs(seen, cost)
    relative = (logs_TB - logs_TB[0])[:, there]
    middle = relative.nanmedian(dim=1).values.exp()
    return Flow(tuple(middle.tolist()), "state" if seen.model.aligned else "inputs", int(there.sum()))


def _by_state(seen: Passage, cost: Cost) -> Tensor:
    """Return log g (T, B), float64: the vector is scaled to length 1 at every step back."""
    vector, logs = seen.gradient(cost), list[Tensor]()
    total = vector.new_zeros(vector.shape[1], dtype=torch.float64)
    for number in range(seen.steps - 1, -1, -1):
        length = vector.double().norm(dim=(0, 2))
        total = total + length.log()
        logs.append(total)
        if number:
            vector = seen.pull(number - 1, scaled(vector, length))
    return torch.stack(logs)


def _by_inputs(seen: Passage, cost: Cost) -> Tensor:
    """Return log g (T, B) by the inputs; NaN where they are codes of symbols."""
    x = seen.x.detach().clone().requires_grad_()
    y, _ = seen.model(x, seen.future, seen.states[0])
    found = torch.autograd.grad(cost(y[:, -1:], seen.target[:, -1:])[0], x, allow_unused=True)[0]
    if found is None:
        return torch.full((seen.steps, len(x)), math.nan, dtype=torch.float64)
    return found.double().flatten(2).norm(dim=2).log().flip(1).T
