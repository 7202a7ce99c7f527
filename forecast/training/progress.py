"""How far a training has come: its history, and the file from which it goes on after being killed.

The file is written beside its place and then renamed, so that there is always a whole one. Between epochs it needs
neither state nor randomness: an epoch's follow from the seed and its number. Within one it holds where the walk
stands: the chunks done, the kept state, the generator, and what the epoch has added up.
"""

from __future__ import annotations

import dataclasses
import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from forecast.errors import ForecastError


@dataclass
class History:
    """What a training has seen.

    Attributes:
        train: mean loss of each epoch's updates.
        early: loss on the early-stopping streams after each epoch (empty without them).
        initial: the same before the first update; NaN without them.
        rate: learning rate at the end of each epoch.
        gradient: mean norm of the gradient before clipping in each epoch.
        clipped: share of each epoch's updates whose gradient was clipped.
        updates: layer -> norm of an update over the norm of the weights, for one update in the middle of each epoch.
        norms: layer -> norm of the weights after each epoch.
        best: number of the epoch whose weights were kept, from 1; 0: the initial weights.
        stopped: why it ended: "epochs", "patience", or "not finite"; "" while it runs.
    """

    train: list[float] = field(default_factory=list)
    early: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    gradient: list[float] = field(default_factory=list)
    clipped: list[float] = field(default_factory=list)
    updates: dict[str, list[float]] = field(default_factory=dict)
    norms: dict[str, list[float]] = field(default_factory=dict)
    initial: float = math.nan
    best: int = 0
    stopped: str = ""

    @property
    def epochs(self) -> int:
        """Epochs done."""
        return len(self.train)

    @property
    def finite(self) -> bool:
        """Whether no loss was NaN or infinite; if one was, the best weights before it were kept."""
        return self.stopped != "not finite"

    def close(self, epoch: Epoch, norms: dict[str, float]) -> None:
        """Take in an epoch that is done, and the norms of the weights by layer after it."""
        self.train.append(epoch.cost / epoch.weight if epoch.weight else math.nan)
        self.rate.append(epoch.rate)
        self.gradient.append(epoch.norm / max(1, epoch.updates))
        self.clipped.append(epoch.clipped / max(1, epoch.updates))
        for name, norm in norms.items():
            self.norms.setdefault(name, []).append(norm)
            self.updates.setdefault(name, []).append(epoch.ratios.get(name, math.nan))

    def line(self, epoch: int = 0) -> dict[str, float]:
        """Return what is known of an epoch (from 1; 0: the last), flat: names as a tracker of metrics wants them."""
        at = (epoch or self.epochs) - 1
        curves = {"train_loss": self.train, "early_loss": self.early, "learning_rate": self.rate}
        curves |= {"gradient_norm": self.gradient, "clipped": self.clipped}
        curves |= {f"update_ratio/{name}": curve for name, curve in self.updates.items()}
        curves |= {f"weight_norm/{name}": curve for name, curve in self.norms.items()}
        return {"epoch": at + 1, **{name: curve[at] for name, curve in curves.items() if at < len(curve)}}


@dataclass
class Epoch:
    """An epoch on its way.

    Attributes:
        number: chunks done.
        cost: sum of the updates' costs.
        weight: sum of their weights.
        norm: sum of their gradients' norms.
        updates: how many.
        clipped: how many of them were clipped.
        rate: the newest learning rate.
        ratios: layer -> norm of an update over the norm of the weights, once it was measured.
        kept: the state before the next window, where the epoch was last written down.
        random: the generator there.
    """

    number: int = 0
    cost: float = 0.0
    weight: float = 0.0
    norm: float = 0.0
    updates: int = 0
    clipped: int = 0
    rate: float = 0.0
    ratios: dict[str, float] = field(default_factory=dict)
    kept: dict[str, torch.Tensor] | None = None
    random: torch.Tensor | None = None

    def add(self, loss: float, weight: float, norm: float, clipped: bool) -> None:
        """Count an update: its mean loss, the weight of it, the norm of its gradient, and whether that was clipped."""
        self.cost += loss * weight
        self.weight += weight
        self.norm += norm
        self.updates += 1
        self.clipped += clipped


def save(path: Path, fingerprint: str, history: History, parts: dict[str, Any]) -> None:
    """Write a training checkpoint atomically: the old file stays whole until the new one is.

    Args:
        path: the file.
        fingerprint: of the model, the settings and the data.
        history: so far.
        parts: weights and the optimiser's state.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f".{os.getpid()}.part")
    with beside.open("wb") as file:
        torch.save({"fingerprint": fingerprint, "history": dataclasses.asdict(history), "parts": parts}, file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def load(path: Path, fingerprint: str) -> tuple[History, dict[str, Any]] | None:
    """Read a training checkpoint; None if there is none.

    Raises:
        ForecastError: it belongs to another training.
    """
    if not path.is_file():
        return None
    content = torch.load(path, weights_only=True)
    if content["fingerprint"] != fingerprint:
        expected, got = "a training checkpoint of this model, these settings and these data", f"another's at {path}"
        raise ForecastError(expected, got, "delete the file to begin anew, or restore what the training began with")
    return History(**content["history"]), content["parts"]
