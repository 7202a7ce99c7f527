"""How each model learned: losses by epoch, on what it trained on and on what stopped it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from forecast.figures.style import label_ends, lines, named, sheet


class Learning(Protocol):
    """What a training remembers: losses by epoch and the epoch that was kept, from 1 (0: the initial weights)."""

    @property
    def train(self) -> Sequence[float]:
        """Loss of each epoch's updates."""

    @property
    def early(self) -> Sequence[float]:
        """Early-stopping loss after each epoch."""

    @property
    def best(self) -> int:
        """The epoch that was kept."""


def loss_curves(histories: Mapping[str, Learning]) -> Figure:
    """Draw training and early-stopping losses by epoch, one colour a model, a dot at the epoch whose weights were kept.

    Args:
        histories: model -> its history (``training.progress.History``); losses in scaled units.
    """
    note = "dot: the epoch whose weights were kept; losses in scaled units, log axis, lower is better"
    figure, axes = sheet(1, 2, (9.5, 4.0), "Training loss by epoch", note, sharey=True, sharex=True)
    drawn = lines(list(histories))
    for panel, part in zip(axes[0], ("train", "early"), strict=True):
        for name, history in histories.items():
            losses = np.asarray(getattr(history, part), dtype=float)
            epochs = np.arange(1, len(losses) + 1)
            panel.plot(epochs, losses, **drawn[name])
            if 1 <= history.best <= len(losses):
                panel.plot(history.best, losses[history.best - 1], "o", ms=5.5, mec="white", color=drawn[name]["color"])
        panel.set_yscale("log")
        panel.yaxis.set_minor_formatter(NullFormatter())
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        panel.yaxis.set_major_formatter("{x:g}")
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.set_xlim(1, max(2, panel.get_xlim()[1]))
    named(axes[0, 0], "on the training span", "epoch", "mean loss")
    named(axes[0, 1], "on the early-stopping span", "epoch")
    axes[0, 1].tick_params(labelleft=False)
    last = {name: (history.early or history.train)[-1:] for name, history in histories.items()}
    label_ends(axes[0, 1], {name: (value[0], drawn[name]["color"]) for name, value in last.items() if value})
    return figure
