"""Checkpoints made without training, and the observations they belong to, for the tests of predict and backtest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from forecast import schema
from forecast.backtest import backtest
from forecast.baselines import BASELINES
from forecast.batches import frames
from forecast.calibration import Calibration
from forecast.checkpoint import Checkpoint
from forecast.models import MODELS
from forecast.models.base import create
from forecast.predict import Forecaster, forecaster
from forecast.registry import member
from forecast.scaling import Scaling
from forecast.stages.fit import shape_of
from forecast.verification import within

LEADS, STEPS, TRAIN = 3, 240, 160
OPTIONS: dict[str, dict[str, Any]] = {
    "mlp": {"hidden": 8, "context": 5},
    "convlstm": {"hidden": [4]},
    "encoder_forecaster": {"hidden": [4], "peepholes": True},
    "cnn": {"hidden": [4]},
    **{name: {"hidden": 8} for name in ("rnn", "lstm", "gru", "bilstm")},
}


def observations(kind: str, calendar: str = "standard", step: str = "D", gaps: bool = False) -> xr.Dataset:
    """Return 240 steps of t2m and dewp, a red noise: two series, or 4 x 6 maps whose cell (1, 2) is never observed."""
    time = xr.date_range("2001-01-01", periods=STEPS, freq=step, calendar=calendar, use_cftime=calendar != "standard")
    space: dict[str, Any] = {"series": ["b", "a"]}
    if kind == "map":
        space = {"lat": np.linspace(40, 55, 4), "lon": np.arange(6) * 60.0 - 180}
    rng = np.random.default_rng(0)
    values = rng.normal(size=(2, STEPS, *map(len, space.values()))).astype("float32")
    for at in range(1, STEPS):
        values[:, at] += 0.8 * values[:, at - 1]
    if gaps:
        values[0, 20:23] = values[:, 150] = values[:, 200:204] = np.nan
        values[0, 90, ..., 0] = np.nan
    if kind == "map":
        values[0, :, 1, 2] = np.nan
    dims = ("time", *space)
    variables = {
        name: (dims, 280 + 5 * part, {"units": "K"}) for name, part in zip(("t2m", "dewp"), values, strict=True)
    }
    return xr.Dataset(variables, {"time": time, **space}, {"title": "noise"})


def learned(
    name: str,
    observed: xr.Dataset,
    spin_up: int = 120,
    window: int = 12,
    levels: Sequence[float] = (),
    loss: str = "",
    recursive: bool = False,
) -> Forecaster:
    """Return a calibrated forecaster of t2m, its networks with their first weights, by its name in a registry.

    With levels, a network forecasts these quantiles; with a likelihood for a loss its parameters; where it is
    recursive, its own next step again and again, without the covariate.
    """
    train = observed.isel(time=slice(0, TRAIN))
    settings: dict[str, Any] = {
        "targets": ["t2m"],
        "covariates": [],
        "leads": LEADS,
        "step": schema.time_step(observed).isoformat(),
        "units": {"t2m": "K"},
    }
    space = xr.Dataset(coords={dim: observed[dim] for dim in schema.space_dims(observed)})
    datasets: dict[str, xr.Dataset] = {"space": space}
    weights: dict[str, np.ndarray] = {}
    if name in BASELINES:
        fitted = member("baseline", BASELINES, name)()
        fitted.fit(train["t2m"], LEADS)
        datasets["fitted:t2m"] = fitted.fitted
    else:
        covariates = [] if recursive else ["dewp"]
        settings |= {"covariates": covariates, "units": {"t2m": "K"} | dict.fromkeys(covariates, "K")}
        settings |= {"multistep": "recursive" if recursive else "direct", "seed": 0}
        scaling = Scaling.fit(train, ["t2m", *covariates])
        data = frames(observed, scaling, ["t2m"], covariates, 1 if recursive else LEADS)
        shape = shape_of(data, levels, loss)
        model = create(member("model", MODELS, name), shape, OPTIONS[name], 1, data.cells)
        weights = {key: value.numpy() for key, value in model.state_dict().items()}
        settings |= {"options": OPTIONS[name], "shape": shape.plain(), "mask": data.mask, "levels": list(levels)}
        settings |= {"spin_up": spin_up, "window": window, "fields": ["position"], "calendar": "season"}
        datasets["scaling"] = scaling.to_dataset()
    family = "baseline" if name in BASELINES else "model"
    raw = Checkpoint(name, name, family, settings, weights, datasets)
    span = (observed["time"].values[TRAIN], observed["time"].values[TRAIN + 40])
    past = backtest(forecaster(raw), observed, span)["t2m"]
    calibration = Calibration.fit(within(past, span), observed["t2m"], [0.1, 0.5, 0.9], 4, 0)
    datasets["calibration:t2m"] = calibration.to_dataset()
    return forecaster(raw)


def until(observed: xr.Dataset, reference: Any) -> xr.Dataset:
    """Return the steps up to and with a reference time."""
    return observed.sel(time=slice(None, reference))
