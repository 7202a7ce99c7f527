"""Ingest: fetch what the source has, judge it, append what is new to the archive."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast import axes, quality, schema
from forecast.archive import Receipt
from forecast.errors import ForecastError
from forecast.quality import Finding
from forecast.stages import gaps
from forecast.stages.workspace import Report, Workspace, silent

PROBE = 1 / 256  # the first part of the span, which says how large all of it is
COPIES = 4  # of a part that are held while it is read, judged and appended
RESOLUTION = pd.Timedelta("1s")
COUNTS = ("new", "corrected", "unchanged", "late", "missing")


@dataclass(frozen=True)
class Ingested:
    """What one ingest did.

    Attributes:
        receipt: what became of each step.
        findings: what the quality rules found, and what followed.
        observed: the Dataset's title, span and sizes, for a person: name -> text; of series, their lengths and gaps.
    """

    receipt: Receipt
    findings: list[Finding]
    observed: dict[str, str]


def ingest(
    workspace: Workspace, *, start: Any = None, end: Any = None, arrival: Any = None, report: Report = silent
) -> Ingested:
    """Bring the archive up to date; the same observations twice change nothing.

    What takes more than ``[training] memory`` is fetched, judged and appended by parts, in the order of time, if the
    source can say beforehand how far it reaches; all its files have then been looked at (grid, units, calendar) before
    the first part is written. Each part is a version. An ingest that was killed, or refused at a later part, has left
    whole parts: the next one finds them unchanged and goes on. Quality rules do not see across two parts.

    Args:
        workspace: where the pipeline keeps its things.
        start: first time wanted (None: all there is).
        end: last time wanted.
        arrival: when the values came, in live operation (UTC); None for a load of the past, whose values count as
            known after their source's delay.
        report: progress.

    Raises:
        ForecastError: the source, a quality rule that refuses, or the archive says no; no part is half ingested.
    """
    spans = _parts(workspace, start, end)
    done: list[Ingested] = []
    report("ingest", 0, len(spans))
    for number, span in enumerate(spans):
        data = workspace.source.fetch(*span)
        if data.sizes[schema.TIME]:
            data, findings = quality.inspect(data, **workspace.pipeline.quality.model_dump())
            done.append(Ingested(workspace.archive.append(data, arrival), findings, _described(data)))
        report("ingest", number + 1, len(spans))
    if not done:
        raise ForecastError("observations in the span asked for", f"none from {start} to {end}", "ask for another span")
    return done[0] if len(done) == 1 else _joined(done)


def _parts(workspace: Workspace, start: Any, end: Any) -> list[tuple[Any, Any]]:
    """Return the spans to be fetched one by one: one span for what fits, or what the source tells nothing of."""
    reach = workspace.source.extent() if start is None and end is None else None
    if reach is None:
        return [(start, end)]
    first, last = reach
    if first == last:
        return [(start, end)]
    whole, share = pd.Timedelta(last - first), PROBE
    probe = workspace.source.fetch(first, _later(first, whole * share))
    while probe.sizes[schema.TIME] < 2 and share < 1:
        share = min(1.0, 4 * share)
        probe = workspace.source.fetch(first, _later(first, whole * share))
    memory, steps = workspace.pipeline.training.bytes, whole / schema.time_step(probe) + 1
    size = probe.nbytes / probe.sizes[schema.TIME] * steps
    if size <= memory:
        return [(start, end)]
    count = max(1, min(math.ceil(size * COPIES / memory), int(steps) // 2))
    begins = [_later(first, whole * number / count) for number in range(count)]
    ends = [_later(begin, -RESOLUTION) for begin in begins[1:]]
    return list(zip(begins, [*ends, last], strict=True))


def _later(time: Any, by: pd.Timedelta) -> Any:
    return schema.shift_time(np.asarray([time]), by.round(RESOLUTION))[0]


def _joined(done: list[Ingested]) -> Ingested:
    """Return what parts of one ingest did as if they had been one."""
    receipts = [one.receipt for one in done]
    dates: dict[str, tuple[str, ...]] = {}
    for receipt in receipts:
        for name, stretches in receipt.dates.items():
            dates[name] = (*dates.get(name, ()), *stretches)
    counts = {name: sum(getattr(receipt, name) for receipt in receipts) for name in COUNTS}
    series = tuple(one for receipt in receipts for one in receipt.series)
    findings: dict[tuple[str, str, str], Finding] = {}
    for finding in (finding for one in done for finding in one.findings):
        key = (finding.rule, finding.variable, finding.action)
        before = findings.get(key)
        findings[key] = finding if before is None else replace(before, count=before.count + finding.count)
    spans = [one.observed["span"].split(" to ") for one in done]
    observed = {**done[-1].observed, "span": f"{spans[0][0]} to {spans[-1][1]}"}
    steps = sum(int(one.observed["sizes"].split()[0]) for one in done)
    observed.pop("series", None)  # of one part only
    observed["sizes"] = f"{steps} {done[0].observed['sizes'].split(' ', 1)[1]}"
    receipt = Receipt(receipts[-1].version, **counts, dates=dates, series=series)
    return Ingested(receipt, list(findings.values()), observed)


def _described(data: xr.Dataset) -> dict[str, str]:
    time, axis = data[schema.TIME].values, data.attrs.get(axes.AXIS, "")
    sizes = " x ".join(f"{data.sizes[dim]} {dim}" for dim in (schema.TIME, *schema.space_dims(data)))
    title = str(data.attrs.get("title", "observations"))
    variables = ", ".join(f"{name} [{array.attrs['units']}]" for name, array in data.data_vars.items())
    said = {
        "title": title,
        "span": f"{axes.label(time[0], axis)} to {axes.label(time[-1], axis)}",
        "sizes": sizes,
        "variables": variables,
    }
    return said | ({"series": gaps.described(data)} if schema.kind(data) == "series" else {})
