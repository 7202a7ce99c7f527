"""Backtest: forecasts of past times by what was learned from nothing later, learned again and again as time goes on.

What is judged is the validation span, until a champion of this very pipeline was chosen on it: then the test span.
Nothing is stored but the scores, and nothing is promoted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast import axes, schema, verification
from forecast.axes import AXIS
from forecast.backtest import at_references, references
from forecast.calibration import ABOVE, BELOW
from forecast.checkpoint import Checkpoint
from forecast.errors import ForecastError
from forecast.predict import forecaster
from forecast.schema import REFERENCE, TIME
from forecast.stages import panels, records, scoring
from forecast.stages.comparison import by_lead, overall
from forecast.stages.fit import fit_model, unfinished
from forecast.stages.learn import calibrated, fit_baseline, longer, relearned
from forecast.stages.problem import Problem, pose
from forecast.stages.scoring import Forecasts
from forecast.stages.workspace import Report, Workspace, silent
from forecast.verification.panel import Scores
from forecast.windows import Span, Split

FILE = "backtest.json"
LEFT_OUT = "left out, too little was known before some of its forecasts"
YEAR = 365.25  # days, where twelve equal months are not the calendar


@dataclass(frozen=True)
class Backtested:
    """Scores of every forecaster on past times.

    Attributes:
        tables: target -> scores by forecaster and lead.
        panels: of tables of series: target -> all their scores.
        which: "validation" or "test".
        span: its first and last valid time, for a person.
        refits: the last steps that were known when all was learned again, for a person.
        data_version: of the archive.
        path: the file of the scores.
        axis: what the steps are called, as the data's attribute ``axis``.
        notes: who was left out, and why.
    """

    tables: dict[str, xr.Dataset]
    panels: dict[str, Scores]
    which: str
    span: str
    refits: list[str]
    data_version: str
    path: Path
    axis: str = ""
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the scores as plain values: target -> forecaster -> score -> lead -> number."""
        names = ("which", "span", "refits", "data_version", "notes")
        plain: dict[str, Any] = {name: getattr(self, name) for name in names}
        if self.panels:
            plain["overall"] = {target: overall(one.whole) for target, one in self.panels.items()}
        return plain | {"scores": {target: by_lead(table, self.axis) for target, table in self.tables.items()}}


def backtest(
    workspace: Workspace, *, refit: int | None = None, window: str | None = None, report: Report = silent
) -> Backtested:
    """Forecast a span from every origin that the split asks for, by what was learned from what was known then.

    Args:
        workspace: where the pipeline keeps its things.
        refit: all is learned again at every so-manieth origin; None: once, before the span.
        window: how far back it is learned from: steps ("1000") or a span ("5Y", "90D"), validation included; None:
            from the beginning.
        report: progress.

    Raises:
        ForecastError: refit under 1, a window that cannot be read, or too little was known before the span.
    """
    problem = pose(workspace)
    problem.held(workspace.pipeline.training.bytes)
    champion = chosen(workspace, problem)
    span = problem.split.open_test(champion) if champion else problem.split.validate
    at = references(problem.observed, span, problem.leads, problem.origins)
    if refit is not None and refit < 1:
        raise ForecastError("--refit of 1 origin or more", f"{refit}", "leave it out to learn once")
    groups = [at[start : start + (refit or len(at))] for start in range(0, len(at), refit or len(at))]
    back = None if window is None else steps_of(window, problem)
    forecasts, quantiles, notes = _forecasts(workspace, problem, groups, back, report)
    tables, found = _scored(problem, span, forecasts, quantiles)
    named = str(problem.observed.attrs.get(AXIS, ""))
    done = Backtested(
        tables,
        found,
        "test" if champion else "validation",
        " to ".join(axes.label(end, named) for end in span),
        [axes.label(group[0], named) for group in groups],
        problem.data_version,
        workspace.folder / FILE,
        named,
        notes,
    )
    done.path.write_text(json.dumps(done.as_dict(), indent=2))
    return done


def chosen(workspace: Workspace, problem: Problem) -> str | None:
    """Return the champion that was chosen for this very pipeline on these data, None where there is none.

    Args:
        workspace: where the pipeline keeps its things.
        problem: of which data.
    """
    champion = workspace.store.champion()
    if champion is None or not (workspace.models / records.FILE).is_file():
        return None
    try:
        trained = records.read(workspace)
    except ForecastError:  # of another configuration
        return None
    entry = trained.entries.get(champion["name"])
    same = problem.data_version == trained.data_version == champion["data_version"]
    return champion["name"] if entry and same and entry["version"] == champion["version"] else None


