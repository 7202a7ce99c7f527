"""Walks: a model over streams, chunk by chunk, each time through the last k2 steps from the state kept before them.

Suffixes: B streams, L leads, K outputs, H W the grid.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from forecast.batches import Chunk, Streams
from forecast.errors import ForecastError
from forecast.models.base import Model, State, detach, reset
from forecast.training.losses import Objective


@dataclass(frozen=True)
class Window:
    """What one update is about: the newest forecasts with their graph, and their targets.

    Attributes:
        y: (B, k1 or 1, L, K[, H, W]).
        target: alike, NaN where there is none.
        there: how many targets there are.
        back: of the targets, see Chunk.
    """

    y: Tensor
    target: Tensor
    there: int
    back: Tensor | None = None


class Walk:
    """A model on its way over streams; iterate over it once, changing the weights between two windows as you like.

    A fresh stream begins from ``model.initial``, with its graph, where its beginning lies within the window: that also
    cuts the gradient. Of a model that is not ``aligned`` only the last step of each window counts.

    Args:
        model: any of the family.
        streams: chunks of k1 steps, k1 <= k2.
        k2: steps that the gradient reaches back.
        number: chunks done already.
        kept: the state that was kept after them.
        precision: of the model's products (see Training); y and the state come out as wide as x in any case.

    Attributes:
        number: chunks done.
        kept: the state before the next window, out of the graph; None: nothing lies before it.
    """

    def __init__(
        self,
        model: Model,
        streams: Streams,
        k2: int,
        number: int = 0,
        kept: State | None = None,
        precision: str = "float32",
    ) -> None:
        self.model, self.streams, self.k2, self.number, self.kept = model, streams, k2, number, kept
        self.narrow = precision == "bfloat16"

    def __iter__(self) -> Iterator[Window]:
        k1, k2 = self.streams.chunk, self.k2
        most = math.ceil(k2 / k1)
        rows = [self.streams[number] for number in range(max(0, self.number - most + 1), self.number)]
        for number in range(self.number, len(self.streams)):
            rows = [*rows, self.streams[number]][-most:]
            length = min(k2, k1 * len(rows))
            onward = length + k1 - min(k2, k1 * (number + 2))  # where the next window begins, in steps of this one
            window, kept = self._window(rows, length, onward)
            self.number, self.kept = number + 1, kept
            yield window

    def _window(self, rows: list[Chunk], length: int, onward: int) -> tuple[Window, State | None]:
        newest, k1, seen = rows[-1], self.streams.chunk, _Seen(rows, length)
        if self.model.aligned:
            y, kept = self._run(seen, onward)
            return Window(y if length == k1 else y[:, -k1:], newest.y, newest.there, newest.back), kept
        state = self.kept
        if 0 in seen.starts or state is None:
            state = self._begun(state, rows[0])
        y, _ = self._step(seen, 0, length, state)
        with torch.no_grad():
            _, kept = self._run(seen, onward)
        target = newest.y[:, -1:].clone()
        for row in (row for start, row in seen.starts.items() if start > 0):
            target[row.fresh] = torch.nan  # its window would read what lies before its beginning
        return Window(y[:, -1:], target, int(torch.isfinite(target).sum()), newest.back), kept

    def _run(self, seen: _Seen, keep: int) -> tuple[Tensor, State | None]:
        """Run in sections, cut where streams begin and where the state is to be kept; return y and that state."""
        state, outputs, kept = self.kept, [], self.kept
        cuts = sorted({0, keep, seen.length} | {at for at in seen.starts if at > 0})
        for start, stop in pairwise(cuts):
            if start in seen.starts:
                state = self._begun(state, seen.starts[start])
            y, state = self._step(seen, start, stop, state)
            outputs.append(y)
            if stop == keep:
                kept = detach(state)
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=1), kept

    def _begun(self, state: State | None, row: Chunk) -> State:
        initial = self.model.initial(len(row.fresh), row.context)
        return initial if state is None or row.fresh.all() else reset(state, row.fresh, initial)

    def _step(self, seen: _Seen, start: int, stop: int, state: State | None) -> tuple[Tensor, State]:
        whole = stop - start == seen.length
        parts = [part if part is None or whole else part[:, start:stop] for part in (seen.x, seen.future)]
        truth = (seen.y[:, start:stop],) if self.model.taught and self.model.training else ()
        if not self.narrow:
            return self.model(*parts, state, *truth)
        with torch.autocast(seen.x.device.type, torch.bfloat16):
            y, state = self.model(*parts, state, *truth)
        return y.to(seen.x.dtype), {name: one.to(seen.x.dtype) for name, one in state.items()}


class _Seen:
    """The last ``length`` steps of some chunks; ``starts``: where in them streams begin -> the chunk that says so."""

    def __init__(self, rows: list[Chunk], length: int) -> None:
        k1, self.rows, self.length = rows[0].x.shape[1], rows, length
        places = range(length - k1 * len(rows), length, k1)
        self.starts = {start: row for start, row in zip(places, rows, strict=True) if row.begins and start >= 0}
        self.x = _joined([row.x for row in rows], length)
        futures = [row.future for row in rows if row.future is not None]
        self.future = _joined(futures, length) if futures else None

    @property
    def y(self) -> Tensor:
        """What is to be forecast at each of the steps."""
        return _joined([row.y for row in self.rows], self.length)


def _joined(parts: Sequence[Tensor], length: int) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts), dim=1)[:, -length:]


@torch.no_grad()
def evaluate(model: Model, streams: Streams, objective: Objective, k2: int) -> float:
    """Return the mean of an objective over streams, states carried.

    Args:
        model: left in evaluation mode.
        streams: what it is judged on.
        objective: the loss.
        k2: steps of a window; it matters to a model that is not ``aligned``.

    Raises:
        ForecastError: no stream has a target.
    """
    model.eval()
    total = weight = 0.0
    for window in Walk(model, streams, streams.chunk if model.aligned else max(k2, streams.chunk)):
        if window.there:
            loss, count = objective.mean(window.y, window.target, window.there, window.back)
            total, weight = total + loss.item() * count, weight + count
    if not weight:
        raise ForecastError("early-stopping streams with a target", "none", "widen the validation span")
    return total / weight
