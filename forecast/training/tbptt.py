"""Truncated backpropagation through time: an update every k1 steps, through the last k2.

Williams & Peng 1990, Neural Computation 2(4). The state before the last k2 steps is kept. For each update these steps
are run again from there with the newest weights, the loss counts the newest k1 outputs, and its gradient reaches back
to the kept state, not beyond. k1 = k2: every step is run once. k1 = k2 = length of the data: the full gradient.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from forecast.batches import Chunk, Streams
from forecast.errors import ForecastError
from forecast.models.base import Model, State, detach, reset
from forecast.training import progress
from forecast.training.losses import Objective
from forecast.training.optimisation import Average, clip, optimiser, rate
from forecast.training.progress import History
from forecast.training.settings import Training

Report = Callable[[dict[str, float]], None]


def windows(model: Model, streams: Streams, k2: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Walk over streams; for each chunk run its last k2 steps from the state kept before them.

    The weights may change between two steps of the iterator. A fresh stream's state is reset where it begins, which
    also cuts the gradient. Of a model that is not ``aligned`` only the last step of each window counts.

    Args:
        model: any of the family.
        streams: chunks of k1 steps, k1 <= k2.
        k2: steps that the gradient reaches back.

    Yields:
        y (B, k1 or 1, L, K[, H, W]) with its graph, and its targets alike.
    """
    k1, rows, kept = streams.chunk, list[Chunk](), None
    for number in range(len(streams)):
        rows = [*rows[-math.ceil(k2 / k1) + 1 :], streams[number]] if k2 > k1 else [streams[number]]
        length = min(k2, k1 * len(rows))
        onward = length + k1 - min(k2, k1 * (number + 2))  # where the next window begins, in steps of this one
        starts = {length - k1 * (len(rows) - place): row.fresh for place, row in enumerate(rows) if row.fresh.any()}
        x, future = _joined([row.x for row in rows], length), None
        if rows[0].future is not None:
            future = _joined([row.future for row in rows if row.future is not None], length)
        target = rows[-1].y
        if model.aligned:
            y, kept = _sections(model, x, future, kept, starts, onward)
            yield y[:, -k1:], target
            continue
        begun = [fresh for start, fresh in starts.items() if start > 0]
        target = target[:, -1:].clone()
        for fresh in begun:
            target[fresh] = torch.nan  # its window would read what lies before its beginning
        y, _ = model(x, future, _at(kept, starts, 0))
        with torch.no_grad():
            _, kept = _sections(model, x, future, kept, starts, onward)
        yield y[:, -1:], target


def _joined(parts: Sequence[Tensor], length: int) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts), dim=1)[:, -length:]


def _at(state: State | None, starts: dict[int, Tensor], at: int) -> State | None:
    return reset(state, starts[at]) if state is not None and at in starts else state


def _sections(
    model: Model, x: Tensor, future: Tensor | None, state: State | None, starts: dict[int, Tensor], keep: int
) -> tuple[Tensor, State | None]:
    """Run x in sections, cut where streams begin and where the state is to be kept; return y and that state."""
    length, outputs, kept = x.shape[1], [], state
    cuts = sorted({0, keep, length} | {at for at in starts if at > 0})
    for start, stop in pairwise(cuts):
        ahead = None if future is None else future[:, start:stop]
        y, state = model(x[:, start:stop], ahead, _at(state, starts, start))
        outputs.append(y)
        if stop == keep:
            kept = detach(state)
    return outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=1), kept


@torch.no_grad()
def evaluate(model: Model, streams: Streams, objective: Objective, k2: int) -> float:
    """Return the mean of an objective over streams, states carried; k2 matters to a model that is not ``aligned``."""
    model.eval()
    total, weight = torch.zeros(()), torch.zeros(())
    for y, target in windows(model, streams, streams.chunk if model.aligned else max(k2, streams.chunk)):
        cost, count = objective(y, target)
        total, weight = total + cost, weight + count
    if not weight:
        raise ForecastError("early-stopping streams with a target", "none", "widen the validation span")
    return float(total / weight)


def damped(streams: Streams) -> tuple[Tensor, Tensor]:
    """Fit damped persistence over the streams: the factor at each lead, and the error that it leaves.

    Returns:
        The regression of the target on the last one, sum(x t) / sum(x x), (L, K[, H, W]), 0 without data; and the mean
        squared error of that forecast, (L,), weighted over cells, 1 without data.
    """
    products = squares = totals = counts = torch.zeros(())
    for chunk in streams:
        last = chunk.x[:, :, : streams.tapes.targets].unsqueeze(2)
        there = torch.isfinite(chunk.y)
        target = torch.where(there, chunk.y, 0.0)
        products = products + (last * target).sum(dim=(0, 1))
        squares = squares + torch.where(there, last * last, 0.0).sum(dim=(0, 1))
        totals, counts = totals + target.square().sum(dim=(0, 1)), counts + there.sum(dim=(0, 1))
    factor = torch.where(squares > 0, products / squares, 0.0)
    weight = counts if streams.weights is None else counts * streams.weights
    left = ((totals - factor * products) / counts.clamp(min=1) * weight).flatten(1).sum(1) / weight.flatten(1).sum(1)
    return factor, torch.where(torch.isfinite(left) & (left > 0), left, 1.0)


