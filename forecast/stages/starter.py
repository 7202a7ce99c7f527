"""The first pipeline.toml: the keys most needed, each with a comment, filled in from a look at the data."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast import schema
from forecast.axes import AXIS, label, label_lead
from forecast.config import parse
from forecast.errors import ForecastError
from forecast.registry import member
from forecast.schema import VARIABLES
from forecast.sources import SOURCES
from forecast.sources.base import Source
from forecast.sources.files import ENGINES
from forecast.sources.grid_files import GridFiles
from forecast.stages.document import document, span
from forecast.stages.guess_task import by_climatology, target_of
from forecast.stages.table_starter import panel_document, read_table

GRIDS = {ending for endings in ENGINES.values() for ending in endings}
TABLES = {".csv", ".tsv", ".txt", ".gz", ".bz2", ".parquet", ".pq"}
YEAR = pd.Timedelta("366D")
FIRST = 50  # maps that are read for a first look
USUAL_LEVEL = {"hPa": 500.0, "millibars": 500.0, "millibar": 500.0, "Pa": 50000.0}  # taken where there are several


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
        return {"type": "series_table", "paths": named}
    raise ForecastError(
        f"files of one kind: maps {', '.join(sorted(GRIDS))} or tables {', '.join(sorted(TABLES))}",
        ", ".join(sorted(endings)),
        "name files of one kind, or write [source] by hand",
    )


def start(name: str, paths: list[Path]) -> Starter:
    """Look at the data and write a pipeline for them.

    Args:
        name: the pipeline's name, lower case letters, digits and underscores.
        paths: data files; none takes the embedded simulation.

    Raises:
        ForecastError: a file cannot be understood, or the name is none.
    """
    source = source_of(paths)
    if source["type"] == "series_table":
        source, observed, seen = read_table(paths)
        time = observed[schema.TIME].values
    else:
        source, observed, time, seen = _look(source)
    kind, step = schema.kind(observed), _step(time)
    table = source["type"] == "series_table"
    targets = list(_reader(source).targets) or [target_of(observed) if table else str(next(iter(observed.data_vars)))]
    axis = observed.attrs.get(AXIS, "")
    apart = label_lead(step, axis) if axis else span(step)
    guesses = [
        f"{kind} data of {', '.join(map(str, observed.data_vars))}, step {apart}, "
        f"{label(time[0], axis)} to {label(time[-1], axis)}",
    ]
    if table and not by_climatology(observed, targets):
        text, said = panel_document(name, source, observed)
        guesses += [*seen, *said]
    else:
        text = document(name, source, observed, targets, step, kind)
        guesses.append(f"target {', '.join(targets)}: change [task] targets if another variable is to be forecast")
        if table:
            guesses.append("a known quantity over two years or more: forecast as anomalies from its climatology")
        guesses += seen
    parse(tomllib.loads(text), "the file to be written")
    return Starter(text, [*guesses, *_units(source)])


def _step(time: np.ndarray) -> pd.Timedelta:
    return schema.time_step(xr.Dataset(coords={schema.TIME: time}))


def _units(source: dict[str, Any]) -> list[str]:
    """Return what is to be said of units that were guessed."""
    units, said = source.get("units", {}), []
    if known := [f"{name} in {unit}" for name, unit in units.items() if name in VARIABLES]:
        said.append(f"units by name: {', '.join(known)}: mend units in [source] if the file's values are in others")
    if unknown := [name for name in units if name not in VARIABLES]:
        said.append(f"no unit is known for {', '.join(unknown)}: mend units in [source]")
    return said


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
