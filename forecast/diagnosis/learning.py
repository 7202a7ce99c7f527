"""How the training went, as far as the doctor asks: clipping, the size of updates, the growth of weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median


@dataclass(frozen=True)
class Learning:
    """Plain facts of a training; all curves have one value an epoch and may be empty.

    Attributes:
        k2: steps that its gradient reached back; None: not known.
        clip_norm: largest norm of the gradient; None: unclipped, or not known.
        clipped: share of updates whose gradient was clipped.
        gradient: mean norm of the gradient before clipping.
        updates: layer -> norm of an update over the norm of the weights.
        norms: layer -> norm of the weights.
        clip_value: largest size of one of its elements; None: unclipped, or not known.
        note: what it said of itself (lost to NaN, of no use), or "".
    """

    k2: int | None = None
    clip_norm: float | None = None
    clipped: Sequence[float] = ()
    gradient: Sequence[float] = ()
    updates: Mapping[str, Sequence[float]] = field(default_factory=dict)
    norms: Mapping[str, Sequence[float]] = field(default_factory=dict)
    clip_value: float | None = None
    note: str = ""

    @property
    def clipped_share(self) -> float:
        """Share of all updates that were clipped; NaN without a curve."""
        return fmean(self.clipped) if self.clipped else math.nan

    @property
    def usual_gradient(self) -> float:
        """Median over the epochs of the gradient's norm; NaN without a curve."""
        return median(self.gradient) if self.gradient else math.nan

    @property
    def ratios(self) -> dict[str, float]:
        """Layer -> median over the epochs of the update-to-weight ratio."""
        return {name: median(known) for name, curve in self.updates.items() if (known := _finite(curve))}

    @property
    def growths(self) -> dict[str, float]:
        """Layer -> norm of the weights after the last epoch over that after the first."""
        known = {name: _finite(curve) for name, curve in self.norms.items()}
        return {name: curve[-1] / curve[0] for name, curve in known.items() if len(curve) > 1 and curve[0] > 0}


def _finite(curve: Sequence[float]) -> list[float]:
    return [value for value in curve if math.isfinite(value)]
