"""What a map network that starts from a linear forecast is given before it learns: the baseline ``linear``, fitted.

Its settings are chosen on the validation span and it learns from the training span, as the baseline itself. When the
network has learned, the share of what it adds is fitted on the early-stopping span, one number a lead: a network that
still learns about the first lead has begun to learn the last ones by heart.
"""

from __future__ import annotations

import torch
import xarray as xr
from torch import Tensor, nn

from forecast.baselines import eof_ridge
from forecast.baselines.linear import Linear
from forecast.batches import Streams
from forecast.models.base import Model, reset
from forecast.models.convlstm import ConvLSTM
from forecast.models.ensemble import Ensemble
from forecast.models.linear_start import LinearStart, Regression
from forecast.scaling import SPREAD, BaseScaling
from forecast.stages.problem import Problem


def give(model: nn.Module, problem: Problem, scaling: BaseScaling) -> None:
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


@torch.no_grad()
def settle(model: Model, early: Streams) -> None:
    """Shrink what a trained model adds to its linear start to the share that does best on the early-stopping span.

    Nothing is done to a model without such a start, nor to one that forecasts quantiles. The share of a lead is the
    regression of what the start leaves on what the network adds, at least 0 and at most 1; an ensemble has one for all.

    Args:
        model: trained, one network or an ensemble.
        early: streams that it did not learn from.
    """
    networks = list(model.networks) if isinstance(model, Ensemble) else [model]
    starting = [one for one in networks if isinstance(one, ConvLSTM) and isinstance(one.start, LinearStart)]
    if starting and model.shape.outputs == model.shape.targets:
        share = _share(model.eval(), starting[0], early)
        for one in starting:
            one.shrink(share)


def _share(model: Model, first: ConvLSTM, early: Streams) -> Tensor:
    """Return sum(d e) / sum(d d) of each lead, d: what the network adds, e: what the start leaves."""
    state, start, before = None, first.start, None
    assert isinstance(start, LinearStart)
    products = squares = torch.zeros((), dtype=torch.float64)
    for chunk in early:
        blank, own = model.initial(len(chunk.fresh)), first.initial(len(chunk.fresh))
        state = blank if state is None else reset(state, chunk.fresh, blank)
        before = own if before is None else reset(before, chunk.fresh, own)
        said, onward = start.said(model.counted(chunk.x), before)
        y, state = model(chunk.x, chunk.future, state)
        before = before | onward
        weight = torch.isfinite(chunk.y).double()
        if early.weights is not None:
            weight = weight * early.weights
        added, left = (y - said).double(), torch.nan_to_num(chunk.y - said).double()
        products = products + (weight * added * left).transpose(0, 2).flatten(1).sum(1)
        squares = squares + (weight * added * added).transpose(0, 2).flatten(1).sum(1)
    return torch.where(squares > 0, products / squares, 1.0).clamp(0, 1)


def _regression(problem: Problem, name: str, usual: xr.Dataset) -> Regression:
    """Fit one target's regression; what it maps to what, in scaled units, is the same, its inverse is not."""
    observed, split, linear = problem.observed[name], problem.split, Linear()
    train = split.select(observed, split.train)
    linear.fit(train, problem.leads, split.select(observed, split.validate))
    inverse = eof_ridge.inverse(linear.fitted, train) * float(usual[SPREAD]) ** 2
    parts = [linear.fitted[part].values for part in ("projection", "pattern", "weight")]
    return Regression(*(torch.from_numpy(part.astype("float32")) for part in (*parts, inverse)))
