"""A study that trains nothing: its figures follow from the case, or it fails as it is told to."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import xarray as xr
from pydantic import Field

from forecast.errors import ForecastError
from forecast.studies.base import Case, Outcomes, Reference, Study, StudyOptions


class GuessOptions(StudyOptions):
    """What to do, and in which case."""

    scale: float = Field(1.0, gt=0)
    fail: str = ""
    note: Path | None = None  # each worker writes its process into this folder, and waits


class Guess(Study):
    """Two networks; the wrong answers of a seed are its square, those of "worse" ten times as many."""

    Options: ClassVar[type[StudyOptions]] = GuessOptions
    title: ClassVar[str] = "Guesses"
    text: ClassVar[str] = "What it shows: nothing."
    measures: ClassVar[dict[str, str]] = {
        "wrong": "wrong guesses",
        "rmse": "RMSE, degF",
        "threads": "threads that torch may use",
    }

    def cases(self, seeds: int) -> list[Case]:
        networks = [("guess", ""), ("worse", ""), ("guess", "real")]
        return [Case(network, seed, setting) for network, setting in networks for seed in range(seeds)]

    def run(self, case: Case) -> Mapping[str, Any]:
        if self.options.note:
            (self.options.note / str(os.getpid())).touch()
            time.sleep(60)
        if case.seed == 1 and self.options.fail == "refuse":
            raise ForecastError("a better guess", "none", "think")
        if case.seed == 1 and self.options.fail == "break":
            raise ZeroDivisionError("by nothing")
        if case.seed == 1 and self.options.fail == "end":
            os._exit(1)
        if case == self.cases(1)[0]:
            time.sleep(0.5)  # the first to begin is the last to end
        wrong = self.options.scale * case.seed**2 * (10 if case.network == "worse" else 1)
        real = bool(case.setting)
        path = np.full(3, float(case.seed))
        return {
            "wrong": np.nan if real else wrong,
            "rmse": 2.5 if real else np.nan,
            "threads": float(os.environ["OMP_NUM_THREADS"]),
            "path": path,
        }

    def references(self) -> Sequence[Reference]:
        return [Reference("oracle", "Delphi", {"wrong": 0.0})]

    def curves(self, outcomes: Outcomes) -> xr.Dataset | None:
        paths = np.stack([value["path"] for case, value in outcomes.items() if case.network == "worse"])
        at = ("point", [0, 1, 2], {"long_name": "time", "units": "steps"})
        return xr.Dataset(
            {"curve": (("network", "seed", "point"), paths[None])}, {"network": ["worse"], "at": at}, {"title": "Paths"}
        )

    def remarks(self, outcomes: Outcomes) -> str:
        return f"{len(outcomes)} guesses."
