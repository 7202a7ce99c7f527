"""The first pipeline.toml: the keys most needed, each with a comment, filled in from a look at the data."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast import schema
from forecast.config import parse
from forecast.errors import ForecastError
from forecast.registry import member
from forecast.schema import VARIABLES
from forecast.sources import SOURCES
from forecast.sources.base import Source
from forecast.sources.files import ENGINES
from forecast.sources.grid_files import GridFiles

GRIDS = {ending for endings in ENGINES.values() for ending in endings}
TABLES = {".csv", ".parquet"}
DAY = pd.Timedelta("1D")
PLACES = {"lat", "lon", "latitude", "longitude", "elevation", "altitude"}  # where a station is, not what it measures
YEAR = pd.Timedelta("366D")
FIRST = 50  # maps that are read for a first look
USUAL_LEVEL = {"hPa": 500.0, "millibars": 500.0, "millibar": 500.0, "Pa": 50000.0}  # taken where there are several
ROWS = 1000  # of a table, from which its columns are guessed


@dataclass(frozen=True)
class Starter:
    """A first pipeline file and what was guessed for it.

    Attributes:
        text: the TOML document.
        guesses: one sentence for each guess.
    """

    text: str
    guesses: list[str]


def source_of(paths: list[Path]) -> dict[str, Any]:
    """Guess the source from the endings of files and the columns of tables; no file means the embedded simulation.

    Raises:
        ForecastError: an ending of no known kind, files of both kinds, or a table without a column of times.
    """
    if not paths:
        return {"type": "simulated"}
    endings = {path.suffix.lower() for path in paths}
    named = [str(path) for path in paths]
    if endings <= GRIDS:
        return {"type": "grid_files", "paths": named}
    if endings <= TABLES:
        return {"type": "series_table", "paths": named, **_columns(paths[0])}
    raise ForecastError(
        f"files of one kind: maps {', '.join(sorted(GRIDS))} or tables {', '.join(sorted(TABLES))}",
        ", ".join(sorted(endings)),
        "name files of one kind, or write [source] by hand",
    )


def _columns(path: Path) -> dict[str, Any]:
    """Guess which columns of a table hold times, names of series and values, and the units of the values."""
    try:
        frame = pd.read_csv(path, nrows=ROWS) if path.suffix.lower() == ".csv" else pd.read_parquet(path)
    except (OSError, ValueError) as error:  # empty, not text, not a table
        raise ForecastError("a readable CSV or Parquet table", f"{path}: {error}", "mend the file") from error
    numbers = [str(column) for column in frame.select_dtypes("number").columns if str(column).lower() not in PLACES]
    texts = [str(column) for column in frame.columns if column not in numbers]
    times = [
        column for column in texts if pd.to_datetime(frame[column], errors="coerce", format="ISO8601").notna().all()
    ]
    if not times or not numbers:
        expected = "a table with a column of times in ISO 8601 and columns of numbers"
        raise ForecastError(expected, f"{path}: {', '.join(map(str, frame.columns))}", "write [source] by hand")
    names = [column for column in texts if column not in times]
    units = {name: VARIABLES[name].units if name in VARIABLES else "1" for name in numbers}
    return {"time": times[0], **({"id": names[0]} if names else {}), "columns": numbers, "units": units}


def start(name: str, paths: list[Path]) -> Starter:
    """Look at the data and write a pipeline for them.

    Args:
        name: the pipeline's name, lower case letters, digits and underscores.
        paths: data files; none takes the embedded simulation.

    Raises:
        ForecastError: a file cannot be understood, or the name is none.
    """
    source = source_of(paths)
    source, observed, time, seen = _look(source)
    step, kind = schema.time_step(xr.Dataset(coords={schema.TIME: time})), schema.kind(observed)
    targets = list(_reader(source).targets) or [str(name) for name in observed.data_vars][:1]
    guesses = [
        f"{kind} data of {', '.join(map(str, observed.data_vars))}, step {_span(step)}, "
        f"{str(time[0])[:16]} to {str(time[-1])[:16]}",
        f"target {', '.join(targets)}: change [task] targets if another variable is to be forecast",
        *seen,
    ]
    known = [f"{name} in {unit}" for name, unit in source.get("units", {}).items() if name in VARIABLES]
    if known:
        guesses.append(f"units by name: {', '.join(known)}: mend units in [source] if the file's values are in others")
    unknown = [name for name in source.get("units", {}) if name not in VARIABLES]
    if unknown:
        guesses.append(f"no unit is known for {', '.join(unknown)}: mend units in [source]")
    text = _document(name, source, observed, targets, step, kind)
    parse(tomllib.loads(text), "the file to be written")
    return Starter(text, guesses)


def _reader(source: dict[str, Any]) -> Source:
    reader: Source = member("source", SOURCES, source["type"])(**{k: v for k, v in source.items() if k != "type"})
    return reader


def _look(source: dict[str, Any]) -> tuple[dict[str, Any], xr.Dataset, np.ndarray, list[str]]:
    """Return the source with what had to be chosen, some observations, all times, and what a person should know.

    Of gridded files, which may be large, the times are read and the first maps.
    """
    reader = _reader(source)
    if not isinstance(reader, GridFiles):
        observed = reader.fetch()
        return source, observed, observed[schema.TIME].values, []
    seen = []
    if found := reader.levels():
        levels, unit = next(iter(found.values()))
        level = min(levels, key=lambda one: abs(one - USUAL_LEVEL.get(unit, levels[0])))
        source = {**source, "level": level}
        listed = "; ".join(
            f"{name} at {', '.join(f'{one:g}' for one in levels)} {unit}" for name, (levels, unit) in found.items()
        )
        seen = [f"level {level:g} {unit} of those there are ({listed}): mend level in [source]; a list takes several"]
        reader = GridFiles(**{key: value for key, value in source.items() if key != "type"})
    time = reader.times()
    observed = reader.fetch(time[0], time[min(len(time), FIRST) - 1])
    if schema.Y in observed.dims:
        seen.append(
            f"a projected grid of {observed.sizes[schema.Y]} rows and {observed.sizes[schema.X]} columns, kept as it is"
        )
    months = sorted(set(xr.DataArray(time, dims=schema.TIME).dt.month.values.tolist()))
    if len(months) < 12 and pd.Timedelta(time[-1] - time[0]) > YEAR:
        seen.append(
            f"only the months {', '.join(map(str, months))} of each year: the others stay gaps, and are not filled"
        )
    return source, observed, time, seen


def _document(
    name: str, source: dict[str, Any], observed: xr.Dataset, targets: list[str], step: pd.Timedelta, kind: str
) -> str:
    covariates = [str(other) for other in observed.data_vars if other not in targets]
    horizon = "24h" if step < DAY else _span(5 * step)
    chunk = 8 if kind == "map" else 48 if step < DAY else 28
    lines = [f"{key} = {_toml(value)}" for key, value in source.items()]
    models = ["mlp", "convlstm"] if kind == "map" else ["mlp", "rnn", "lstm", "gru", "bilstm"]
    return TEMPLATE.format(
        name=name,
        source="\n".join(lines),
        targets=json.dumps(targets),
        covariates=json.dumps(covariates),
        horizon=horizon,
        chunk=chunk,
        models="\n\n".join(f'[[models]]\ntype = "{model}"' for model in models),
    )


def _toml(value: Any) -> str:
    """Return text, numbers, lists and tables of these as TOML writes them."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{json.dumps(key)} = {_toml(one)}' for key, one in value.items())} }}"
    return json.dumps(value, ensure_ascii=False)


def _span(span: pd.Timedelta) -> str:
    return f"{span // DAY}D" if span % DAY == pd.Timedelta(0) else f"{span // pd.Timedelta('1min')}min"


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
