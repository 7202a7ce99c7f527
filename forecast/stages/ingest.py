"""Ingest: fetch what the source has, judge it, append what is new to the archive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import xarray as xr

from forecast import quality, schema
from forecast.archive import Receipt
from forecast.errors import ForecastError
from forecast.quality import Finding
from forecast.stages.workspace import Report, Workspace, silent


@dataclass(frozen=True)
class Ingested:
    """What one ingest did.

    Attributes:
        receipt: what became of each step.
        findings: what the quality rules found, and what followed.
        observed: the Dataset's title, span and sizes, for a person: name -> text.
    """

    receipt: Receipt
    findings: list[Finding]
    observed: dict[str, str]


def ingest(
    workspace: Workspace, *, start: Any = None, end: Any = None, arrival: Any = None, report: Report = silent
) -> Ingested:
    """Bring the archive up to date; the same observations twice change nothing.

    Args:
        workspace: where the pipeline keeps its things.
        start: first time wanted (None: all there is).
        end: last time wanted.
        arrival: when the values came, in live operation (UTC); None for a load of the past, whose values count as
            known after their source's delay.
        report: progress.

    Raises:
        ForecastError: the source, a quality rule that refuses, or the archive says no; nothing is half ingested.
    """
    report("ingest", 0, 3)
    fetched = workspace.source.fetch(start, end)
    if not fetched.sizes[schema.TIME]:
        raise ForecastError("observations in the span asked for", f"none from {start} to {end}", "ask for another span")
    report("ingest", 1, 3)
    judged, findings = quality.inspect(fetched, **workspace.pipeline.quality.model_dump())
    report("ingest", 2, 3)
    receipt = workspace.archive.append(judged, arrival)
    report("ingest", 3, 3)
    return Ingested(receipt, findings, _described(judged))


def _described(data: xr.Dataset) -> dict[str, str]:
    time = data[schema.TIME].values
    sizes = " x ".join(f"{data.sizes[dim]} {dim}" for dim in (schema.TIME, *schema.space_dims(data)))
    title = str(data.attrs.get("title", "observations"))
    variables = ", ".join(f"{name} [{array.attrs['units']}]" for name, array in data.data_vars.items())
    return {
        "title": title,
        "span": f"{str(time[0])[:16]} to {str(time[-1])[:16]}",
        "sizes": sizes,
        "variables": variables,
    }
