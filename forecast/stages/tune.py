"""Tune: search a model's options and step sizes on validation, and write the best back as a pipeline of its own.

A trial is a training as ``forecast train`` does it, of one network, and ends as that does; its measure is the lowest
loss on the early-stopping blocks of the validation span. Calibration blocks stay unseen, and the test span is not even
there: observations end with the validation span, and the split is sealed. The first trial is the pipeline as it
stands. A trial that was cut off, by a kill, by Ctrl-C or at the end of the time, goes on later from its last epoch.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from forecast.config import Member, Pipeline
from forecast.errors import ForecastError
from forecast.models import MODELS
from forecast.models.base import checked
from forecast.registry import member
from forecast.schema import TIME
from forecast.stages import logbook, panels, tuned
from forecast.stages.fit import Fitted, fit_model
from forecast.stages.problem import Problem, pose
from forecast.stages.workspace import Report, Workspace, silent
from forecast.tracking import Run, Tracker
from forecast.training.settings import Training
from forecast.tuning import Attempt, Pruned, Search, Space, Tried, first, nested, space


class Late(BaseException):
    """The time is up while a trial is under way; as Ctrl-C it is no failure of the trial."""


@dataclass(frozen=True)
class Found:
    """One model's search.

    Attributes:
        model: its name in the pipeline.
        before: trials that earlier runs of the search had ended.
        tried: all trials.
        best: the one of the lowest loss.
        present: key -> what the pipeline says, of the keys searched.
        parent_run: MLflow's id of the run above the trials.
    """

    model: str
    before: int
    tried: list[Tried]
    best: Tried
    present: dict[str, Any]
    parent_run: str


@dataclass(frozen=True)
class Tuned:
    """What a search found.

    Attributes:
        output: the pipeline that was written.
        data_version: the archive's version that was searched on.
        found: one a model.
    """

    output: Path
    data_version: str
    found: list[Found]


def tune(
    workspace: Workspace,
    file: Path,
    output: Path,
    *,
    model: str | None = None,
    trials: int = 30,
    minutes: float = 60.0,
    keep: Sequence[str] = (),
    report: Report = silent,
) -> Tuned:
    """Search the options of a pipeline's models on the newest version of the archive.

    Args:
        workspace: where the pipeline keeps its things; the search's own lie under ``tuning`` there.
        file: the pipeline's file.
        output: where the best values are written, the rest as in ``file``.
        model: the name of the only one that is searched; None: every model, one after another.
        trials: of each model, those of earlier runs of the same search counted in.
        minutes: for all models, shared out evenly; what is under way then is kept for the next run.
        keep: keys that stay as they are.
        report: progress.

    Raises:
        ForecastError: no such model or key, no model at all, nothing ingested, an output that is the user's own, or no
            trial that came to its end.
    """
    pipeline = workspace.pipeline
    wanted = [one for one in pipeline.models if model in (None, one.name)]
    if not wanted:
        names = ", ".join(one.name for one in pipeline.models) or "none"
        got, remedy = repr(model) if model else "no [[models]]", "name one of them, or add one to the pipeline"
        raise ForecastError(f"a model of the pipeline to tune: {names}", got, remedy)
    tuned.free(file, output)
    problem = blindfolded(pose(workspace))
    problem.held(pipeline.training.bytes)
    found, end = [], time.monotonic() + 60 * minutes
    for place, one in enumerate(wanted):
        now = time.monotonic()
        share = now + (end - now) / (len(wanted) - place)
        found.append(_searched(workspace, problem, one, keep, trials, share, report))
    said = [_sentence(one, problem.data_version) for one in found]
    tuned.write(file, output, pipeline, {one.model: (_flat(one.best.values), one.present) for one in found}, said)
    return Tuned(output, problem.data_version, found)


def blindfolded(problem: Problem) -> Problem:
    """Return a problem whose observations end with the validation span and whose split does not hold the test span."""
    seen = problem.observed.sel({TIME: slice(None, problem.split.validate[1])})
    return replace(problem, observed=seen, split=problem.split.sealed())


def _sentence(one: Found, data_version: str) -> str:
    """Say what a search came to, for the head of the file that it writes."""
    states = [tried.state for tried in one.tried]
    count = f"{len(states)} trials ({states.count('pruned')} given up early, {states.count('failed')} failed)"
    loss = f"early-stopping loss {one.best.loss:.5g} (trial {one.best.number})"
    start = next((tried for tried in one.tried if tried.number == 0 and tried.state == "complete"), None)
    was = f", {start.loss:.5g} before" if start is not None and start is not one.best else ""
    return f"{one.model}: {count} on data version {data_version}; {loss}{was}"


def _searched(
    workspace: Workspace,
    problem: Problem,
    one: Member,
    keep: Sequence[str],
    most: int,
    until: float,
    report: Report,
) -> Found:
    """Do one model's trials, from where they stand, until there are enough or the time is up."""
    one = one.model_copy(update={"ensemble": None})
    settings = panels.settings_of(workspace.pipeline, one, problem)
    present = _options(problem, one) | {f"training.{name}": value for name, value in settings.model_dump().items()}
    steps = problem.split.select(problem.observed, problem.split.train).sizes[TIME]
    axes = space(one.type, present, keep, steps)
    start, study = first(axes, present), f"{one.name}-{_same(workspace.pipeline, one, axes)}-{problem.data_version}"
    folder = workspace.folder / "tuning" / study
    search = Search(folder, axes, start, warmup=_warmup(settings), seed=settings.seed)
    before = _ended(search)
    tags = {"tuning": workspace.pipeline.name, "study": study, "data_version": problem.data_version}
    tracker = logbook.tracker(workspace)
    whole = _known(tracker, study=study, part="search")
    with tracker.run(f"tune {one.name}", tags=tags | {"part": "search"}, params=_flat(start), resume=whole) as parent:
        while time.monotonic() < until and (attempt := search.next(most)) is not None:
            report(f"trials of {one.name}", _ended(search), most)
            old = _known(tracker, study=study, trial=attempt.number) if attempt.again else None
            own, values = tags | {"trial": attempt.number}, _flat(attempt.values)
            trial = _Trial(workspace, problem, _tuned(one, attempt.values), attempt, folder, until, report)
            try:
                with parent.child(f"trial {attempt.number}", tags=own, params=values, resume=old) as run:
                    trial.run(run)
            except Late:
                break
            finally:
                attempt.leave()
        report(f"trials of {one.name}", _ended(search), most)
        best = search.best()
        parent.metrics([{"loss": best.loss}])
        parent.tags({"best_trial": best.number})
    return Found(one.name, before, search.tried(), best, _flat(start), parent.id)


