"""From a table to its first pipeline: read as guessed, mended where a guess does not hold, then written down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xarray as xr

from forecast.axes import AXIS
from forecast.errors import ForecastError
from forecast.sources.series_table import SeriesTable
from forecast.stages import guess_task
from forecast.stages.document import panel
from forecast.stages.gaps import described, gaps
from forecast.stages.guess_table import look

HALF = 0.5  # of the steps of a frequency may be missing where it is to fit
WORDS = ("day", "week", "month", "quarter", "year")  # tried in turn where stamps are uneven


def read_table(paths: list[Path]) -> tuple[dict[str, Any], xr.Dataset, list[str]]:
    """Return keys of ``[source]`` for a table, what is read with them, and what was guessed.

    Args:
        paths: of files of one layout.

    Raises:
        ForecastError: the table cannot be understood.
    """
    found = look(paths)
    source = {"type": "series_table", "paths": [str(path) for path in paths], **found.options}
    try:
        observed = _reader(source).fetch()
    except ForecastError as error:
        if "apart (the commonest step)" not in str(error):
            raise
        source, observed = _stated(source, error)
        found.said.append(f"uneven stamps are brought to a frequency: {source['frequency']}")
    if (word := guess_task.coarser(observed)) is not None:
        source = {**source, "frequency": word}
        observed = _reader(source).fetch()
        found.said.append(f"single series have one value a {word}: frequency {word}")
    return source, observed, [*found.said, described(observed)]


def _stated(source: dict[str, Any], error: ForecastError) -> tuple[dict[str, Any], xr.Dataset]:
    """Return the source with the finest frequency of the calendar that fits, and what is read with it."""
    for word in WORDS:
        try:
            observed = _reader(stated := {**source, "frequency": word}).fetch()
        except ForecastError:  # two values in a period, or none of most
            continue
        if gaps(observed[guess_task.target_of(observed)]).missing < HALF:
            return stated, observed
    raise error


def panel_document(name: str, source: dict[str, Any], observed: xr.Dataset) -> tuple[str, list[str]]:
    """Return the text of a pipeline for a table of series, and what was guessed.

    Args:
        name: of the pipeline.
        source: keys of ``[source]``; columns that turn out to be attributes are written as such.
        observed: what is read with them.
    """
    numbered = source.get("time") == "" or observed.attrs.get(AXIS) == "integer" or source.get("shape") == "rows"
    attributes = source.get("attributes", [])
    try:
        _reader(source).static()
    except ForecastError:  # constant in the first rows, but not in all
        attributes = []
    found = guess_task.guess(observed, attributes, numbered)
    own = {"columns": [one for one in source.get("columns", []) if one not in found.constant]}
    own |= {"attributes": [*attributes, *found.constant]}
    units = {key: unit for key, unit in source.get("units", {}).items() if key not in found.constant}
    kept = {**source, **own, **({"units": units} if units else {})}
    kept = {key: value for key, value in kept.items() if value != []}
    return panel(name, kept, found.task, found.split), found.said


def _reader(source: dict[str, Any]) -> SeriesTable:
    return SeriesTable(**{key: value for key, value in source.items() if key != "type"})
