"""Sequences: one series or many of unequal length, given end to end, each step with a target of its own.

A sequence is a tape. ``lengths`` cuts the arrays into sequences, as the count variable of a contiguous ragged array
does (CF conventions 1.11, section 9.3.3). ``y[:, t]`` is what stands beside step t itself: one lead, and whoever wants
the step after shifts the targets; or several, such as the sequence that a decoder is to say from there.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from forecast.batches.base import READ, Tapes, Valid, outside, release
from forecast.errors import ForecastError

Values = Tensor | np.ndarray


class Sequences(Tapes):
    """Ragged sequences of inputs and aligned targets.

    Arrays may be memory-mapped (``np.load(path, mmap_mode="r")``, ``np.memmap``), and of any kind of number, such as
    bytes that are codes of symbols: only what is asked for is read, and comes out as floats.

    No input counts as a target, so a model of them has ``Shape(targets=0)``, or adds nothing (``residual = "none"``).

    Args:
        inputs: (N, C), or (N,) for one channel; all sequences end to end.
        targets: (N, K), or (N,), alike, or (N, L, K); NaN where there is none, which costs nothing and teaches nothing.
        lengths: steps of each sequence, in their order; None: one sequence.
        context: (S, D) features of each sequence, from which a model's state may begin.
        dtype: of what comes out: that of the model's weights.

    Attributes:
        targets: 0, as no input channel is a target.
        channels: C.
        leads: L.
        outputs: K.

    Raises:
        ForecastError: inputs, targets, lengths and context do not fit each other.

    >>> both = Sequences(np.arange(5), np.arange(1, 6), [2, 3])
    >>> both.inputs(torch.tensor([1]), torch.tensor([0]), 4)[0, :, 0].tolist()
    [2.0, 3.0, 4.0, 4.0]
    """

    targets = 0

    def __init__(
        self,
        inputs: Values,
        targets: Values,
        lengths: Sequence[int] | np.ndarray | None = None,
        *,
        context: Values | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self._inputs, self._targets, self.dtype = _table(inputs, 2), _table(targets, 3), dtype
        steps = len(self._inputs)
        self._lengths = np.asarray([steps] if lengths is None else lengths, dtype=np.int64)
        self._starts = np.cumsum(self._lengths) - self._lengths
        if len(self._targets) != steps or self._lengths.sum() != steps or not (self._lengths > 0).all():
            total, least = int(self._lengths.sum()), int(self._lengths.min(initial=steps))
            got = f"{steps} inputs, {len(self._targets)} targets, lengths of {total} in all, the shortest {least}"
            raise ForecastError("as many inputs as targets, cut by lengths of at least 1 step", got, "mend the lengths")
        self._context = None if context is None else torch.as_tensor(context, dtype=dtype)
        if self._context is not None and (self._context.dim() != 2 or len(self._context) != len(self._lengths)):
            got = f"{tuple(self._context.shape)}"
            raise ForecastError(f"a context ({len(self._lengths)}, D)", got, "give one row a sequence")
        self.channels, (self.leads, self.outputs) = self._inputs.shape[1], self._targets.shape[1:]

    @property
    def lengths(self) -> np.ndarray:
        """Steps of each sequence, (S,)."""
        return self._lengths

    def inputs(self, tape_B: Tensor, start_B: Tensor, steps: int) -> Tensor:
        """See the contract."""
        return self._gather(self._inputs, tape_B.numpy(), start_B.numpy()[:, None] + np.arange(steps))

    def futures(self, tape_B: Tensor, start_B: Tensor, steps: int) -> Tensor | None:
        """None: nothing is known of the steps ahead."""
        return None

    def truth(self, tape_B: Tensor, start_B: Tensor, steps: int, valid: Valid) -> Tensor:
        """See the contract."""
        tapes, at = tape_B.numpy(), start_B.numpy()[:, None] + np.arange(steps)
        y = self._gather(self._targets, tapes, at)
        beyond = outside(torch.from_numpy(at), valid) | torch.from_numpy(at >= self._lengths[tapes, None])
        return y.masked_fill_(beyond[:, :, None, None], torch.nan)

    def contexts(self, tape_B: Tensor) -> Tensor | None:
        """See the contract."""
        return None if self._context is None else self._context[tape_B]

    def digest(self) -> str:
        """See the contract."""
        seen = hashlib.blake2b(self._lengths.tobytes(), digest_size=16)
        for table in (self._inputs, self._targets):
            seen.update(f"{table.shape} {table.dtype}".encode())
            rows = max(1, READ // (table.itemsize * math.prod(table.shape[1:])))
            for start in range(0, len(table), rows):
                seen.update(np.ascontiguousarray(table[start : start + rows]).data)
                release(table)
        if self._context is not None:
            seen.update(self._context.contiguous().numpy().data)
        return seen.hexdigest()

    def _gather(self, table: np.ndarray, tapes: np.ndarray, at: np.ndarray) -> Tensor:
        place = self._starts[tapes, None] + np.minimum(at, self._lengths[tapes, None] - 1)
        values = torch.from_numpy(np.take(table, place, axis=0))
        release(table)
        return values.to(self.dtype)


def _table(values: Values, dims: int) -> np.ndarray:
    """View values with so many dimensions: (N, C), or (N, L, K)."""
    array = values.detach().numpy() if isinstance(values, Tensor) else np.asanyarray(values)
    if not 1 <= array.ndim <= dims or not array.size:
        expected = "inputs (N, channels) or (N,), targets alike or (N, leads, K)"
        raise ForecastError(expected, f"{array.shape}", "lay the sequences end to end")
    array = array[:, None] if array.ndim == 1 else array
    return array[:, None] if array.ndim < dims else array
