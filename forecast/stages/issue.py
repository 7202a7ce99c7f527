"""Issue: the champion's forecast from what is known at the issue time, with the baselines beside it, in one write.

The network's state is stored with each issue. The next one starts from it and reads only the steps that came since,
unless the model changed, or the observations behind the state did (a correction, a late day): then it spins up anew.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast import __version__, availability, checkpoint, schema
from forecast.availability import ARRIVAL
from forecast.axes import AXIS
from forecast.errors import ForecastError
from forecast.predict import Forecaster, State, forecaster, predict
from forecast.schema import BASELINE, CONVENTIONS, LEAD, REFERENCE, SERIES, TIME
from forecast.stages.problem import laid, observed_steps
from forecast.stages.workspace import Workspace

FEW = 5  # names of new series that are told


@dataclass(frozen=True)
class Issued:
    """One issue.

    Attributes:
        forecast_id: its name in the store.
        forecast: the Dataset that was stored.
        degraded: what was wrong with the inputs, in sentences.
        state: how the network's state came about, in words.
    """

    forecast_id: str
    forecast: xr.Dataset
    degraded: list[str]
    state: str


def issue(workspace: Workspace, *, issue_time: datetime | None = None) -> Issued:
    """Issue one forecast.

    Args:
        workspace: where the pipeline keeps its things.
        issue_time: UTC; only what was known then is used. None: the moment at which the newest value became known.

    Raises:
        ForecastError: no champion, no observations, or nothing known at that time.
    """
    record = workspace.store.champion()
    if record is None:
        raise ForecastError("a champion", "none has been promoted", "run `forecast compare` first")
    champion = forecaster(checkpoint.load(workspace.folder / record["path"]))
    version = workspace.archive.version
    archived = _trained_on(workspace.archive.load(version), champion)
    archived = laid(workspace.pipeline.task, archived, champion.targets)
    step, delay = champion.step, workspace.source.delay
    times = archived[TIME].values[: observed_steps(archived, champion.targets, workspace.pipeline.task)]
    if issue_time is None:
        arrival = archived[ARRIVAL].values[: len(times)] if ARRIVAL in archived.coords else None
        issued = availability.known_at(times, step, delay, arrival).max()
    else:
        issued = availability.as_time(issue_time, times)
    reference = availability.last_known(archived[list(champion.targets)], issued, step, delay)
    known = availability.as_known(archived, issued, step, delay).sel({TIME: slice(None, reference)})
    state, seen, how = _resume(workspace, champion, known, reference)
    forecast, after = predict(champion, _told(champion, seen, archived, reference), reference, state)
    forecast = forecast.assign(_baselines(workspace, record, known, reference))
    late = pd.Timedelta(issued - reference) - step - delay
    degraded = _late(champion, reference, late // step) + _degraded(known, champion, reference)
    degraded += _new(workspace.archive.load(version), champion)
    forecast = forecast.assign_attrs(_attributes(workspace, champion, version, issued, degraded, known))
    return Issued(workspace.store.write_issue(forecast, after), forecast, degraded, how)


def _trained_on(archived: xr.Dataset, champion: Forecaster) -> xr.Dataset:
    """Leave out series that came to the archive after the champion was trained."""
    space = champion.checkpoint.datasets["space"]
    return archived.sel({SERIES: space[SERIES].values}) if SERIES in space.coords else archived


def _told(champion: Forecaster, seen: xr.Dataset, archived: xr.Dataset, reference: Any) -> xr.Dataset:
    """Return what a forecast reads: what it has seen, and of the steps ahead what is known beforehand."""
    known = champion.checkpoint.settings.get("known")
    if not known:
        return seen
    after = int(archived.get_index(TIME).get_loc(reference)) + 1
    ahead = archived.isel({TIME: slice(after, after + len(champion.leads))}).load()
    others = [name for name in seen.data_vars if name not in known]
    return xr.concat([seen, ahead.assign({name: ahead[name].where(False) for name in others})], TIME)


def _new(archived: xr.Dataset, champion: Forecaster) -> list[str]:
    """Say which series came after the champion was trained, and are not forecast."""
    if SERIES not in archived.coords:
        return []
    new = np.setdiff1d(archived[SERIES].values, champion.checkpoint.datasets["space"][SERIES].values)
    named = ", ".join(map(str, new[:FEW])) + (f" and {len(new) - FEW} more" if len(new) > FEW else "")
    return [f"{named} came after the training and are not forecast: train again"] if len(new) else []


def _resume(
    workspace: Workspace, champion: Forecaster, known: xr.Dataset, reference: Any
) -> tuple[State | None, xr.Dataset, str]:
    """Return the state to start from, the observations to read from there, and how that came about."""
    index = known.get_index(TIME)
    end = int(index.get_loc(reference)) + 1
    back = known.isel({TIME: slice(max(0, end - champion.context), end)}).load()
    if not champion.carries:
        return None, back, f"{champion.name} carries no state"
    issues = workspace.store.issues()
    mine = issues[issues["model_version"] == champion.checkpoint.version]
    earlier = [row for _, row in mine.iterrows() if row[REFERENCE] in index and row[REFERENCE] < reference]
    if not earlier:
        return None, back, f"spun up over {back.sizes[TIME]} steps"
    last = earlier[-1]["forecast_id"]
    at = int(index.get_loc(earlier[-1][REFERENCE])) + 1
    if end - at > champion.context:
        return None, back, f"spun up anew over {back.sizes[TIME]} steps: the last state is older than that"
    if workspace.store.read(last).attrs.get("inputs") != inputs_digest(known, at, champion):
        return None, back, f"spun up anew over {back.sizes[TIME]} steps: observations behind the last state changed"
    steps = "1 step" if end - at == 1 else f"{end - at} steps"
    fresh = known.isel({TIME: slice(at, end)}).load()
    return workspace.store.state(last), fresh, f"stepped {steps} on from the last issue's state"


def inputs_digest(known: xr.Dataset, end: int, champion: Forecaster) -> str:
    """Return 16 hexadecimal digits of the observations that a cold start up to step ``end`` of ``known`` would read.

    Args:
        known: what was known at the issue time.
        end: position after the last step.
        champion: whose variables and context count.
    """
    part = known[sorted(champion.checkpoint.settings["units"])].isel({TIME: slice(max(0, end - champion.context), end)})
    content = hashlib.sha256()
    for array in part.load().data_vars.values():
        content.update(np.ascontiguousarray(array.values).tobytes())
    return content.hexdigest()[:16]


def _baselines(
    workspace: Workspace, record: dict[str, Any], known: xr.Dataset, reference: Any
) -> dict[str, xr.DataArray]:
    """Return VAR_baseline (forecast_reference_time, lead, baseline, *space)."""
    columns: dict[str, list[xr.DataArray]] = {}
    for path in record["baselines"].values():
        one = forecaster(checkpoint.load(workspace.folder / path))
        end = int(known.get_index(TIME).get_loc(reference)) + 1
        seen = known.isel({TIME: slice(max(0, end - one.context), end)}).load()
        for target, values in one.central(seen, np.array([reference]))[0].items():
            columns.setdefault(target, []).append(values)
    names = xr.Variable(BASELINE, list(record["baselines"]))
    joined = {target: xr.concat(many, names, coords="minimal", compat="override") for target, many in columns.items()}
    return {
        f"{target}_baseline": values.transpose(REFERENCE, LEAD, BASELINE, ...).assign_attrs(known[target].attrs)
        for target, values in joined.items()
    }


def _late(champion: Forecaster, reference: Any, steps: int) -> list[str]:
    """Say that newer observations should have come."""
    if steps < 1:
        return []
    missing = "1 step" if steps == 1 else f"{steps} steps"
    return [f"the newest {missing} of {', '.join(champion.targets)} had not come: the last one is {_text(reference)}"]


def _degraded(known: xr.Dataset, champion: Forecaster, reference: Any) -> list[str]:
    """Say which inputs are missing at the reference time, and in the steps before it that the forecast rests on."""
    sentences = []
    for name in (*champion.targets, *champion.checkpoint.settings["covariates"]):
        seen = known[name].isel({TIME: slice(-champion.context, None)}).notnull()
        ever = seen.any(TIME)
        gone = int((~seen.isel({TIME: -1}) & ever).sum())
        if gone:
            sentences.append(f"{name} was not observed at {gone} of {int(ever.sum())} places at {_text(reference)}")
        gaps = int((~seen.isel({TIME: slice(None, -1)}).any(schema.space_dims(seen))).sum())
        if gaps:
            sentences.append(f"{name} was missing at {gaps} of the last {seen.sizes[TIME]} steps")
    return sentences


def _text(time: Any) -> str:
    """Return a time as text to the minute, in ISO 8601, of any calendar."""
    return str(time)[:16].replace(" ", "T")


def _attributes(
    workspace: Workspace, champion: Forecaster, version: str, issued: Any, degraded: list[str], known: xr.Dataset
) -> dict[str, str]:
    reference = known[TIME].values[-1]
    stamp = f"{str(issued)[:19].replace(' ', 'T')}Z"
    compact = _text(reference).replace("-", "").replace(":", "")
    name, model = workspace.pipeline.name, champion.checkpoint.version
    title = str(known.attrs.get("title", name))
    attrs = {
        "Conventions": CONVENTIONS,
        "title": f"Forecast of {', '.join(champion.targets)} from {title}",
        "source": f"{champion.name} {model}, forecast {__version__}",
        "history": f"{stamp} issued by forecast {__version__}",
        "forecast_id": f"{name}-{compact}-{champion.name}-{model}",
        "pipeline": name,
        "model": champion.name,
        "model_version": model,
        "data_version": version,
        "code_version": __version__,
        "issue_time": stamp,
        "degraded": json.dumps(degraded),
        "step": pd.Timedelta(champion.step).isoformat(),
        "align": workspace.pipeline.task.align,
        "inputs": inputs_digest(known, known.sizes[TIME], champion),
    }
    told = {
        name: str(known.attrs[name])
        for name in ("grid_mapping", "institution", "licence", AXIS)
        if known.attrs.get(name)
    }
    told |= {"observations": str(known.attrs["source"])} if known.attrs.get("source") else {}
    return attrs | told | ({"simulated": "yes"} if known.attrs.get("simulated") == "yes" else {})