def known(workspace: Workspace, problem: Problem, last: Any, back: int | None) -> Problem:
    """Return the problem as it would have been posed when ``last`` was the newest step: nothing later is in it.

    Validation is as long as the pipeline's and ends there; training comes before it.

    Args:
        workspace: of which pipeline.
        problem: of today.
        last: the newest step that was known.
        back: how many steps it reaches back; None: as far as the pipeline's training span does.

    Raises:
        ForecastError: too little was known.
    """
    axis, split = problem.observed.get_index(TIME), problem.split
    stop = int(axis.get_loc(last)) + 1
    start = int(axis.get_loc(split.train[0]))
    start = start if back is None else max(start, stop - back)
    inside = axis.slice_indexer(*split.validate)
    least = 0 if problem.panel else problem.leads
    later = [schema.shift_time(axis.values[[stop - 1]], at * problem.step) for at in range(1, least + 2)]
    times = np.concatenate([axis.values[start:stop], *later])  # a step to test, which nobody sees
    wanted = workspace.pipeline.split.model_copy(
        update={"train": None, "validate_": int(inside.stop - inside.start), "test": 1}
    )
    posed = Split.from_config(wanted, times, problem.leads, problem.step, least).sealed()
    version = f"{problem.data_version}-{start}-{stop}"
    return replace(
        problem, observed=problem.observed.isel({TIME: slice(start, stop)}), split=posed, data_version=version
    )


def learned(workspace: Workspace, problem: Problem, report: Report) -> Iterator[Checkpoint]:
    """Yield every forecaster of the pipeline, learned and calibrated as training does it; who cannot be, is left out.

    Args:
        workspace: of which pipeline.
        problem: what was known.
        report: progress.
    """
    pipeline = workspace.pipeline
    for name in pipeline.baselines:
        again = partial(fit_baseline, name=name, memory=pipeline.training.bytes)
        judged = calibrated(workspace, problem, again(problem))
        if judged is not None:
            yield relearned(workspace, problem, judged, again) if problem.refit else judged
    for one in pipeline.models:
        settings = panels.settings_of(pipeline, one, problem)
        fitted = fit_model(workspace, problem, one, settings, report)
        judged = calibrated(workspace, problem, fitted)
        epochs = max(1, fitted.summary["best_epoch"])
        more = partial(longer, workspace, one=one, settings=settings, epochs=epochs, report=report)
        if judged is not None:
            yield relearned(workspace, problem, judged, more) if problem.refit else judged
    for rest in unfinished(workspace).glob(f"*-{problem.data_version}.pt"):
        rest.unlink()


def steps_of(window: str, problem: Problem) -> int:
    """Return how many steps a window is: a number of them ("1000"), a span ("90D"), or years ("5Y").

    Args:
        window: as a user writes it.
        problem: whose step and calendar it is in.

    Raises:
        ForecastError: it cannot be read, or is under one step.
    """
    text = window.strip()
    if text.isdecimal():
        steps = float(text)
    elif text[-1:] in "Yy" and text[:-1].replace(".", "", 1).isdecimal():
        year = 360 if problem.observed[TIME].dt.calendar == "360_day" else YEAR
        steps = float(text[:-1]) * pd.Timedelta(days=year) / problem.step
    else:
        steps = schema.duration(text) / problem.step
    if not steps >= 1:
        expected = "--window as steps, such as 1000, or a span of a step or more, such as 90D or 5Y"
        raise ForecastError(expected, repr(window), "mend it, or leave it out")
    return round(steps)


def _forecasts(
    workspace: Workspace, problem: Problem, groups: list[np.ndarray], back: int | None, report: Report
) -> tuple[Forecasts, Forecasts, list[str]]:
    """Return forecasts and quantiles of groups of references, learned from what was before each, and who lacks some."""
    found: dict[str, dict[str, list[tuple[xr.DataArray, xr.DataArray]]]] = {}
    for number, group in enumerate(groups):
        report("learn what was known", number, len(groups))
        for one in learned(workspace, known(workspace, problem, group[0], back), report):
            told = forecaster(one)
            for target, values in at_references(told, problem.observed, group).items():
                plain = values.drop_vars([BELOW, ABOVE], errors="ignore")
                pair = (plain, told.calibrated(target).quantiles(values))
                found.setdefault(target, {}).setdefault(one.name, []).append(pair)
    report("learn what was known", len(groups), len(groups))
    whole = {
        target: {name: parts for name, parts in each.items() if len(parts) == len(groups)}
        for target, each in found.items()
    }
    central, quantiles = (
        {
            target: {name: xr.concat([part[at] for part in parts], REFERENCE) for name, parts in each.items()}
            for target, each in whole.items()
        }
        for at in (0, 1)
    )
    everyone = [*workspace.pipeline.baselines, *(model.name for model in workspace.pipeline.models)]
    there = set.union(set(), *whole.values())
    return central, quantiles, [f"{name}: {LEFT_OUT}" for name in everyone if name not in there]


def _scored(
    problem: Problem,
    span: Span,
    forecasts: Forecasts,
    quantiles: Forecasts,
) -> tuple[dict[str, xr.Dataset], dict[str, Scores]]:
    """Score all forecasters on the span: tables of series by MASE, stations and maps by RMSE."""
    tables, found = {}, {}
    for target, many in forecasts.items():
        truth = problem.observed[target]
        inside = {name: verification.within(one, span) for name, one in many.items()}
        if problem.panel:
            scale = scoring.scale_before(truth, span)
            found[target] = verification.panel.score(inside, truth, scale=scale, quantiles=quantiles[target])
            tables[target] = found[target].lead
        else:
            weights = schema.area_weights(truth)
            tables[target] = verification.table(
                inside, truth, climatology=None, weights=weights, quantiles=quantiles[target]
            )
    return tables, found
