"""One pipeline's task made concrete by its data: targets, leads, step, split, and the version of the archive."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr

from forecast import blocks, schema, seasonality
from forecast.availability import lead_count
from forecast.axes import AXIS
from forecast.batches.beside import BUILT_IN
from forecast.config import Pipeline, Task
from forecast.errors import ForecastError
from forecast.scaling import BaseScaling, Scaling, SeriesScaling
from forecast.schema import SERIES, TIME
from forecast.stages.workspace import Workspace
from forecast.verification.events import named
from forecast.verification.regions import cells_of
from forecast.windows import Split, ends_together

LAND = 0.5  # a cell counts where the mask, such as the share of land, is this much or more


@dataclass(frozen=True)
class Problem:
    """What is to be learned, from which version of the data.

    Attributes:
        observed: canonical observations, every variable used.
        targets: what is forecast.
        covariates: what is only looked at.
        known: what is known beforehand.
        leads: number of leads, in steps.
        step: step of the data.
        split: train, validation and (locked) test spans.
        data_version: id of the archive's version.
        static: fields of the source that networks are told of, (*space); None: none.
        mask: which cells count, bool (*space), where the task leaves some out: they are NaN in ``observed``.
        panel: whether it is a table of series, each scaled by its own values.
        seasons: periods of a panel, in steps, shortest first.
        origins: forecasts are scored from every so-manieth step; None: from every one.
        refit: whether what was judged is learned again from training and validation together.
    """

    observed: xr.Dataset
    targets: tuple[str, ...]
    covariates: tuple[str, ...]
    leads: int
    step: pd.Timedelta
    split: Split
    data_version: str
    static: xr.Dataset | None = None
    mask: xr.DataArray | None = None
    known: tuple[str, ...] = ()
    panel: bool = False
    seasons: tuple[int, ...] = ()
    origins: int | None = None
    refit: bool = False

    @cached_property
    def scaling(self) -> BaseScaling:
        """Learned from the training span, every variable read once."""
        kind: type[BaseScaling] = SeriesScaling if self.panel else Scaling
        train = self.split.select(self.observed, self.split.train)
        return kind.fit(train, [*self.targets, *self.covariates, *self.known])

    def again(self) -> Problem:
        """Return the problem of learning from training and validation together, once all has been judged."""
        return replace(self, split=self.split.refit(), refit=False)

    @cached_property
    def seen(self) -> np.ndarray:
        """At which steps any target was observed, boolean, (time,)."""
        return blocks.seen(self.observed, self.targets)

    @property
    def size(self) -> int:
        """Bytes of all observations."""
        return sum(array.nbytes for array in self.observed.data_vars.values())

    def held(self, memory: int) -> bool:
        """Read all observations into memory, if they take no more than so many bytes; say whether they did."""
        if self.size <= memory:
            self.observed.load()
        return self.size <= memory


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
    for name in (*targets, *pipeline.task.covariates, *pipeline.task.known):
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
        ForecastError: a variable or a static field is unknown, or a span of the split is empty.
    """
    pipeline, delay = workspace.pipeline, workspace.source.delay
    targets, covariates = roles(pipeline, observed, workspace.source.targets)
    task, panel = pipeline.task, pipeline.task.scaling == "series"
    observed = laid(task, observed[[*targets, *covariates, *task.known]], targets)
    step = schema.time_step(observed)
    leads = _leads(task.horizon, delay, step, observed)
    times = observed[TIME].values[: observed_steps(observed, targets, task)]
    split = Split.from_config(pipeline.split, times, leads, step, 0 if panel else None)
    if panel and leads > (room := split.select(observed, split.validate).sizes[TIME]):
        remedy = "shorten [task] horizon, or lengthen [split] validate"
        raise ForecastError(f"a validation span of at least the {leads} steps of the horizon", f"{room}", remedy)
    _scorable(pipeline, observed, targets)
    static, mask = standing(workspace, observed)
    if mask is not None:
        observed = observed.where(mask)
    seasons = _seasons(pipeline, observed, targets, split) if panel else ()
    origins = pipeline.split.origins or (leads if panel else "all")
    return Problem(
        observed,
        targets,
        covariates,
        leads,
        step,
        split,
        version,
        static,
        mask,
        task.known,
        panel,
        seasons,
        None if origins == "all" else int(origins),
        panel if pipeline.split.refit is None else pipeline.split.refit,
    )


