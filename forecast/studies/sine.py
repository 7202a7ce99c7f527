"""A sine, continued: small networks see ten periods and go on alone for a hundred.

Every network forecasts one step ahead and then reads its own forecast, without ever seeing the truth again (free
running), so that any error it makes it has to live with.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
import xarray as xr
from pydantic import Field
from torch import Tensor

from forecast.batches import Frames, Sequences, Streams, Tapes
from forecast.models import MODELS
from forecast.models.base import Model, Shape, create
from forecast.models.generate import generate
from forecast.registry import member
from forecast.studies.base import Case, Outcomes, Reference, Study, StudyOptions
from forecast.training.settings import Training
from forecast.training.tbptt import train

PERIODS = 10  # shown; the first is only read, so that none is judged by how it begins
HORIZONS = (10, 100)  # periods, free running
DRAWN = 5  # periods of either end of the run in the figure
ONE_STEP = Shape(inputs=1, leads=1)
PLAIN = {"hidden": 32, "dropout": 0.0, "residual": "none"}
# A chunk a period, its state carried, clipped at 1, one cycle up to 0.01.
RECIPE = {"streams": 1, "learning_rate": 0.01, "weight_decay": 0.0, "warmup": 0.3, "average": 0.0, "shift": False}


@dataclass(frozen=True)
class Recipe:
    """How a network is made and trained.

    Attributes:
        kind: the model.
        options: its own, over PLAIN.
        epochs: passes over the periods.
        training: over RECIPE.
    """

    kind: str
    options: dict[str, Any] = field(default_factory=dict)
    epochs: int = 300
    training: dict[str, Any] = field(default_factory=dict)


NETWORKS = {
    "MLP on time": Recipe("mlp", {"context": 1, "layers": 2, "hidden": 64}),
    "MLP on lags": Recipe("mlp", {"hidden": 64}),
    "RNN": Recipe("rnn"),
    "RNN with a forget gate": Recipe("forget_rnn"),
    "LSTM": Recipe("lstm"),
    "GRU": Recipe("gru"),
    "sLSTM": Recipe("slstm"),
    # The loss is taken at the end of each window alone, so the windows overlap, and every phase is an end.
    "BiLSTM": Recipe("bilstm", {"residual": "persistence"}, 100, {"streams": 2, "k1": 3, "k2": 10, "shift": True}),
}
# Setting: points a period, and whether the state is carried from chunk to chunk.
SETTINGS = {
    "25 points a period": (25, True),
    "50 points a period": (50, True),
    "25 points, state not carried": (25, False),
}
RESET = ("RNN", "LSTM", "GRU")  # the networks that are also trained without it


class SineOptions(StudyOptions):
    """Options of the study.

    Attributes:
        epochs: passes over the periods, of every network; None: as each one's recipe says.
    """

    epochs: int | None = Field(None, ge=1)


class Sine(Study):
    """See the page."""

    Options: ClassVar[type[StudyOptions]] = SineOptions
    title: ClassVar[str] = "A sine run freely: each output is the next input"
    text: ClassVar[str] = """\