def lead_weights(settings: Training, error_L: Tensor) -> list[float]:
    """Return the weight of each lead in the loss, their mean 1.

    Args:
        settings: with the user's own weights, and whether leads are balanced.
        error_L: mean squared error of damped persistence at each lead.
    """
    given, last = settings.lead_weights or (1.0,), len(settings.lead_weights or (1.0,)) - 1
    weights = error_L.new_tensor([given[min(lead, last)] for lead in range(len(error_L))])
    if settings.balance and settings.loss in ("squared", "pinball"):
        weights = weights / (error_L if settings.loss == "squared" else error_L.sqrt())
    return [float(weight) for weight in weights / weights.mean()]


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
        resume: the training checkpoint: written after each epoch, gone on from if it exists.
        report: called after each epoch with epoch, train_loss, learning_rate, gradient_norm and, if any, early_loss.

    Returns:
        The history. A loss that is not finite ends the training: the best weights are kept, ``stopped`` says so.

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
        factor, error_L = damped(train)
        weights = lead_weights(settings, error_L)
        self.objective = Objective(settings.loss, tuple(quantiles), train.weights, weights)
        if train.tapes.targets == model.shape.targets:
            model.prime(factor)
        self.optimiser = optimiser(model, settings)
        self.average = Average(model, settings.average)
        self.parameters = list(model.parameters())
        self.history, self.best = History(), self.average.now()

    def run(self, path: Path | None, report: Report | None) -> History:
        fingerprint = self._fingerprint()
        before = progress.load(path, fingerprint) if path is not None else None
        if before is not None:
            self._restore(*before)
        elif self.early is not None:
            self.history.initial = evaluate(self.model, self.early, self.objective, self.settings.k2)
        while not self.history.stopped:
            self._epoch()
            if path is not None:
                progress.save(path, fingerprint, self.history, self._parts())
            if report is not None and self.history.finite:
                report(self._line())
        self.model.load_state_dict(self.best)
        self.model.eval()
        return self.history

    def _epoch(self) -> None:
        settings, history = self.settings, self.history
        torch.manual_seed(settings.seed * 1_000_003 + history.epochs)
        offset = int(torch.randint(self.train.steps, ())) if settings.shift else 0
        streams = self.train.dealt(offset) if offset else self.train
        self.model.train()
        costs = weights = norms = learning_rate = 0.0
        for number, (y, target) in enumerate(windows(self.model, streams, settings.k2)):
            learning_rate = rate(settings, (history.epochs + number / len(streams)) / settings.epochs)
            cost, weight = self.objective(y, target)
            if not weight:
                continue
            if not torch.isfinite(cost):
                history.stopped = "not finite"
                return
            norms += self._update(cost / weight, learning_rate)
            costs, weights = costs + cost.item(), weights + weight.item()
        history.train.append(costs / weights if weights else math.nan)
        history.rate.append(learning_rate)
        history.gradient.append(norms / len(streams))
        self._judge()

    def _update(self, loss: Tensor, learning_rate: float) -> float:
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate
        self.optimiser.zero_grad()
        loss.backward()
        norm = clip(self.parameters, self.settings)
        self.optimiser.step()
        self.average.update()
        return norm

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

    def _line(self) -> dict[str, float]:
        history = self.history
        line = {"epoch": history.epochs, "train_loss": history.train[-1], "learning_rate": history.rate[-1]}
        line["gradient_norm"] = history.gradient[-1]
        return line | ({"early_loss": history.early[-1]} if history.early else {})

    def _fingerprint(self) -> str:
        sizes = [(name, tuple(value.shape)) for name, value in self.model.state_dict().items()]
        data = [self.train.stretches.tolist(), self.train.streams, self.train.tapes.digest()]
        text = f"{self.settings.model_dump_json()} {self.model.options!r} {sizes} {data}"
        return hashlib.sha256(text.encode()).hexdigest()

    def _parts(self) -> dict[str, object]:
        return {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average.weights,
            "updates": self.average.updates,
            "best": self.best,
        }

    def _restore(self, history: History, parts: dict) -> None:
        self.history, self.best = history, parts["best"]
        self.model.load_state_dict(parts["model"])
        self.optimiser.load_state_dict(parts["optimiser"])
        self.average.weights, self.average.updates = parts["average"], parts["updates"]
