"""The gate: who is champion, and what being promoted means.

The champion has the lowest geometric-mean RMSE over leads and targets on the validation span; of tables of series,
which count alike, the lowest MASE. A model passes only if it beats every baseline there; if none does, the best
baseline is champion and is issued under its own name.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import xarray as xr

from forecast.errors import ForecastError
from forecast.stages.records import Record
from forecast.stages.workspace import Workspace

CHAMPION = "champion"


@dataclass(frozen=True)
class Verdict:
    """Who won on the validation span.

    Attributes:
        champion: the forecaster promoted.
        rival: whom the interval of the difference is taken against: the best baseline, or the best model where a
            baseline is champion.
        reason: why, in a sentence.
    """

    champion: str
    rival: str
    reason: str


def decide(ranking: Mapping[str, float], baselines: Sequence[str], measure: str = "RMSE") -> Verdict:
    """Choose the champion.

    Args:
        ranking: forecaster -> error on the validation span; lower is better.
        baselines: which of them are baselines.
        measure: what the error is called.

    Raises:
        ForecastError: fewer than two forecasters, no baseline to beat, or one that could not be scored.
    """
    if len(ranking) < 2 or not set(baselines) & set(ranking):
        got = ", ".join(ranking) or "nothing"
        raise ForecastError("two forecasters, a baseline among them", got, "keep at least one baseline in the pipeline")
    blank = [name for name, error in ranking.items() if math.isnan(error)]
    if blank:
        expected = "forecasts of every forecaster on shared days of the validation span"
        raise ForecastError(
            expected, f"none of {', '.join(blank)}", "lengthen the record, or leave that forecaster out"
        )
    ordered = sorted(ranking, key=lambda name: ranking[name])
    models = [name for name in ordered if name not in baselines]
    best_baseline = next(name for name in ordered if name in baselines)
    if models and ranking[models[0]] < ranking[best_baseline]:
        gain = 100 * (1 - ranking[models[0]] / ranking[best_baseline])
        reason = f"lowest {measure} on the validation span, {gain:.1f} % below {best_baseline}, the best baseline"
        return Verdict(models[0], best_baseline, reason)
    reason = "no model beats every baseline on the validation span: the best baseline is issued"
    rival = models[0] if models else ordered[1]
    return Verdict(best_baseline, rival, reason)


def promote(workspace: Workspace, verdict: Verdict, trained: Record, scores: xr.Dataset) -> dict[str, Any]:
    """Keep copies of the champion's and the baselines' checkpoints, scores and a record; issuing reads only these.

    Args:
        workspace: where the pipeline keeps its things.
        verdict: who won.
        trained: what was trained.
        scores: of the test span, by cell.

    Returns:
        The champion's record as the store keeps it.
    """
    entry = trained.entries[verdict.champion]
    baselines = [name for name, other in trained.entries.items() if other["family"] == "baseline"]
    kept = {name: _copied(workspace, name, trained.entries[name]) for name in {verdict.champion, *baselines}}
    record = {
        "name": verdict.champion,
        "version": entry["version"],
        "path": kept[verdict.champion],
        "reason": verdict.reason,
        "data_version": trained.data_version,
        "run_id": entry["run_id"],
        "baselines": {name: kept[name] for name in baselines},
    }
    workspace.store.write_champion(record, scores)
    return record


def _copied(workspace: Workspace, name: str, entry: Mapping[str, Any]) -> str:
    """Copy a checkpoint to where no later training writes, and return its path from the pipeline's folder."""
    kept = workspace.models / "promoted" / f"{name}-{entry['version']}.safetensors"
    kept.parent.mkdir(parents=True, exist_ok=True)
    beside = kept.with_suffix(".part")
    shutil.copyfile(workspace.folder / entry["path"], beside)
    beside.replace(kept)
    return str(kept.relative_to(workspace.folder))
