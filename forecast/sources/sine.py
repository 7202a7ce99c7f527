"""The sine task: sin(2 pi t / period), a made series on which a network's extrapolation can be judged exactly."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import Field, field_validator

from forecast.schema import SERIES, TIME, check_observations
from forecast.sources import base
from forecast.sources.axis import clip


class SineOptions(base.Options):
    """Options of the sine.

    Attributes:
        period: steps in a period; above 2, below which a sine cannot be told from a slower one.
        periods: periods in the record.
        noise: standard deviation of Gaussian noise added to each step, the amplitude being 1.
        seed: seed of the noise.
        start: time of the first step.
        step: time between steps.
    """

    period: float = Field(25.0, gt=2)
    periods: int = Field(120, ge=1, le=100_000)
    noise: float = Field(0.0, ge=0)
    seed: int = Field(0, ge=0)
    start: str = "2000-01-01"
    step: str = "1h"

    @field_validator("start")
    @classmethod
    def _start(cls, start: str) -> str:
        pd.Timestamp(start)
        return start

    @field_validator("step")
    @classmethod
    def _step(cls, step: str) -> str:
        if pd.Timedelta(step) <= pd.Timedelta(0):
            raise ValueError(f"{step!r} is not a positive span of time such as '1h'")
        return step


class Sine(base.Source):
    """One series ``sine`` of unit amplitude, zero at its first step."""

    Options: ClassVar[type[base.Options]] = SineOptions
    simulated: ClassVar[bool] = True
    targets: ClassVar[tuple[str, ...]] = ("sine",)

    def fetch(self, start: Any = None, end: Any = None) -> xr.Dataset:
        """Return the series (time, series) in [start, end]; see ``base.Source.fetch``."""
        options: Any = self.options
        t = np.arange(round(options.period * options.periods))
        values = np.sin(2 * np.pi * t / options.period)
        values = values + options.noise * np.random.default_rng(options.seed).standard_normal(len(t))
        times = np.datetime64(options.start, "ns") + t * pd.Timedelta(options.step).to_timedelta64()
        sine = xr.DataArray(values[:, None], dims=(TIME, SERIES), attrs={"units": "1", "long_name": "sine"})
        data = xr.Dataset({"sine": sine}, coords={TIME: times, SERIES: ["sine"]})
        data.attrs = {
            "title": f"simulated sine, {options.period:g} steps a period",
            "source": "computed",
            "licence": "CC0-1.0",
            "simulated": "yes",
        }
        return check_observations(clip(data, start, end))