@dataclass(frozen=True)
class _Trial:
    """One trial: ``one`` is the model with the attempt's values."""

    workspace: Workspace
    problem: Problem
    one: Member
    attempt: Attempt
    folder: Path
    until: float
    report: Report

    def run(self, run: Run) -> None:
        """Train to the end, or until it is hopeless or late; a refusal of the values closes the trial as failed."""
        attempt, begun = self.attempt, time.perf_counter()
        try:
            fitted = self._fitted()
        except Pruned:
            run.metrics([{"epoch": epoch, "early_loss": loss} for epoch, loss in attempt.curve.items()])
            attempt.end(pruned=True, seconds=time.perf_counter() - begun)
            run.tags({"state": "pruned"})
        except ForecastError as error:
            if not attempt.number:
                raise  # the pipeline itself is at fault, not what the search made of it
            attempt.end(note=str(error))
            run.tags({"state": "failed", "note": str(error)})
        else:
            loss = float(fitted.summary["early_loss"])
            finite = math.isfinite(loss)
            attempt.end(loss if finite else None, seconds=fitted.seconds, note=fitted.note, **fitted.summary)
            run.metrics(fitted.history)
            run.metrics([{"loss": loss}])
            run.tags({"state": "complete" if finite else "failed", "note": fitted.note})
        shutil.rmtree(self.folder / str(attempt.number), ignore_errors=True)

    def _fitted(self) -> Fitted:
        pipeline = self.workspace.pipeline.model_copy(update={"models": (self.one,)})
        alone = Workspace(self.folder / str(self.attempt.number), pipeline)  # its training checkpoint is its own
        settings = panels.settings_of(pipeline, self.one, self.problem)
        return fit_model(alone, self.problem, self.one, settings, self._told, self._watch)

    def _told(self, what: str, done: int, total: int) -> None:
        self.report("epochs of a trial" if what.startswith("train ") else what, done, total)

    def _watch(self, line: dict[str, float]) -> None:
        self.attempt.tell(int(line["epoch"]), line["early_loss"])
        if time.monotonic() > self.until:
            raise Late


def _options(problem: Problem, one: Member) -> dict[str, Any]:
    """Return a model's own options, with what holds where it says nothing."""
    own = panels.wrapped(one, problem)[1]["inner_options"] if problem.panel else one.options
    return checked(member("model", MODELS, one.type), own).model_dump()


def _warmup(settings: Training) -> int:
    """Return the epochs in which no trial is given up: while the steps grow, no loss says much."""
    return math.ceil(settings.warmup * settings.epochs) if settings.schedule == "one_cycle" else 1


def _same(pipeline: Pipeline, one: Member, axes: Space) -> str:
    """Return digits that differ where trials cannot stand side by side: another task, training, model or space."""
    text = pipeline.model_dump_json(include={"source", "task", "split", "quality", "training"})
    return sha256(f"{text} {one.model_dump_json()} {axes}".encode()).hexdigest()[:8]


def _tuned(one: Member, values: Mapping[str, Any]) -> Member:
    """Return a model with a trial's values laid over its own."""
    laid = nested(values)
    training = (one.model_extra or {}).get("training", {}) | laid.pop("training", {})
    return one.model_copy(update=laid | {"training": training})


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a trial's values by key, those that go together apart."""
    laid = nested(values)
    return {**{f"training.{name}": one for name, one in laid.pop("training", {}).items()}, **laid}


def _ended(search: Search) -> int:
    return sum(one.state != "running" for one in search.tried())


def _known(tracker: Tracker, **tags: Any) -> str | None:
    """Return the newest run with these tags, None where there is none."""
    runs = tracker.runs(**tags)
    return None if runs.empty else str(runs["run_id"].iloc[0])
