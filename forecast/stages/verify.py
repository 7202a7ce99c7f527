"""Verify: what was issued meets what was observed since, by forecaster and lead, beside the baselines of the issue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import xarray as xr

from forecast import schema, verification
from forecast.schema import BASELINE, LEAD, REFERENCE
from forecast.stages.workspace import Workspace


@dataclass(frozen=True)
class Verified:
    """Scores of issued forecasts.

    Attributes:
        rows: one for each target, forecaster and lead that has been observed: RMSE, and the number of values scored.
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
    forecasts = [workspace.store.read(forecast_id) for forecast_id in issues["forecast_id"]]
    observed = workspace.archive.load().sel({schema.TIME: slice(issues[REFERENCE].min(), None)})
    last = observed[schema.TIME].values[-1]
    due = [one for one in forecasts if (one[schema.VALID_TIME].values <= last).any()]
    note = f"{len(forecasts)} issued, {len(due)} of them with a valid time observed by {str(last)[:16]}"
    if not due:
        return Verified([], note)
    return Verified([row for target in _targets(due[0]) for row in _rows(target, due, observed)], note)


def _targets(forecast: xr.Dataset) -> list[str]:
    space = set(schema.space_dims(forecast))
    return [str(name) for name, array in forecast.data_vars.items() if set(array.dims) == {REFERENCE, LEAD} | space]


def _rows(target: str, forecasts: list[xr.Dataset], observed: xr.Dataset) -> list[dict[str, Any]]:
    pooled: dict[str, list[xr.DataArray]] = {}
    for one in forecasts:
        pooled.setdefault("issued forecast", []).append(one[target])
        for name in one[BASELINE].values:
            pooled.setdefault(str(name), []).append(one[f"{target}_baseline"].sel({BASELINE: name}, drop=True))
    whole = {name: xr.concat(many, REFERENCE).load() for name, many in pooled.items() if len(many) == len(forecasts)}
    truth = observed[target].load()
    weights = schema.area_weights(truth)
    table = verification.table(whole, truth, climatology=None, weights=weights, baselines=[])
    rows = []
    for name in whole:
        for lead in table[LEAD].values:
            count = int(table["scored"].sel({LEAD: lead}))
            value = float(table["rmse"].sel({"forecaster": name, LEAD: lead}))
            if count:
                hours = int(lead.astype("timedelta64[h]").astype(int))
                unit = table["rmse"].attrs["units"]
                rows.append(
                    {
                        "target": target,
                        "forecaster": name,
                        "lead_hours": hours,
                        "rmse": value,
                        "units": unit,
                        "scored": count,
                    }
                )
    return rows