What it shows. A network that is given the time and nothing else (MLP on time) fits the ten periods and then says \
nothing about the eleventh: outside the times that it has seen it goes flat or straight, and its error is that of \
saying 0, or worse. Networks that read the past go on: the MLP because a period of lags lies before it, the recurrent \
ones because their state, carried across the chunks of truncated backpropagation through time, holds the phase. Free \
running, their errors are errors of phase: they grow in proportion to the time. Trained on the same chunks, each from \
a zero state, they have never seen a state older than a period.
What it does not show. A sine without noise obeys x(t+1) = 2 cos(w) x(t) - x(t-1), so a linear model with two lags \
continues it to rounding: nothing here needs a gate, a long memory or a network. Good figures say that training, \
carried state and feeding back are right, not that a model will forecast weather; bad ones say that something is \
broken. The bidirectional network gains nothing: there is no future to read when forecasting, and its second \
direction reads again what the first has read."""
    measures: ClassVar[dict[str, str]] = {
        f"rmse_{horizon}": f"RMSE of the free run over {horizon} periods, amplitude 1" for horizon in HORIZONS
    }

    def cases(self, seeds: int) -> list[Case]:
        """See the contract."""
        return [
            Case(network, seed, setting)
            for setting, (_, carried) in SETTINGS.items()
            for network in (NETWORKS if carried else RESET)
            for seed in range(seeds)
        ]

    def run(self, case: Case) -> Mapping[str, Any]:
        """See the contract; ``path`` is what the network says of the hundred periods.

        A network whose state is not carried goes on from all that was shown, or from the last period alone as it was
        trained: the kinder of the two counts.
        """
        period, carried = SETTINGS[case.setting]
        recipe, timed = NETWORKS[case.network], case.network == "MLP on time"
        options, training = _prepared(recipe, period, self.options.epochs, case.seed)
        model = create(member("model", MODELS, recipe.kind), ONE_STEP, options, case.seed)
        _learn(model, _shown(period, timed), period, carried, training)
        if timed:
            paths = [_told_the_time(model, period)]
        else:
            values = _shown(period, timed=False).inputs(torch.tensor([0]), torch.tensor([0]), PERIODS * period)
            paths = [
                _alone(model, values[:, -size:], period, training.k2) for size in ([0] if carried else [0, period])
            ]
        truth = _truth(period)
        path = min(paths, key=lambda path: _rmse(path, truth))
        return {f"rmse_{horizon}": _rmse(path, truth, horizon * period) for horizon in HORIZONS} | {"path": path}

    def references(self) -> Sequence[Reference]:
        """See the contract."""
        silence = dict.fromkeys(self.measures, math.sqrt(0.5))
        return [Reference("saying 0", "computed", silence, setting) for setting in SETTINGS]

    def curves(self, outcomes: Outcomes) -> xr.Dataset | None:
        """See the contract: the first periods of the runs and the last."""
        setting, (period, _) = next(iter(SETTINGS.items()))
        here = {case: found["path"] for case, found in outcomes.items() if case.setting == setting}
        networks, seeds = (list(dict.fromkeys(getattr(case, key) for case in here)) for key in ("network", "seed"))
        paths = np.array([[here[Case(network, seed, setting)] for seed in seeds] for network in networks])
        steps = np.arange(paths.shape[2])
        ends = np.r_[steps[: DRAWN * period], steps[-DRAWN * period :]]
        window = np.repeat(["first periods", "last periods"], DRAWN * period)
        return xr.Dataset(
            {
                "curve": (("network", "seed", "point"), paths[:, :, ends], {"valid_min": -1.5, "valid_max": 1.5}),
                "truth": ("point", _truth(period)[ends]),
            },
            coords={
                "network": networks,
                "at": ("point", (ends + 1) / period, {"long_name": "time alone", "units": "periods"}),
                "window": ("point", window),
            },
            attrs={"title": f"{self.title} ({setting})"},
        )


def _prepared(recipe: Recipe, period: int, epochs: int | None, seed: int) -> tuple[dict[str, Any], Training]:
    """Return the options of the model and how it learns: a window is a period."""
    options = {**PLAIN, **({"context": period} if recipe.kind == "mlp" else {}), **recipe.options}
    steps = {"k1": period, "k2": period, "epochs": epochs or recipe.epochs, "seed": seed}
    return options, Training(**{**RECIPE, **steps, **recipe.training})


def _shown(period: int, timed: bool) -> Tapes:
    """The periods that are shown; or, in their place, the time of the step that is to be forecast."""
    steps = torch.arange(PERIODS * period)
    values = torch.sin(2 * math.pi * steps / period)
    if timed:
        return Sequences(_clock(steps[1:], period), values[1:])
    return Frames(values.reshape(1, -1, 1), targets=1, leads=1)


def _clock(steps: Tensor, period: int) -> Tensor:
    """Time, from -1 to 1 over the periods that are shown."""
    return 2 * steps / (PERIODS * period - 1) - 1


def _truth(period: int) -> np.ndarray:
    steps = np.arange(PERIODS * period, (PERIODS + max(HORIZONS)) * period)
    return np.sin(2 * np.pi * steps / period)


def _rmse(path: np.ndarray, truth: np.ndarray, steps: int | None = None) -> float:
    return float(np.sqrt(np.mean((path[:steps] - truth[:steps]) ** 2)))


def _learn(model: Model, shown: Tapes, period: int, carried: bool, training: Training) -> None:
    steps = int(shown.lengths[0])
    size = steps if carried else period
    stretches = [(start, min(start + size, steps)) for start in range(0, steps, size)]
    streams = Streams(shown, stretches, training.streams, training.k1, valid=(period, steps), spin_up=training.spin_up)
    train(model, streams, None, training)


@torch.no_grad()
def _told_the_time(model: Model, period: int) -> np.ndarray:
    steps = torch.arange(PERIODS * period, (PERIODS + max(HORIZONS)) * period)
    y, _ = model(_clock(steps, period).reshape(1, -1, 1))
    return y.flatten().numpy().astype(float)


def _alone(model: Model, shown: Tensor, period: int, window: int) -> np.ndarray:
    return generate(model, shown, max(HORIZONS) * period, window=window).flatten().numpy().astype(float)
