"""Streams: unbroken walks over the tapes, side by side, cut into chunks.

A model's state carries from each chunk of a stream to the next. How the data are dealt out is kept as a few numbers a
piece, and nothing is copied before it is asked for, so that neither grows with the length of the record.
Suffixes as in base.py; k is the length of a chunk.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from forecast.batches.base import Tapes, Valid
from forecast.errors import ForecastError

BLOCK = 1 << 18  # values gathered at a time: many small chunks in one go, large ones one by one
CHUNKS = 64  # at most


@dataclass(frozen=True)
class Chunk:
    """What B streams see next: x (B, k, C[, H, W]), future (B, k, L, F) or None, y (B, k, L, K[, H, W]), fresh (B,).

    ``y`` is NaN where there is no target; ``fresh`` marks the streams that begin anew (their state is to be reset).

    Attributes:
        begins: whether any stream is fresh.
        there: how many targets there are (elements of y that are no NaN).
        context: (B, D), or None.
        back: (B, K, 3), the way back from scaled targets to values in their own unit (``Tapes.back``), or None.
    """

    x: Tensor
    future: Tensor | None
    y: Tensor
    fresh: Tensor
    begins: bool
    there: int
    context: Tensor | None = None
    back: Tensor | None = None


@dataclass(frozen=True)
class Deal:
    """Fragments of the data in the order in which they are dealt to the streams: all arrays are (fragments,) or (B,).

    Attributes:
        tape: of each fragment.
        begin: first step that is read.
        first: first step with a target.
        stop: step after the last.
        place: number of chunks before the fragment, over all streams.
        at: number of chunks before each stream's first.
        chunks: how many each stream has.
        longest: how many the longest has.
    """

    tape: np.ndarray
    begin: np.ndarray
    first: np.ndarray
    stop: np.ndarray
    place: np.ndarray
    at: np.ndarray
    chunks: np.ndarray
    longest: int

    def rows(self, numbers: np.ndarray, chunk: int) -> tuple[np.ndarray, ...]:
        """Return tape, start, first, stop (0 for a stream that has ended) and fresh of the chunks ``numbers``.

        Args:
            numbers: which chunks, (M,).
            chunk: k.
        """
        place, there = self.at + numbers[:, None], numbers[:, None] < self.chunks
        fragment = np.searchsorted(self.place, np.where(there, place, 0), side="right") - 1
        within = place - self.place[fragment]
        start = self.begin[fragment] + within * chunk
        found = (self.tape[fragment], start, self.first[fragment], self.stop[fragment])
        return (*(np.where(there, part, 0).ravel() for part in found), (~there | (within == 0)).ravel())


class Streams(Sequence[Chunk]):
    """B parallel streams over unbroken stretches of the tapes, cut into chunks.

    All stretches, tape by tape, lie end to end and are dealt out to the streams in equal runs. A chunk never crosses
    the end of a stretch: there it is filled up, without targets, and the next stretch begins fresh. So the beginning
    of a stretch is a reset mark.

    Args:
        tapes: the data.
        stretches: unbroken stretches: (start, stop) of every tape, or (tape, start, stop), shape (P, 3), tape by tape;
            None: all of every tape.
        streams: B (fewer where there is too little data).
        chunk: k, steps.
        valid: [start, stop) of the steps that count as targets, or several, ascending; by default from the first
            stretch's start to the last one's stop, so that nothing beyond the stretches is learned from.
        spin_up: steps that a stream reads, without targets, before the piece dealt to it (within its stretch).
        warm: steps at the beginning of each stretch that are read without targets.
        whole: whether stretches are dealt out uncut, as many chunks to each stream; with a chunk at least as long as
            the longest, a chunk holds one stretch a stream.
        weights: weights of the cells in the loss, (H, W), or None.
        offset: which deal, see ``dealt``.

    Raises:
        ForecastError: no stretches, or one that its tape does not hold.
    """

    def __init__(
        self,
        tapes: Tapes,
        stretches: Sequence[tuple[int, ...]] | np.ndarray | None = None,
        streams: int = 16,
        chunk: int = 24,
        *,
        valid: Valid | None = None,
        spin_up: int = 0,
        warm: int = 0,
        whole: bool = False,
        weights: Tensor | None = None,
        offset: int = 0,
    ) -> None:
        self.tapes, self.streams, self.chunk, self.whole = tapes, streams, chunk, whole
        self.stretches = _stretches(tapes.lengths, stretches)
        self.steps = int((self.stretches[:, 2] - self.stretches[:, 1]).sum())
        wanted = np.asarray(valid or (self.stretches[:, 1].min(), self.stretches[:, 2].max()), dtype=np.int64)
        self.valid = tuple((int(start), int(stop)) for start, stop in wanted.reshape(-1, 2))
        self.spin_up, self.warm, self.weights = spin_up, warm, weights
        self._deal = self._dealt(offset)
        self._together = self._block_length()
        self._block: tuple[int, list[Chunk]] = (-1, [])

    def __len__(self) -> int:
        return self._deal.longest

    def __getitem__(self, number: int) -> Chunk:  # type: ignore[override]
        number = number + len(self) if number < 0 else number
        block, place = divmod(number, self._together)
        if block != self._block[0]:
            if not 0 <= number < len(self):
                raise IndexError(number)
            stop = min((block + 1) * self._together, len(self))
            self._block = block, self._read(np.arange(block * self._together, stop))
        return self._block[1][place]

    def dealt(self, offset: int) -> Streams:
        """Return the same streams dealt anew; 0 is the order of the data.

        Whole stretches are shuffled, ``offset`` being the seed; where tapes are read by blocks, the blocks are, and the
        stretches that begin in each: a stream reads a block at a time. Otherwise all is turned round by so many steps.
        """
        again = copy.copy(self)
        again._deal, again._block = again._dealt(offset), (-1, [])
        return again

    def layout(self) -> str:
        """Return a fingerprint of how the data are dealt, not of the data."""
        cells = None if self.weights is None else self.weights.tolist()
        text = f"{self.streams} {self.chunk} {self.valid} {self.spin_up} {self.warm} {self.whole} {cells}"
        return hashlib.blake2b(text.encode() + self.stretches.tobytes(), digest_size=16).hexdigest()

    def _read(self, numbers: np.ndarray) -> list[Chunk]:
        """Gather some chunks at once, each then contiguous."""
        tape, start, first, stop, fresh = map(torch.from_numpy, self._deal.rows(numbers, self.chunk))
        y = self.tapes.truth(tape, start, self.chunk, self.valid)
        at = start[:, None] + torch.arange(self.chunk)
        idle = (at < first[:, None]) | (at >= stop[:, None])
        y = y.masked_fill_(idle.reshape(*idle.shape, *[1] * (y.dim() - 2)), torch.nan)
        x, future = self.tapes.inputs(tape, start, self.chunk), self.tapes.futures(tape, start, self.chunk)
        context, back = self.tapes.contexts(tape) if fresh.any() else None, self.tapes.back(tape)
        parts = [
            None if part is None else part.unflatten(0, (len(numbers), -1))
            for part in (x, future, y, fresh, context, back)
        ]
        x, future, y, fresh, context, back = parts  # type: ignore[assignment]
        begins, there = fresh.any(1).tolist(), torch.isfinite(y).flatten(1).sum(1).tolist()
        return [
            Chunk(
                x[number],
                None if future is None else future[number],
                y[number],
                fresh[number],
                begins[number],
                there[number],
                None if context is None else context[number],
                None if back is None else back[number],
            )
            for number in range(len(numbers))
        ]

    def _block_length(self) -> int:
        """Return how many chunks are gathered together."""
        row = torch.from_numpy(self.stretches[:1, 0]), torch.from_numpy(self.stretches[:1, 1])
        future = self.tapes.futures(*row, 1)
        step = self.tapes.inputs(*row, 1).numel() + self.tapes.truth(*row, 1, self.valid).numel()
        step += 0 if future is None else future.numel()
        return max(1, min(CHUNKS, BLOCK // (step * self.chunk * len(self._deal.chunks))))

    def _dealt(self, offset: int) -> Deal:
        if self.whole:
            tape, origin, first, stop = self._shuffled(offset).T
            chunks = -(-(stop - first) // self.chunk)
            middle = 2 * np.cumsum(chunks) - chunks
            stream = middle * max(1, min(self.streams, len(chunks))) // (2 * chunks.sum())
        else:
            size = -(-self.steps // max(1, min(self.streams, self.steps // self.chunk)))
            tape, origin, first, stop, stream = self._cut(self._turned(offset % self.steps), size)
        begin = np.maximum(origin, first - self.spin_up)
        chunks = -(-(stop - begin) // self.chunk)
        place = np.cumsum(chunks) - chunks
        _, leader = np.unique(stream, return_index=True)
        at = place[leader]
        each = np.diff(at, append=chunks.sum())
        first = np.maximum(first, origin + self.warm)
        return Deal(tape, begin, first, stop, place, at, each, int(each.max()))

    def _shuffled(self, seed: int) -> np.ndarray:
        """Return (P, 4): tape, start of its stretch, start, stop; shuffled unless the seed is 0."""
        pieces = self.stretches[:, [0, 1, 1, 2]]
        if not seed:
            return pieces
        rng, block = np.random.default_rng(seed), self.tapes.block
        if block is None:
            return rng.permutation(pieces)
        _, owner = np.unique(pieces[:, [0, 2]] // [1, block], axis=0, return_inverse=True)
        return pieces[np.lexsort((rng.random(len(pieces)), rng.permutation(owner.max() + 1)[owner.ravel()]))]

    def _turned(self, offset: int) -> np.ndarray:
        """Return (P, 4) alike, beginning ``offset`` steps into the first piece, whose head comes last."""
        pieces = self.stretches[:, [0, 1, 1, 2]]
        ends = np.cumsum(pieces[:, 3] - pieces[:, 2])
        number = int(np.searchsorted(ends, offset, side="right"))
        head, tail = pieces[number].copy(), pieces[number].copy()
        head[2] = tail[3] = pieces[number, 3] - (ends[number] - offset)
        turned = np.concatenate([head[None], pieces[number + 1 :], pieces[:number], tail[None]])
        return turned[turned[:, 2] < turned[:, 3]]

    @staticmethod
    def _cut(pieces: np.ndarray, size: int) -> tuple[np.ndarray, ...]:
        """Cut pieces that lie end to end at every multiple of ``size``; return them with the stream of each."""
        lengths = pieces[:, 3] - pieces[:, 2]
        before, total = np.cumsum(lengths) - lengths, int(lengths.sum())
        edges = np.union1d(before, np.arange(0, total, size))
        owner = np.searchsorted(before, edges, side="right") - 1
        tape, origin, start, _ = pieces[owner].T
        first = start + edges - before[owner]
        return tape, origin, first, first + np.diff(edges, append=total), edges // size


def _stretches(lengths: np.ndarray, wanted: Sequence[tuple[int, ...]] | np.ndarray | None) -> np.ndarray:
    """Return (P, 3): tape, start, stop, none of them empty."""
    tapes = np.arange(len(lengths))
    if wanted is None:
        found = np.stack([tapes, np.zeros_like(tapes), lengths], axis=1)
    else:
        found = np.asarray(wanted, dtype=np.int64)
        found = found.reshape(len(found), -1) if len(found) else np.zeros((0, 3), dtype=np.int64)
    if found.shape[1] == 2:
        found = np.column_stack([tapes.repeat(len(found)), np.tile(found, (len(tapes), 1))])
    found = found[found[:, 1] < found[:, 2]]
    if not len(found):
        raise ForecastError(
            "at least one unbroken stretch of steps", "none", "widen the span, or allow [training] max_gap"
        )
    tape, start, stop = found.T
    strange = (tape < 0) | (tape >= len(lengths)) | (start < 0) | (stop > lengths[tape.clip(0, len(lengths) - 1)])
    if strange.any():
        got = f"(tape, start, stop) = {tuple(found[strange][0].tolist())}"
        raise ForecastError("stretches that their tapes hold", got, "keep them within the lengths of the tapes")
    return found
