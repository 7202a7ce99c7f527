"""Check: hold a pipeline file against its data before any run, and say what a run will cost."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from forecast import schema
from forecast.axes import AXIS, label, label_lead
from forecast.config import Pipeline
from forecast.models import AROUND, MODELS
from forecast.models.base import create
from forecast.registry import member
from forecast.schema import TIME
from forecast.stages import panels
from forecast.stages.fit import framed, shape_of
from forecast.stages.problem import Problem, concrete
from forecast.stages.workspace import Workspace

# Floating-point operations of a training step are about 6 x parameters x uses (forward 2, backward 4); a small network
# reaches about this many a second on one core. Only an order of magnitude is promised.
OPERATIONS_A_SECOND = 2e10


@dataclass(frozen=True)
class Checked:
    """What was found.

    Attributes:
        facts: what -> found, for a person.
    """

    facts: dict[str, str]


def check(workspace: Workspace) -> Checked:
    """Open the source, resolve roles and spans, build every model, estimate sizes and time.

    Args:
        workspace: where the pipeline keeps its things; nothing is written.

    Raises:
        ForecastError: the first thing that would stop a run.
    """
    problem = concrete(workspace, workspace.source.fetch(), "")
    observed, time = problem.observed, problem.observed[TIME].values
    axis, span = observed.attrs.get(AXIS, ""), (time[0], time[-1])
    sizes = " x ".join(f"{observed.sizes[dim]} {dim}" for dim in (TIME, *schema.space_dims(observed)))
    facts = {
        "data": f"{schema.kind(observed)}, {sizes}, every {label_lead(problem.step, axis)}, {_days(span, axis)}",
        "targets": ", ".join(f"{name} [{observed[name].attrs['units']}]" for name in problem.targets),
        "covariates": ", ".join(problem.covariates) or "none",
        "leads": f"{problem.leads}, the last after {label_lead(problem.leads * problem.step, axis)}",
        "train": _days(problem.split.train, axis),
        "validate": _days(problem.split.validate, axis),
        "baselines": ", ".join(workspace.pipeline.baselines),
        "memory of the data": f"{observed.nbytes / 2**20:,.0f} MiB",
    }
    if problem.panel:
        facts["seasons"] = ", ".join(f"{season} steps" for season in problem.seasons) or "none"
        facts["known beforehand"] = ", ".join(problem.known) or "none"
        facts["scored from"] = "every step" if problem.origins is None else f"every {problem.origins} steps"
        facts["learning"] = panels.said(workspace.pipeline, problem)
    return Checked(facts | _models(workspace.pipeline, problem))


def _models(pipeline: Pipeline, problem: Problem) -> dict[str, str]:
    """Build every model as training will, and say how large it is and how long it may take."""
    steps = problem.split.select(problem.observed, problem.split.train).sizes[TIME]
    data, _ = framed(pipeline, problem, slice(0, 2))
    found = {}
    for model in pipeline.models:
        settings = panels.settings_of(pipeline, model, problem)
        type_, options = panels.wrapped(model, problem)
        levels = () if settings.loss == "squared" else pipeline.task.quantiles
        network = create(member("model", MODELS | AROUND, type_), shape_of(data, levels, settings.loss), options)
        count = sum(parameter.numel() for parameter in network.parameters())
        places = _cells(network, data.grid) if data.grid else problem.observed.sizes[schema.SERIES]
        seconds = 6 * count * steps * places * settings.epochs * (model.ensemble or 1) / OPERATIONS_A_SECOND
        found[f"model {model.name}"] = f"{count:,} parameters, {settings.epochs} epochs, about {_about(seconds)}"
    return found


def _cells(network: torch.nn.Module, grid: tuple[int, int]) -> int:
    """Return how often a parameter is used a step: once a cell in convolutions, once in dense layers."""
    convolutions = any(isinstance(part, torch.nn.Conv2d) for part in network.modules())
    return grid[0] * grid[1] if convolutions else 1


def _about(seconds: float) -> str:
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _days(span: tuple[object, object], axis: str) -> str:
    return f"{label(span[0], axis)} to {label(span[1], axis)}"
