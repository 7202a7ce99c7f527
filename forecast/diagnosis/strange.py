"""The first value that is not finite: looked for in inputs, weights, step by step forward, then backward."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from forecast.diagnosis.passage import Cost, squared
from forecast.models.base import Model, State, detach

BACK = 64  # steps that the gradient is followed back: more than most k2, and bounded in memory


@dataclass(frozen=True)
class Strange:
    """A tensor that is not finite.

    Attributes:
        what: which tensor, such as "the output of `head`" or "the weight `head.linear.bias`".
        step: the step where it was first met, from 0; None for a weight.
    """

    what: str
    step: int | None = None

    def __str__(self) -> str:
        return self.what if self.step is None else f"{self.what} at step {self.step}"


def strange(
    model: Model,
    x: Tensor,
    future: Tensor | None,
    target: Tensor,
    *,
    context: Tensor | None = None,
    cost: Cost = squared,
) -> Strange | None:
    """Find the first tensor that is not finite; None where all are.

    Args:
        model: any of the family; left in evaluation mode.
        x: inputs (B, T, C[, H, W]).
        future: (B, T, L, F), or None.
        target: (B, T, L, K[, H, W]); NaN is no target.
        context: from which the initial state follows, (B, D), or None.
        cost: the loss whose gradient is followed.
    """
    for name, part in (("x", x), ("future", future)):
        if part is not None and not part.isfinite().all():
            stream, step, *_ = (~part.isfinite()).nonzero()[0].tolist()
            return Strange(f"the input {name} of window {stream}", step)
    for name, weight in [*model.named_parameters(), *model.named_buffers()]:
        if not weight.isfinite().all():
            return Strange(f"the weight `{name}`")
    model.eval()
    state = model.initial(len(x), context)
    with torch.no_grad():
        found, early = _forward(model, x[:, :-BACK], _cut(future, None, -BACK), state, 0)
    return found or _backward(model, x, future, target, early, cost)


def _cut(part: Tensor | None, start: int | None, stop: int | None) -> Tensor | None:
    return None if part is None else part[:, start:stop]


@dataclass
class _Watch:
    """Hooks on every module: what they saw first, in the order in which it was computed."""

    names: dict[nn.Module, str]
    step: int = 0
    forward: Strange | None = None
    backward: Strange | None = None
    readers: dict[int, tuple[Tensor, str]] = field(default_factory=dict)

    def reads(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        """Before a module: remember who reads a tensor (the innermost module does so last)."""
        for part in _tensors(inputs):
            self.readers[id(part)] = (part, self.names[module])

    def gives(self, module: nn.Module, inputs: tuple[Any, ...], outputs: Any) -> None:
        """After a module: look at what it gives, and wait for the gradient by it."""
        name, step = self.names[module], self.step
        for part in _tensors(outputs):
            if self.forward is None and not part.isfinite().all():
                self.forward = Strange(f"the output of `{name}`", step)
            if part.requires_grad:
                part.register_hook(lambda gradient, part=part: self._back(gradient, part, name, step))

    def _back(self, gradient: Tensor | None, part: Tensor, name: str, step: int) -> None:
        if self.backward is None and gradient is not None and not gradient.isfinite().all():
            reader = self.readers.get(id(part), (part, ""))[1]
            read = f", read by `{reader}`," if reader else ""
            self.backward = Strange(f"the gradient by the output of `{name}`{read}", step)


@contextmanager
def _watched(model: Model) -> Iterator[_Watch]:
    names = {module: name or type(model).__name__ for name, module in model.named_modules()}
    watch = _Watch(names)
    hooks = [module.register_forward_pre_hook(watch.reads) for module in names]
    hooks += [module.register_forward_hook(watch.gives) for module in names]
    try:
        yield watch
    finally:
        for hook in hooks:
            hook.remove()


def _forward(model: Model, x: Tensor, future: Tensor | None, state: State, first: int) -> tuple[Strange | None, State]:
    """Run step by step until something is not finite."""
    with _watched(model) as watch:
        for number in range(x.shape[1]):
            watch.step, watch.readers = first + number, {}
            _, state = model(x[:, number : number + 1], _cut(future, number, number + 1), state)
            if watch.forward is not None:
                return watch.forward, state
    return None, detach(state)


def _backward(
    model: Model, x: Tensor, future: Tensor | None, target: Tensor, state: State, cost: Cost
) -> Strange | None:
    """Run the last steps with their graph and follow the gradient of the mean cost back."""
    first, costs, weights = max(0, x.shape[1] - BACK), list[Tensor](), list[Tensor]()
    with _watched(model) as watch:
        for number in range(first, x.shape[1]):
            watch.step = number
            y, state = model(x[:, number : number + 1], _cut(future, number, number + 1), state)
            if watch.forward is not None:
                return watch.forward
            total, weight = cost(y, target[:, number : number + 1])
            costs, weights = [*costs, total], [*weights, weight]
        loss = torch.stack(costs).sum() / torch.stack(weights).sum().clamp(min=1)
        if not loss.isfinite():
            return Strange("the loss", x.shape[1] - 1)
        named = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
        gradients = torch.autograd.grad(loss, [weight for _, weight in named], allow_unused=True)
    if watch.backward is not None:
        return watch.backward
    for (name, _), gradient in zip(named, gradients, strict=True):
        if gradient is not None and not gradient.isfinite().all():
            return Strange(f"the gradient of the weight `{name}`")
    return None


def _tensors(nest: Any) -> Iterator[Tensor]:
    """Yield the floating-point tensors of nested tuples, lists and mappings."""
    if isinstance(nest, Tensor):
        if nest.is_floating_point():
            yield nest
    elif isinstance(nest, Mapping):
        yield from _tensors(list(nest.values()))
    elif isinstance(nest, list | tuple):
        for part in nest:
            yield from _tensors(part)
