"""Data for the tests of batches: numbers that say where they come from, two hourly stations, daily maps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
import xarray as xr

from forecast.batches import Frames, frames
from forecast.scaling import Scaling

ALL = (torch.tensor([0]), torch.tensor([0]))


def counting(tapes: int = 1, steps: int = 12, leads: int = 2) -> Frames:
    """Frames whose value at step t of tape s is 100 s + t, so that every number says where it comes from."""
    values = torch.arange(steps, dtype=torch.float32) + 100 * torch.arange(tapes)[:, None]
    return Frames(values[:, :, None], targets=1, leads=leads)


def hourly(steps: int = 96) -> xr.Dataset:
    time = pd.date_range("2021-03-01", periods=steps, freq="h")
    noise = np.random.default_rng(0).normal(size=(2, steps, 2))
    variables = {
        name: (("time", "series"), part, {"units": "K"}) for name, part in zip(("t2m", "dew"), noise, strict=True)
    }
    return xr.Dataset(variables, coords={"time": time, "series": ["a", "b"]})


def daily_maps(steps: int = 40, lon: np.ndarray | None = None) -> xr.Dataset:
    time = pd.date_range("2021-01-01", periods=steps)
    lon = np.array([0.0, 2.0, 4.0]) if lon is None else lon
    values = np.random.default_rng(0).normal(size=(steps, 2, len(lon)))
    return xr.Dataset(
        {"slp": (("time", "lat", "lon"), values, {"units": "Pa"})},
        coords={"time": time, "lat": [30.0, 90.0], "lon": lon},
    )


def made(observed: xr.Dataset, targets: tuple[str, ...], covariates: tuple[str, ...] = (), **more: object) -> Frames:
    return frames(observed, Scaling.fit(observed, [*targets, *covariates]), targets, covariates, leads=3, **more)
