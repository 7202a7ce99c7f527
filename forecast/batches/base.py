"""The contract of tapes: what streams walk over, whatever it was made of.

A tape is one unbroken axis of steps; tapes may differ in length. Nothing is copied before it is asked for, and the
source may lie in a memory-mapped file, larger than memory. Everything is asked for by rows: row b begins at step
``start_B[b]`` of tape ``tape_B[b]`` and is ``steps`` long; beyond the end of its tape the last step repeats, without
targets.

Suffixes: S tapes, B rows asked for, T steps, C input channels, L leads, F features of the steps ahead, K targets a
lead, D features of a context, H W the grid.
"""

from __future__ import annotations

import mmap
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

Valid = tuple[int, int] | Sequence[tuple[int, int]]
"""[start, stop) of the steps that may be targets, or several such, ascending and apart."""

READ = 1 << 22  # bytes that a digest reads at a time


class Tapes(ABC):
    """Steps of inputs and of what is to be forecast from them.

    Attributes:
        targets: how many of the first input channels are what is forecast (0: the targets are something else).
    """

    targets: int

    @property
    def block(self) -> int | None:
        """Steps that are read together, so that what is asked for next is best among them; None: all are at hand."""
        return None

    @property
    @abstractmethod
    def lengths(self) -> np.ndarray:
        """Steps of each tape, int64, shape (S,)."""

    @abstractmethod
    def inputs(self, tape_B: Tensor, start_B: Tensor, steps: int) -> Tensor:
        """Gather what a model reads, (B, steps, C[, H, W]), floats.

        Args:
            tape_B: tape of each row.
            start_B: first step of each row.
            steps: how many.
        """

    @abstractmethod
    def futures(self, tape_B: Tensor, start_B: Tensor, steps: int) -> Tensor | None:
        """Gather what is known beforehand of the steps ahead, (B, steps, L, F); None where there is nothing.

        Args:
            tape_B: tape of each row.
            start_B: first step of each row.
            steps: how many.
        """

    @abstractmethod
    def truth(self, tape_B: Tensor, start_B: Tensor, steps: int, valid: Valid) -> Tensor:
        """Gather what is to be forecast at each step, (B, steps, L, K[, H, W]), NaN where missing.

        Args:
            tape_B: tape of each row.
            start_B: first step of each row.
            steps: how many.
            valid: [start, stop) of the steps that may be targets, or several; outside them NaN.
        """

    @abstractmethod
    def contexts(self, tape_B: Tensor) -> Tensor | None:
        """Gather the context of each row's tape, (B, D); None where tapes have none."""

    def back(self, tape_B: Tensor) -> Tensor | None:
        """Gather the way back from scaled targets z to values, (a + b z)^(1 / p): a, b, p, (B, K, 3); None: unknown."""
        return None

    @abstractmethod
    def digest(self) -> str:
        """Return a fingerprint of all values, read piece by piece."""


def outside(at: Tensor, valid: Valid) -> Tensor:
    """Return which of some steps may not be targets, boolean, of their shape.

    >>> outside(torch.arange(6), [(1, 2), (4, 6)]).tolist()
    [True, False, True, True, False, False]
    """
    edges = torch.as_tensor(np.asarray(valid, dtype=np.int64).ravel())
    return torch.bucketize(at, edges, right=True) % 2 == 0


def release(array: Any) -> None:
    """Give the pages of a memory-mapped array back to the system, which reads them again when they are asked for.

    Without it the pages that were read stay counted as the process's own memory, up to the size of the file.
    """
    mapped = getattr(array, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED") and not array.flags.writeable:
        mapped.madvise(mmap.MADV_DONTNEED)
