"""The text of a first pipeline.toml: its keys with a comment each, for weather and maps, and for tables of series."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd
import xarray as xr

DAY = pd.Timedelta("1D")


def document(
    name: str, source: Mapping[str, Any], observed: xr.Dataset, targets: list[str], step: pd.Timedelta, kind: str
) -> str:
    """Return a pipeline of maps, or of series that are forecast as anomalies.

    Args:
        name: of the pipeline.
        source: keys of ``[source]``.
        observed: observations, whose other variables are covariates.
        targets: what is forecast.
        step: of the data.
        kind: "map" or "series".
    """
    covariates = [str(other) for other in observed.data_vars if other not in targets]
    models = ["mlp", "convlstm"] if kind == "map" else ["mlp", "rnn", "lstm", "gru", "bilstm"]
    return TEMPLATE.format(
        name=name,
        source=_lines(source),
        targets=json.dumps(targets),
        covariates=json.dumps(covariates),
        horizon="24h" if step < DAY else span(5 * step),
        chunk=8 if kind == "map" else 48 if step < DAY else 28,
        models=_models(models),
    )


def panel(name: str, source: Mapping[str, Any], task: Mapping[str, Any], split: Mapping[str, Any]) -> str:
    """Return a pipeline of a table of series, each scaled by its own values.

    Args:
        name: of the pipeline.
        source: keys of ``[source]``.
        task: keys of ``[task]`` that were guessed.
        split: keys of ``[split]``.
    """
    comments = {key: f"{key} = {toml(value)}" for key, value in task.items()}
    lines = [f"{line:<37} # {COMMENTS[key]}" if len(line) < 37 else f"{line}  # {COMMENTS[key]}"
             for key, line in comments.items()]  # fmt: skip
    return PANEL.format(
        name=name, source=_lines(source), task="\n".join(lines), models=_models(["lstm", "mlp"]), **split
    )


def toml(value: Any) -> str:
    """Return text, numbers, lists and tables of these as TOML writes them."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{json.dumps(key)} = {toml(one)}' for key, one in value.items())} }}"
    return json.dumps(value, ensure_ascii=False)


def span(length: pd.Timedelta) -> str:
    """Return a span as a pipeline writes it: whole days, else minutes."""
    return f"{length // DAY}D" if length % DAY == pd.Timedelta(0) else f"{length // pd.Timedelta('1min')}min"


def _lines(keys: Mapping[str, Any]) -> str:
    return "\n".join(f"{key} = {toml(value)}" for key, value in keys.items())


def _models(names: list[str]) -> str:
    return "\n\n".join(f'[[models]]\ntype = "{model}"' for model in names)


COMMENTS = {
    "targets": "what is forecast",
    "covariates": "looked at up to now",
    "known": "known beforehand: values go on after the targets' last",
    "static": "attributes of each series",
    "horizon": "how far ahead, in steps",
    "align": "each series' own last step is the last",
}

TEMPLATE = """# A forecasting pipeline. `forecast check` holds it against the data, `forecast run` does all of it.
name = "{name}"                       # folder of its working data, and its MLflow experiment

[source]                              # where observations come from; paths count from this file's folder
{source}
delay = "0h"                          # time from the end of an interval until its value is known

[task]
targets = {targets}                   # what is forecast
covariates = {covariates}             # what the models may look at beside it
horizon = "{horizon}"                        # how far ahead; a day or more always reaches the end of tomorrow
quantiles = [0.05, 0.5, 0.95]         # the lowest and the highest are the interval that is shown
members = 20                          # members of the ensemble, dressed with whole residual fields

[split]                               # dates ["first", "last"], or spans or shares of the newest data
validate = "20%"                      # its blocks by turns: early stopping and calibration
test = "20%"                          # read once, at the end

[quality]                             # what follows a broken rule: mask | flag | refuse
limits = "mask"
spikes = "flag"
stuck = "flag"

[training]                            # every key can be set for one model too: training = {{ epochs = 5 }}
k1 = {chunk}                               # steps between two updates
k2 = {chunk}                               # steps that the gradient reaches back (k2 >= k1)
streams = 16                          # parallel unbroken stretches: the batch
epochs = 20
patience = 5                          # epochs without a better early-stopping loss
learning_rate = 0.003
clip_norm = 1.0
seed = 0

{models}

[schedule]
cron = "0 6 * * *"                    # when the flow issues a forecast (UTC)
"""

PANEL = """# A forecasting pipeline for a table of series: one network for all of them.
# `forecast check` holds it against the data, `forecast run` does all of it.
name = "{name}"

[source]                              # where observations come from; paths count from this file's folder
{source}
delay = "0h"                          # time from the end of an interval until its value is known

[task]
scaling = "series"                    # each series by its own values; "climatology" takes anomalies, for weather
{task}
quantiles = [0.05, 0.1, 0.5, 0.9, 0.95]  # the lowest and the highest are the interval that is shown

[split]                               # in steps, counted back from the newest; or dates ["first", "last"]
validate = {validate:<27}# early stopping, calibration and choice
test = {test:<31}# read once, at the end

[quality]                             # what follows a broken rule: mask | flag | refuse
limits = "mask"
spikes = "flag"
stuck = "flag"

[training]                            # what is left out follows from the size of the data
seed = 0

{models}

[schedule]
cron = "0 6 * * *"                    # when the flow issues a forecast (UTC)
"""
