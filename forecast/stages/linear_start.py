"""What a map network that starts from a linear forecast is given before it learns: the baseline ``linear``, fitted.

Its settings are chosen on the validation span and it learns from the training span, as the baseline itself.
"""

from __future__ import annotations

import torch
import xarray as xr
from torch import nn

from forecast.baselines import eof_ridge
from forecast.baselines.linear import Linear
from forecast.models.linear_start import LinearStart, Regression
from forecast.scaling import SPREAD, Scaling
from forecast.stages.problem import Problem


def give(model: nn.Module, problem: Problem, scaling: Scaling) -> None:
    """Hand the regression of each target to the parts of a model that start from it; do nothing where none does.

    Args:
        model: before its training.
        problem: what is to be learned.
        scaling: of the model's inputs.
    """
    parts = [part for part in model.modules() if isinstance(part, LinearStart)]
    if not parts:
        return
    found = [_regression(problem, name, scaling.fitted[name]) for name in problem.targets]
    for part in parts:
        part.give(found)


def _regression(problem: Problem, name: str, usual: xr.Dataset) -> Regression:
    """Fit one target's regression; what it maps to what, in scaled units, is the same, its inverse is not."""
    observed, split, linear = problem.observed[name], problem.split, Linear()
    train = split.select(observed, split.train)
    linear.fit(train, problem.leads, split.select(observed, split.validate))
    inverse = eof_ridge.inverse(linear.fitted, train) * float(usual[SPREAD]) ** 2
    parts = [linear.fitted[part].values for part in ("projection", "pattern", "weight")]
    return Regression(*(torch.from_numpy(part.astype("float32")) for part in (*parts, inverse)))
