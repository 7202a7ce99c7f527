"""From a table to its first pipeline: read as guessed, mended where a guess does not hold, then written down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from forecast.axes import AXIS
from forecast.errors import ForecastError
from forecast.schema import SERIES, TIME
from forecast.sources.series_table import SeriesTable
from forecast.stages import guess_task
from forecast.stages.document import panel
from forecast.stages.guess_table import look

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
    return source, observed, [*found.said, *_counted(observed)]


def _stated(source: dict[str, Any], error: ForecastError) -> tuple[dict[str, Any], xr.Dataset]:
    """Return the source with the finest frequency of the calendar that fits, and what is read with it."""
    for word in WORDS:
        try:
            observed = _reader(stated := {**source, "frequency": word}).fetch()
        except ForecastError:  # two values in a period, or none of most
            continue
        if _share(observed) > 0.5:
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


def _counted(observed: xr.Dataset) -> list[str]:
    """Return how many series there are, how long they are and how much of them is missing."""
    first = observed[str(next(iter(observed.data_vars)))].transpose(TIME, SERIES)
    seen = np.isfinite(first.values)
    return (
        [
            f"{observed.sizes[SERIES]} series on {observed.sizes[TIME]} steps, "
            f"{1 - _share(observed):.1%} missing between their first and last"
        ]
        if seen.any()
        else []
    )


def _share(observed: xr.Dataset) -> float:
    """Return which share of the steps between the first and the last of each series was observed."""
    seen = np.isfinite(observed[guess_task.target_of(observed)].transpose(TIME, SERIES).values)
    seen = seen[:, seen.any(axis=0)]
    lengths = len(seen) - seen[::-1].argmax(axis=0) - seen.argmax(axis=0)
    return float(seen.sum() / lengths.sum()) if seen.size else 0.0
