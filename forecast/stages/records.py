"""What was trained, on which data version, in which MLflow runs: one small file beside the checkpoints."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import Any

from forecast.errors import ForecastError
from forecast.stages.workspace import Workspace

FILE = "trained.json"


@dataclass(frozen=True)
class Record:
    """One training of a pipeline.

    Attributes:
        data_version: the archive's version that all were trained on.
        config: digest of the configuration.
        parent_run: MLflow's id of the parent run.
        entries: name -> {family, version, path (from the pipeline's folder), run_id, registered, judged: {version,
            path} of what the validation span judges, which was learned from the training span alone}; baselines first.
    """

    data_version: str
    config: str
    parent_run: str
    entries: dict[str, dict[str, Any]]


def write(workspace: Workspace, record: Record) -> None:
    """Write the record atomically."""
    place = workspace.models / FILE
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_suffix(f".{os.getpid()}.part")
    beside.write_text(json.dumps(asdict(record), indent=2))
    beside.replace(place)


def read(workspace: Workspace) -> Record:
    """Read the record of this configuration's last training.

    Raises:
        ForecastError: nothing was trained, or another configuration was.
    """
    place = workspace.models / FILE
    if not place.is_file():
        raise ForecastError("trained models", f"none in {workspace.models}", "run `forecast train` first")
    record = Record(**json.loads(place.read_text()))
    if record.config != workspace.pipeline.digest():
        got = f"models trained by configuration {record.config}, now {workspace.pipeline.digest()}"
        raise ForecastError("models trained by this very configuration", got, "run `forecast train` again")
    return record
