"""How far a training has come: its history, and the file from which it goes on after being killed.

The file is written at the end of each epoch, beside its place and then renamed. An epoch's randomness follows from
the seed and its number alone, and every stream begins an epoch with a fresh state, so the file needs neither.
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
        best: number of the epoch whose weights were kept, from 1; 0: the initial weights.
        stopped: why it ended: "epochs", "patience", or "not finite"; "" while it runs.
    """

    train: list[float] = field(default_factory=list)
    early: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    gradient: list[float] = field(default_factory=list)
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
