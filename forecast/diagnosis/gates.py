"""Gates and units: how open the gates stand, how long the memory lasts, which units never move.

A gate is saturated where it is below 0.1 or above 0.9 (Karpathy, Johnson & Fei-Fei 2015, Visualizing and understanding
recurrent networks). A gate f that keeps the memory multiplies it by prod f_t over the steps, so its half-life is
ln 0.5 / mean(ln f_t), unit by unit (a channel of a map is one unit). A unit is dead whose output is the same on every
step of every window: a rectifier that never opens, or a unit driven to its bound.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

LOW, HIGH = 0.1, 0.9  # Karpathy et al. 2015
BINS = 20  # of the histogram over [0, 1], so that LOW and HIGH are edges
STILL = 1e-6  # hidden units are of order 1: less than this is the noise of float32


@dataclass(frozen=True)
class Gate:
    """One gate of one layer over all windows, steps and units.

    Attributes:
        low: share of its values below 0.1.
        high: share above 0.9.
        shares: share of its values in each twentieth of [0, 1].
        half_lives: steps after which half of the memory is gone, by unit, if this gate keeps it; infinite where it is
            always open; empty for other gates.
    """

    low: float
    high: float
    shares: tuple[float, ...]
    half_lives: tuple[float, ...] = ()


@dataclass(frozen=True)
class Units:
    """The hidden units of one layer: how many there are, and how many of them are dead."""

    count: int
    dead: int


def gates(traced: Mapping[str, Tensor]) -> dict[str, Gate]:
    """Judge every gate that a model shows.

    Args:
        traced: name -> (B, T, units ...), as ``model.trace`` gives it.
    """
    return {name: _gate(values, _keeping(name, traced)) for name, values in traced.items() if _is_gate(name)}


def units(traced: Mapping[str, Tensor]) -> dict[str, Units]:
    """Count the dead units of each layer.

    Args:
        traced: as for ``gates``.
    """
    found = {}
    for name, values in traced.items():
        if name.endswith("hidden"):
            moved = (values.amax(dim=(0, 1)) - values.amin(dim=(0, 1))).flatten(1 if values.dim() > 3 else 0)
            most = moved.amax(dim=1) if values.dim() > 3 else moved
            found[name.removesuffix(".hidden")] = Units(len(most), int((most <= STILL).sum()))
    return found


def _is_gate(name: str) -> bool:
    return name.endswith(" gate")


def _keeping(name: str, traced: Mapping[str, Tensor]) -> Tensor | None:
    """Return the factor on the memory if this gate sets it: a forget gate itself, of an update gate what it keeps."""
    if name.endswith("forget gate"):
        return traced[name]
    return traced[name.replace("update gate", "kept")] if name.endswith("update gate") else None


def _gate(values: Tensor, kept: Tensor | None) -> Gate:
    flat = values.detach().double().flatten()
    shares = torch.histc(flat, BINS, 0, 1) / len(flat)
    lives: tuple[float, ...] = ()
    if kept is not None:
        held = kept if kept[:, 0].any() or kept.shape[1] == 1 else kept[:, 1:]  # at first nothing was there to keep
        by_unit = held.detach().double().transpose(0, 2).flatten(1)
        lives = tuple(math.log(0.5) / log if log < 0 else math.inf for log in by_unit.log().mean(dim=1).tolist())
    return Gate(
        float((flat < LOW).double().mean()), float((flat > HIGH).double().mean()), tuple(shares.tolist()), lives
    )
