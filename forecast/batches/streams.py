"""Streams: unbroken walks over the tapes, side by side, cut into chunks.

A model's state carries from each chunk of a stream to the next. Nothing is copied before a chunk is asked for.
Suffixes as in tapes.py; k is the length of a chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from forecast.batches.tapes import Frames
from forecast.errors import ForecastError


@dataclass(frozen=True)
class Chunk:
    """What B streams see next: x (B, k, C[, H, W]), future (B, k, L, F) or None, y (B, k, L, K[, H, W]), fresh (B,).

    ``y`` is NaN where there is no target; ``fresh`` marks the streams that begin anew (their state is to be reset).
    """

    x: Tensor
    future: Tensor | None
    y: Tensor
    fresh: Tensor


class Streams(Sequence[Chunk]):
    """B parallel streams over unbroken stretches of the tapes, cut into chunks.

    All pieces (tape by tape, stretch by stretch) lie end to end and are dealt out to the streams in equal runs. A chunk
    never crosses a gap: at the end of a stretch it is filled up, without targets, and the next begins fresh.

    Args:
        frames: the data.
        stretches: unbroken stretches [start, stop) of steps.
        streams: B (fewer where there is too little data).
        chunk: k, steps.
        valid: [start, stop) of the steps that count as targets; by default from the first stretch's start to the last
            one's stop, so that nothing beyond the stretches is learned from.
        spin_up: steps that a stream reads, without targets, before the piece dealt to it (within its stretch).
        weights: weights of the cells in the loss, (H, W), or None.
        offset: steps by which the deal is turned round (another phase of the chunks each epoch).

    Raises:
        ForecastError: no stretches.
    """

    def __init__(
        self,
        frames: Frames,
        stretches: Sequence[tuple[int, int]],
        streams: int = 16,
        chunk: int = 24,
        *,
        valid: tuple[int, int] | None = None,
        spin_up: int = 0,
        weights: Tensor | None = None,
        offset: int = 0,
    ) -> None:
        if not sum(stop - start for start, stop in stretches):
            raise ForecastError(
                "at least one unbroken stretch of steps", "none", "widen the span, or allow [training] max_gap"
            )
        self.frames, self.stretches, self.streams, self.chunk = frames, list(stretches), streams, chunk
        self.valid = valid or (min(start for start, _ in stretches), max(stop for _, stop in stretches))
        self.spin_up, self.weights = spin_up, weights
        self._rows = self._deal(offset)

    def __len__(self) -> int:
        return self._rows.shape[1]

    def __getitem__(self, number: int) -> Chunk:  # type: ignore[override]
        if not -len(self) <= number < len(self):
            raise IndexError(number)
        tape, start, first, stop, fresh = self._rows[:, number].unbind(-1)
        y = self.frames.truth(tape, start, self.chunk, self.valid)
        at = start[:, None] + torch.arange(self.chunk)
        idle = (at < first[:, None]) | (at >= stop[:, None])
        y = y.masked_fill(idle.reshape(*idle.shape, *[1] * (y.dim() - 2)), torch.nan)
        x = self.frames.inputs(tape, start, self.chunk)
        return Chunk(x, self.frames.futures(start, self.chunk), y, fresh.bool())

    def shifted(self, offset: int) -> Streams:
        """Return the same streams, the deal turned round by ``offset`` steps."""
        again = Streams.__new__(Streams)
        again.__dict__.update(self.__dict__)
        again._rows = again._deal(offset)
        return again

    @property
    def steps(self) -> int:
        """Steps of all pieces together."""
        return len(self.frames.values) * sum(stop - start for start, stop in self.stretches)

    def _deal(self, offset: int) -> Tensor:
        """Return (B, chunks, 5): tape, start, first step with targets, stop, whether fresh."""
        size = -(-self.steps // max(1, min(self.streams, self.steps // self.chunk)))
        runs: list[list[tuple[int, int, int, int, int]]] = [[]]
        room = size
        for tape, origin, start, stop in self._pieces(offset % self.steps):
            while start < stop:
                if not room:
                    runs, room = [*runs, []], size
                end = min(stop, start + room)
                begin = max(origin, start - self.spin_up)
                runs[-1] += [(tape, at, start, end, at == begin) for at in range(begin, end, self.chunk)]
                start, room = end, room - (end - start)
        longest = max(map(len, runs))
        return torch.tensor([run + [(0, 0, 0, 0, True)] * (longest - len(run)) for run in runs])

    def _pieces(self, offset: int) -> list[tuple[int, int, int, int]]:
        """Return (tape, start of its stretch, start, stop) of all pieces, beginning ``offset`` steps into the first."""
        pieces = [
            (tape, start, start, stop) for tape in range(len(self.frames.values)) for start, stop in self.stretches
        ]
        for number, (tape, origin, start, stop) in enumerate(pieces):
            if offset < stop - start:
                head, tail = (tape, origin, start + offset, stop), (tape, origin, start, start + offset)
                return [head, *pieces[number + 1 :], *pieces[:number], tail]
            offset -= stop - start
        return pieces
