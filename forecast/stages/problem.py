"""One pipeline's task made concrete by its data: targets, leads, step, split, and the version of the archive."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import xarray as xr

from forecast import schema
from forecast.availability import lead_count
from forecast.config import Pipeline
from forecast.errors import ForecastError
from forecast.schema import TIME
from forecast.stages.workspace import Workspace
from forecast.windows import Split


@dataclass(frozen=True)
class Problem:
    """What is to be learned, from which version of the data.

    Attributes:
        observed: canonical observations, every variable used.
        targets: what is forecast.
        covariates: what is only looked at.
        leads: number of leads, in steps.
        step: step of the data.
        split: train, validation and (locked) test spans.
        data_version: id of the archive's version.
    """

    observed: xr.Dataset
    targets: tuple[str, ...]
    covariates: tuple[str, ...]
    leads: int
    step: pd.Timedelta
    split: Split
    data_version: str


def roles(
    pipeline: Pipeline, observed: xr.Dataset, default: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return targets and covariates.

    Args:
        pipeline: the configuration; its ``task.targets`` come first.
        observed: canonical observations.
        default: the source's own targets.

    Raises:
        ForecastError: a name that was not observed, or no way to tell the target among several variables.
    """
    names = tuple(str(name) for name in observed.data_vars)
    targets = pipeline.task.targets or default or (names if len(names) == 1 else ())
    if not targets:
        raise ForecastError("task.targets", f"variables {', '.join(names)} and no target", "name one in [task] targets")
    for name in (*targets, *pipeline.task.covariates):
        if name not in names:
            raise ForecastError(f"a variable among {', '.join(names)}", repr(name), "mend [task] targets or covariates")
    return targets, tuple(name for name in pipeline.task.covariates if name not in targets)


def pose(workspace: Workspace, version: str | None = None) -> Problem:
    """Read a version of the archive and say what is to be learned from it.

    Args:
        workspace: where the pipeline keeps its things.
        version: of the archive; None is the newest.

    Raises:
        ForecastError: nothing was ingested, a variable is unknown, or a span of the split is empty.
    """
    version = version or workspace.archive.version
    if not version:
        raise ForecastError("observations", f"an empty archive in {workspace.folder}", "run `forecast ingest` first")
    return concrete(workspace, workspace.archive.load(version), version)


def concrete(workspace: Workspace, observed: xr.Dataset, version: str) -> Problem:
    """Say what a pipeline's task is on given observations.

    Args:
        workspace: for its pipeline and its source's delay and targets.
        observed: canonical observations.
        version: what they are called.

    Raises:
        ForecastError: a variable is unknown, or a span of the split is empty.
    """
    pipeline, delay = workspace.pipeline, workspace.source.delay
    targets, covariates = roles(pipeline, observed, workspace.source.targets)
    observed = observed[[*targets, *covariates]]
    step = schema.time_step(observed)
    leads = lead_count(pd.Timedelta(pipeline.task.horizon), delay, step, observed.get_index(TIME)[0])
    split = Split.from_config(pipeline.split, observed[TIME].values, leads, step)
    return Problem(observed, targets, covariates, leads, step, split, version)
