"""The examination: one model, some windows of data, and what is remembered of its training, give a diagnosis."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from forecast.diagnosis.advice import advise
from forecast.diagnosis.findings import Diagnosis
from forecast.diagnosis.flow import flow
from forecast.diagnosis.gates import gates, units
from forecast.diagnosis.learning import Learning
from forecast.diagnosis.passage import Cost, passed, squared
from forecast.diagnosis.spectrum import growth, radii
from forecast.diagnosis.strange import strange
from forecast.models.base import Model


def diagnose(
    model: Model,
    x: Tensor,
    future: Tensor | None,
    target: Tensor,
    *,
    spin_up: int = 0,
    context: Tensor | None = None,
    cost: Cost = squared,
    learning: Learning | None = None,
    rows: int = 16,
) -> Diagnosis:
    """Examine a model on windows of data.

    Args:
        model: any of the family; left in evaluation mode.
        x: inputs (B, spin-up + T, C[, H, W]), scaled units; T - 1 is the farthest lag.
        future: what is known ahead, (B, spin-up + T, L, F), or None.
        target: (B, spin-up + T, L, K[, H, W]), NaN where there is none.
        spin_up: steps that only lead from the initial state to where the model usually is.
        context: from which the initial state follows, (B, D), or None.
        cost: the loss, as ``training.losses.Objective`` gives it.
        learning: what is remembered of the training; None: nothing.
        rows: vectors by which the growth of the state is found: exact for a state of no more numbers.

    Raises:
        ForecastError: no step after the spin-up, no target at the windows' ends, or inputs that do not fit the model.
    """
    facts = Diagnosis(learning=learning or Learning(), context=model.context)
    first = strange(model, x, future, target, context=context, cost=cost)
    if first is None:
        seen = passed(model, x, future, target, spin_up=spin_up, context=context)
        traced = model.trace(seen.x, seen.future, seen.states[0])
        facts = replace(
            facts,
            flow=flow(seen, cost),
            growth=growth(seen, rows),
            radii=radii(model),
            gates=gates(traced),
            units=units(traced),
        )
    else:
        facts = replace(facts, strange=str(first))
    return replace(facts, advice=advise(facts))
