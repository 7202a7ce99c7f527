"""Free running: a model reads what was seen, then what it says itself, for as long as one likes.

One-to-many (Karpathy & Fei-Fei 2015; Graves 2013, Generating sequences with recurrent neural networks): give the state
that follows from a context vector, and a first input.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from forecast.errors import ForecastError
from forecast.models.base import Model, State
from forecast.models.feedback import Kind, drawn, heard, width


@torch.no_grad()
def generate(
    model: Model,
    seen: Tensor,
    steps: int,
    *,
    state: State | None = None,
    choose: Literal["argmax", "sample"] = "argmax",
    temperature: float = 1.0,
    kind: Kind | None = None,
    window: int = 24,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Feed each forecast of the first lead back as the next input.

    Args:
        model: any of the family whose inputs are what it forecasts; left in evaluation mode.
        seen: what was observed, (B, T, C[, H, W]): numbers, codes of symbols (B, T, 1), or bits.
        steps: how many to go on for.
        state: the state before ``seen``, such as ``model.initial(B, context)``; None is the initial one.
        choose: the most probable symbol (bit), or one drawn; numbers are taken as they are (quantiles: the middle one).
        temperature: of the drawing, above 0: softmax(y / temperature).
        kind: what the outputs are; None: classes where the model reads symbols, else numbers.
        window: for a model that is not ``aligned``: steps that each forecast reads (k2 in training).
        generator: of the drawing; None: torch's global one.

    Returns:
        What comes after ``seen``, (B, steps, C[, H, W]), in the form of the inputs.

    Raises:
        ForecastError: the inputs are not what the model forecasts; no step, or no temperature; numbers to be drawn.
    """
    kind = kind or ("classes" if model.shape.symbols else "numbers")
    _demand(model, steps, kind, choose, temperature)
    model.eval()
    path = _Aligned(model, state) if model.aligned else _Windows(model, state, window)
    said = list[Tensor]()
    while len(said) < steps:
        y = path.read(seen)[:, 0]
        u = heard(y, model.shape, kind) if choose == "argmax" else drawn(y, kind, temperature, generator)
        seen = (u.argmax(dim=1, keepdim=True).to(u.dtype) if kind == "classes" else u).unsqueeze(1)
        said.append(seen)
    return torch.cat(said, dim=1)


class _Aligned:
    """Reads on from a carried state."""

    def __init__(self, model: Model, state: State | None) -> None:
        self.model, self.state = model, state

    def read(self, x: Tensor) -> Tensor:
        """Read x (B, T, C[, H, W]); return the forecast (B, L, K[, H, W]) after it."""
        y, self.state = self.model(x, None, self.state)
        return y[:, -1]


class _Windows:
    """Reads the last ``window`` inputs again for each forecast, from the state before them."""

    def __init__(self, model: Model, state: State | None, window: int) -> None:
        self.model, self.state, self.window = model, state, window
        self.x: Tensor | None = None
        self.before: list[State] = []

    def read(self, x: Tensor) -> Tensor:
        """Read x (B, T, C[, H, W]); return the forecast (B, L, K[, H, W]) after it."""
        for step in x.split(1, dim=1):
            self.before.append(self.model.initial(len(x)) if self.state is None else self.state)
            _, self.state = self.model(step, None, self.before[-1])
        self.x = (x if self.x is None else torch.cat([self.x, x], dim=1))[:, -self.window :]
        self.before = self.before[-self.window :]
        y, _ = self.model(self.x, None, self.before[0])
        return y[:, -1]


def _demand(model: Model, steps: int, kind: Kind, choose: str, temperature: float) -> None:
    shape = model.shape
    said = 1 if kind == "classes" else width(shape, kind)
    if shape.inputs != said or shape.future or (kind == "classes" and shape.outputs != shape.symbols):
        got = f"{shape.inputs} inputs, {shape.future} future features, {shape.outputs} outputs as {kind}"
        remedy = "train one on its targets alone, without covariates and calendar"
        raise ForecastError("a model whose inputs are what it forecasts", got, remedy)
    if steps < 1:
        raise ForecastError("at least 1 step", f"{steps}", "ask for more")
    if choose == "sample" and (kind == "numbers" or temperature <= 0):
        got = f"{kind} at temperature {temperature:g}"
        raise ForecastError("classes or bits to draw, at a temperature above 0", got, 'take choose = "argmax"')