def laid(task: Task, observed: xr.Dataset, targets: Sequence[str]) -> xr.Dataset:
    """Return observations on the axis that the task asks for: their own, or that of each series' end.

    Args:
        task: of the pipeline.
        observed: canonical observations.
        targets: what says where a series ends.

    Raises:
        ForecastError: maps are to be laid by their ends, or scaled series by series.
    """
    if task.scaling == "series" and schema.kind(observed) != "series":
        raise ForecastError("series for [task] scaling = 'series'", "maps", "leave scaling out")
    return ends_together(observed, targets) if task.align == "end" else observed


def observed_steps(observed: xr.Dataset, targets: Sequence[str], task: Task) -> int:
    """Return how many steps the targets reach: all, but on tables of series, whose other columns may go on after them.

    Args:
        observed: canonical observations.
        targets: what is forecast.
        task: of the pipeline.
    """
    if task.scaling != "series":
        return observed.sizes[TIME]
    seen = np.flatnonzero(blocks.seen(observed, targets))
    return 1 + int(seen[-1]) if len(seen) else observed.sizes[TIME]


def _leads(horizon: str | int, delay: pd.Timedelta, step: pd.Timedelta, observed: xr.Dataset) -> int:
    """Return the number of leads: of a span of time as availability says, of steps those and the source's delay."""
    if isinstance(horizon, int):
        return horizon + math.ceil(delay / step)
    return lead_count(pd.Timedelta(horizon), delay, step, observed.get_index(TIME)[0])


def _seasons(pipeline: Pipeline, observed: xr.Dataset, targets: tuple[str, ...], split: Split) -> tuple[int, ...]:
    """Return the periods of a panel, as told or as the training span shows them, and note the first on each target."""
    told = pipeline.task.seasons
    train = split.select(observed[targets[0]], split.train)
    seasons = seasonality.detect(train, axis=observed.attrs.get(AXIS)) if told is None else told
    for name in observed.data_vars:
        observed[name].attrs["season"] = seasons[0] if seasons else 1
    return seasons


def _scorable(pipeline: Pipeline, observed: xr.Dataset, targets: tuple[str, ...]) -> None:
    """Refuse thresholds of what is no target, or that are none, windows wider than the map, regions without a cell."""
    wanted, widest = pipeline.verification, widest_window(observed)
    if "windows" in wanted.model_fields_set and max(wanted.windows) > widest:
        expected = f"windows of at most {widest} cells, the map's narrower side"
        raise ForecastError(expected, f"{max(wanted.windows)}", "mend [verification] windows")
    for name, thresholds in wanted.thresholds.items():
        named(thresholds)
        if name not in targets:
            remedy = "mend [verification] thresholds"
            raise ForecastError(f"thresholds of targets among {', '.join(targets)}", repr(name), remedy)
    cells_of(observed, wanted.regions)


def widest_window(observed: xr.Dataset | xr.DataArray) -> int:
    """Return how many cells a neighbourhood may be wide on these data: the map's narrower side."""
    return min(observed.sizes[dim] for dim in schema.space_dims(observed))


def standing(workspace: Workspace, observed: xr.Dataset) -> tuple[xr.Dataset | None, xr.DataArray | None]:
    """Return the fields that the task asks of the source, and which cells count; None where it asks for none.

    Args:
        workspace: of the pipeline and its source.
        observed: canonical observations.

    Raises:
        ForecastError: a field that the source does not have or that is of another grid; series; no cell is left.
    """
    task = workspace.pipeline.task
    names = [name for name in task.static if name not in BUILT_IN]
    wanted = [*names, *([] if task.mask is None else [task.mask])]
    if not wanted:
        return None, None
    if schema.kind(observed) != "map" and (task.mask is not None or task.scaling != "series"):
        expected = f"maps, or [task] scaling = 'series', for static and mask, {wanted}"
        raise ForecastError(expected, "series", "leave them out")
    given = workspace.source.static()
    has = [] if given is None else [str(name) for name in given.data_vars]
    for name in wanted:
        if given is None or name not in has:
            remedy = "name its file in [source] static, or mend [task]"
            raise ForecastError(f"a static field among {', '.join(has) or 'none'}", repr(name), remedy)
    assert given is not None
    if schema.kind(observed) == "series":
        return given[names].reindex({SERIES: observed[SERIES].values}), None
    for name, where in schema.space_coords(observed).items():
        if not np.array_equal(where.values, given[name].values):
            raise ForecastError("static fields on the grid of the observations", f"another {name}", "regrid their file")
    given = given.transpose(*schema.space_dims(observed))
    mask = None if task.mask is None else given[task.mask] >= LAND
    if mask is not None and not bool(mask.any()):
        raise ForecastError(f"a cell where {task.mask} is at least {LAND}", "none", "mend the file, or [task] mask")
    return given[names] if names else None, mask
