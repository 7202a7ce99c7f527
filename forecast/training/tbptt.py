"""Truncated backpropagation through time: an update every k1 steps, through the last k2.

Williams & Peng 1990, Neural Computation 2(4). The state before the last k2 steps is kept. For each update these steps
are run again from there with the newest weights, the loss counts the newest k1 outputs, and its gradient reaches back
to the kept state, not beyond. k1 = k2: every step is run once. k1 = k2 = length of the data: the full gradient.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from forecast.batches import Streams
from forecast.errors import ForecastError
from forecast.models.base import Model
from forecast.training import progress
from forecast.training.balance import damped, lead_weights
from forecast.training.losses import Objective
from forecast.training.optimisation import Average, Descent, layers, norms, rate
from forecast.training.progress import Epoch, History
from forecast.training.settings import Training
from forecast.training.walk import Walk, Window, evaluate

Report = Callable[[dict[str, float]], None]


def train(
    model: Model,
    train: Streams,
    early: Streams | None,
    settings: Training,
    *,
    quantiles: Sequence[float] = (),
    resume: Path | None = None,
    report: Report | None = None,
) -> History:
    """Train a model in place; it is left in evaluation mode with the best weights.

    Args:
        model: any of the family.
        train: streams to learn from, in chunks of ``settings.k1``.
        early: streams that choose the best epoch; None: the last epoch is kept.
        settings: how to learn.
        quantiles: levels for the pinball loss.
        resume: the training checkpoint: written every ``settings.save_every`` chunks and after each epoch, gone on
            from if it exists, to the very losses that it would have had.
        report: called after each epoch with what the history holds of it (``History.line``).

    Returns:
        The history. A loss or a gradient that is not finite ends the training: the best weights are kept, ``stopped``
        says so.

    Raises:
        ForecastError: chunks are not k1 steps long, or ``resume`` belongs to another training.
    """
    if train.chunk != settings.k1:
        raise ForecastError(f"streams in chunks of k1 = {settings.k1}", f"{train.chunk}", "build them with chunk=k1")
    threads = torch.get_num_threads()
    torch.set_num_threads(settings.threads or (1 if model.shape.grid is None else threads))
    try:
        with torch.random.fork_rng(devices=[]):
            return _Training(model, train, early, settings, quantiles).run(resume, report)
    finally:
        torch.set_num_threads(threads)


class _Training:
    """One training on its way."""

    def __init__(
        self, model: Model, train: Streams, early: Streams | None, settings: Training, quantiles: Sequence[float]
    ) -> None:
        self.model, self.train, self.early, self.settings = model, train, early, settings
        weights = list(settings.lead_weights)
        if train.tapes.targets:
            factor, error_L = damped(train)
            weights = lead_weights(settings, error_L)
            if train.tapes.targets == model.shape.targets:
                model.prime(factor)
        self.objective = Objective(settings.loss, tuple(quantiles), train.weights, weights)
        self.descent, self.average = Descent(model, settings), Average(model, settings.average)
        self.layers = layers(model)
        for part in model.modules():
            for name, wanted in (("checkpointing", settings.checkpointing), ("compiled", settings.compile)):
                if hasattr(part, name):
                    setattr(part, name, wanted)
        self.history, self.epoch, self.best = History(), Epoch(), self.average.now()

    def run(self, path: Path | None, report: Report | None) -> History:
        fingerprint = "" if path is None else self._fingerprint()
        before = None if path is None else progress.load(path, fingerprint)
        if before is not None:
            self._restore(*before)
        elif self.early is not None:
            self.history.initial = evaluate(self.model, self.early, self.objective, self.settings.k2)

        def save() -> None:
            if path is not None:
                progress.save(path, fingerprint, self.history, self._parts())

        while not self.history.stopped:
            self._pass(save)
            save()
            if report is not None and self.history.finite:
                report(self.history.line())
        self.model.load_state_dict(self.best)
        self.model.eval()
        return self.history

    def _pass(self, save: Callable[[], None]) -> None:
        """Learn from every chunk once, from where the epoch stands."""
        settings, epoch = self.settings, self.epoch
        torch.manual_seed(settings.seed * 1_000_003 + self.history.epochs)
        offset = int(torch.randint(self.train.steps, ())) if settings.shift else 0
        streams = self.train.dealt(offset) if offset else self.train
        if epoch.random is not None:
            torch.set_rng_state(epoch.random)
        walk, total = Walk(self.model, streams, settings.k2, epoch.number, epoch.kept, settings.precision), len(streams)
        self.model.train()
        self.model.progress = self._share(total)
        for window in walk:
            self._learn(window, epoch.number >= total // 2)
            if self.history.stopped:
                return
            epoch.number = walk.number
            self.model.progress = self._share(total)
            if epoch.number % settings.save_every == 0 and epoch.number < total:
                epoch.kept, epoch.random = walk.kept, torch.get_rng_state()
                save()
        self.epoch = Epoch()
        self.history.close(epoch, norms(self.layers))
        self._judge()

    def _share(self, chunks: int) -> float:
        """Return the share of the training that is done."""
        return (self.history.epochs + self.epoch.number / chunks) / self.settings.epochs

    def _learn(self, window: Window, measure: bool) -> None:
        """Update the weights once, if there is anything to learn from; measure the step if it was not yet."""
        epoch = self.epoch
        epoch.rate = rate(self.settings, self.model.progress)
        if not window.there:
            return
        loss, weight = self.objective.mean(window.y, window.target, window.there, window.back)
        if not weight:
            return
        value = loss.item()
        if not math.isfinite(value):
            self.history.stopped = "not finite"
            return
        measured = measure and not epoch.ratios
        before = {name: [one.clone() for one in weights] for name, weights in self.layers.items()} if measured else {}
        step = self.descent.update(loss, epoch.rate)
        if not math.isfinite(step.norm):
            self.history.stopped = "not finite"
            return
        self.average.update()
        epoch.add(value, weight, step.norm, step.clipped)
        if measured:
            epoch.ratios = _ratios(before, self.layers)

    def _judge(self) -> None:
        """Keep the weights if they are the best so far; say whether it is time to stop."""
        history, now = self.history, self.average.now()
        if self.early is not None:
            own = {name: value.clone() for name, value in self.model.state_dict().items()}
            self.model.load_state_dict(now)
            history.early.append(evaluate(self.model, self.early, self.objective, self.settings.k2))
            self.model.load_state_dict(own)
        if not math.isfinite(history.early[-1] if history.early else history.train[-1]):
            history.stopped = "not finite"
            return
        if not history.early or history.early[-1] == min(history.initial, *history.early):
            history.best, self.best = history.epochs, now
        if history.epochs == self.settings.epochs:
            history.stopped = "epochs"
        elif history.epochs - history.best >= self.settings.patience:
            history.stopped = "patience"

    def _fingerprint(self) -> str:
        sizes = [(name, tuple(value.shape)) for name, value in self.model.state_dict().items()]
        data = [self.train.layout(), self.train.tapes.digest()]
        if self.early is not None:
            data += [self.early.layout(), "" if self.early.tapes is self.train.tapes else self.early.tapes.digest()]
        settings = self.settings.model_dump_json(exclude={"save_every"})
        what = f"{type(self.model).__qualname__} {self.model.options!r} {self.objective.quantiles}"
        return hashlib.sha256(f"{settings} {what} {sizes} {data}".encode()).hexdigest()

    def _parts(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "optimiser": self.descent.optimiser.state_dict(),
            "average": self.average.parts(),
            "best": self.best,
            "epoch": vars(self.epoch),
        }

    def _restore(self, history: History, parts: dict[str, Any]) -> None:
        self.history, self.best, self.epoch = history, parts["best"], Epoch(**parts["epoch"])
        self.model.load_state_dict(parts["model"])
        self.descent.optimiser.load_state_dict(parts["optimiser"])
        self.average.restore(parts["average"])


def _ratios(before: dict[str, list[torch.Tensor]], after: dict[str, list[torch.Tensor]]) -> dict[str, float]:
    """Return the norm of a step over that of the weights, by layer; NaN where all weights were 0."""
    sizes = norms(before)
    steps = norms({name: list(torch._foreach_sub(after[name], weights)) for name, weights in before.items()})
    return {name: steps[name] / size if size else math.nan for name, size in sizes.items()}
