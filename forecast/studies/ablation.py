"""Ablation: an LSTM with one part taken away, on a grammar that needs a memory and on a series of the weather.

Greff et al. 2017, LSTM: a search space odyssey, IEEE Trans. Neural Networks and Learning Systems 28(10), whose names of
the variants stand in brackets; the parts are those of models/lstm.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
import xarray as xr
from pydantic import Field

from forecast.batches import Frames, Streams
from forecast.models import MODELS
from forecast.models.base import Shape, create
from forecast.registry import member
from forecast.sources.nyc_weather import NycWeather
from forecast.studies.base import Case, Reference, Study, StudyOptions
from forecast.studies.embedded_reber import GATED, GRAMMAR, LEAST, judged
from forecast.studies.grammar import lesson, wrong
from forecast.studies.reber import BITS, PLAIN, drawn, fit
from forecast.training.losses import Objective
from forecast.training.settings import Training
from forecast.training.tbptt import train
from forecast.training.walk import evaluate

# Name: options over those of the whole LSTM.
VARIANTS: dict[str, dict[str, Any]] = {
    "LSTM": {},
    "no input gate (NIG)": {"without": ["input gate"]},
    "no forget gate (NFG)": {"without": ["forget gate"]},
    "no output gate (NOG)": {"without": ["output gate"]},
    "no input activation (NIAF)": {"without": ["input activation"]},
    "no output activation (NOAF)": {"without": ["output activation"]},
    "coupled gates (CIFG)": {"coupled": True},
}
REBER, WEATHER = "embedded Reber grammar", "New York's temperature, hourly"
LEADS = 24  # hours ahead, all at once
EARLY, TEST = "2013-10-01", "2013-11-01"  # learned before the first, judged from the second on


class AblationOptions(StudyOptions):
    """Options of the study.

    Attributes:
        epochs: passes over the data, of both tasks; None: as each one's recipe says.
        copies: of each training string, each thinned anew (embedded_reber.py).
    """

    epochs: int | None = Field(None, ge=1)
    copies: int = Field(10, ge=1)


class Ablation(Study):
    """See the page."""

    Options: ClassVar[type[StudyOptions]] = AblationOptions
    title: ClassVar[str] = "An LSTM with one part taken away"
    text: ClassVar[str] = "What it shows. What it does not show."
    measures: ClassVar[dict[str, str]] = {
        "strings": "test strings with a wrong position, of 100",
        "rmse": f"RMSE of 1 to {LEADS} hours ahead, °F",
    }

    def cases(self, seeds: int) -> list[Case]:
        """See the contract."""
        return [Case(name, seed, task) for task in (REBER, WEATHER) for name in VARIANTS for seed in range(seeds)]

    def run(self, case: Case) -> Mapping[str, Any]:
        """See the contract."""
        torch.set_num_threads(1)
        if case.setting == REBER:
            return {"strings": self._spelled(VARIANTS[case.network], case.seed), "rmse": math.nan}
        return {"strings": math.nan, "rmse": self._foretold(VARIANTS[case.network], case.seed)}

    def references(self) -> Sequence[Reference]:
        """See the contract: two forecasts that need no network."""
        start, steps = self._steps(TEST), self._weather.values.shape[1]
        tapes = torch.arange(len(self._weather.values))
        truth = self._weather.truth(tapes, torch.zeros_like(tapes), steps, (start, steps))[..., 0]
        values = self._weather.values[tapes[:, None], torch.arange(steps), :1]
        day = torch.cat([torch.full((len(values), LEADS - 1, 1), torch.nan), values], dim=1)[:, :, 0]
        said = {"the last value": values, "the value a day before": day.unfold(1, LEADS, 1)}
        return [
            Reference(name, "computed", {"rmse": self._spread * _rms(guess - truth)}, WEATHER)
            for name, guess in said.items()
        ]

    def _spelled(self, parts: Mapping[str, Any], seed: int) -> float:
        learned, unseen = drawn(GRAMMAR, LEAST, seed)
        given = lesson(learned, GRAMMAR, generator=np.random.default_rng(seed), copies=self.options.copies)
        model = create(member("model", MODELS, "lstm"), BITS, {**PLAIN, **GATED, **parts}, seed)
        fit(model, given, streams=32, epochs=self.options.epochs or 15, learning_rate=0.02, seed=seed)
        test = lesson(unseen, GRAMMAR)
        return judged(wrong(model, test), test)["strings"]

    def _foretold(self, parts: Mapping[str, Any], seed: int) -> float:
        given, steps = self._weather, self._weather.values.shape[1]
        early, test = self._steps(EARLY), self._steps(TEST)
        settings = Training(
            k1=24,
            k2=24,
            streams=16,
            epochs=self.options.epochs or 30,
            patience=10,
            learning_rate=0.005,
            balance=False,
            seed=seed,
        )
        options = {"hidden": 32, "dropout": 0.1, "residual": "damped", **parts}
        model = create(member("model", MODELS, "lstm"), Shape(inputs=1, leads=LEADS), options, seed)
        taught = Streams(given, [(0, early)], settings.streams, settings.k1, spin_up=settings.spin_up)
        chosen, judged = (
            Streams(given, [(0, stop)], 3, 96, valid=(start, stop)) for start, stop in ((early, test), (test, steps))
        )
        train(model, taught, chosen, settings)
        return self._spread * math.sqrt(evaluate(model, judged, Objective(), settings.k2))

    @cached_property
    def _observed(self) -> xr.DataArray:
        return NycWeather().fetch()["temp"].transpose("series", "time")

    @cached_property
    def _learned(self) -> xr.DataArray:
        return self._observed.isel(time=slice(self._steps(EARLY)))

    @cached_property
    def _spread(self) -> float:
        return float(self._learned.std())

    @cached_property
    def _weather(self) -> Frames:
        """The temperature of three airports, in standard deviations of what is learned from."""
        values = (self._observed.values - float(self._learned.mean())) / self._spread
        return Frames(torch.from_numpy(values.astype("float32")).unsqueeze(2), targets=1, leads=LEADS)

    def _steps(self, date: str) -> int:
        return int(self._observed.indexes["time"].searchsorted(pd.Timestamp(date)))


def _rms(error: torch.Tensor) -> float:
    return float(error[error.isfinite()].square().mean().sqrt())
