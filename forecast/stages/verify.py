"""Verify: what was issued meets what was observed since, by forecaster and lead, beside the baselines of the issue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import xarray as xr

from forecast import schema, verification
from forecast.axes import AXIS, label, label_lead
from forecast.schema import BASELINE, LEAD, REFERENCE
from forecast.stages.problem import observed_steps, roles
from forecast.stages.workspace import Workspace


@dataclass(frozen=True)
class Verified:
    """Scores of issued forecasts.

    Attributes:
        rows: one for each target, forecaster and lead that has been observed: RMSE, and the number of values scored;
            ``lead`` in steps, where these have a name.
        note: how many issues there are, and how many could be scored.
    """

    rows: list[dict[str, Any]]
    note: str


def verify(workspace: Workspace) -> Verified:
    """Score every issue of which something has been observed, the newest version of each reference time.

    Args:
        workspace: where the pipeline keeps its things.

    """
    issues = workspace.store.issues().drop_duplicates(REFERENCE, keep="last")
    if issues.empty:
        return Verified([], "no forecast has been issued yet")
    if workspace.pipeline.task.align == "end":
        note = f"{len(issues)} issued; series laid by their ends have no axis in common with what came since"
        return Verified([], f"{note}: `forecast backtest` scores them")
    forecasts = [workspace.store.read(forecast_id) for forecast_id in issues["forecast_id"]]
    observed, task = workspace.archive.load(), workspace.pipeline.task
    targets, _ = roles(workspace.pipeline, observed, workspace.source.targets)
    last = observed[schema.TIME].values[observed_steps(observed, targets, task) - 1]
    observed = observed.sel({schema.TIME: slice(issues[REFERENCE].min(), last)})
    due = [one for one in forecasts if (one[schema.VALID_TIME].values <= last).any()]
    when = label(last, observed.attrs.get(AXIS, ""))
    note = f"{len(forecasts)} issued, {len(due)} of them with a valid time observed by {when}"
    if not due:
        return Verified([], note)
    scored = dict.fromkeys(target for one in due for target in _targets(one))
    return Verified([row for target in scored for row in _rows(target, due, observed)], note)


def _targets(forecast: xr.Dataset) -> list[str]:
    space = set(schema.space_dims(forecast))
    return [str(name) for name, array in forecast.data_vars.items() if set(array.dims) == {REFERENCE, LEAD} | space]


def _rows(target: str, forecasts: list[xr.Dataset], observed: xr.Dataset) -> list[dict[str, Any]]:
    """Score one target over the issues that have it; issues of another grid than what is observed are left out."""
    if target not in observed:
        return []
    pooled: dict[str, list[xr.DataArray]] = {}
    having = [one for one in forecasts if target in one and schema.space_dims(one) == schema.space_dims(observed)]
    for one in having:
        pooled.setdefault("issued forecast", []).append(one[target])
        for name in one[BASELINE].values if f"{target}_baseline" in one else ():
            pooled.setdefault(str(name), []).append(one[f"{target}_baseline"].sel({BASELINE: name}, drop=True))
    whole = {name: xr.concat(many, REFERENCE).load() for name, many in pooled.items() if len(many) == len(having)}
    truth = observed[target].load()
    weights = schema.area_weights(truth)
    table = verification.table(whole, truth, climatology=None, weights=weights, baselines=[])
    return [
        {
            "target": target,
            "forecaster": name,
            "lead": label_lead(lead, axis) if (axis := observed.attrs.get(AXIS)) else "",
            "lead_hours": int(lead.astype("timedelta64[h]").astype(int)),
            "rmse": float(table["rmse"].sel({"forecaster": name, LEAD: lead})),
            "units": table["rmse"].attrs["units"],
            "scored": int(table["scored"].sel({LEAD: lead})),
        }
        for name in whole
        for lead in table[LEAD].values
        if int(table["scored"].sel({LEAD: lead}))
    ]
