"""One pipeline as frozen models read from TOML: unknown keys, impossible splits and bad spans are refused at birth.

The options of a source, a baseline or a model are kept as given (``options``) and checked by the member itself.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from forecast.baselines import BASELINES
from forecast.errors import ForecastError
from forecast.models import MODELS
from forecast.sources import SOURCES
from forecast.training.settings import Training


class Frozen(BaseModel):
    """Base of every section: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Member(BaseModel):
    """One member of a family: its ``type``, and its own options, which the member checks."""

    model_config = ConfigDict(frozen=True, extra="allow")
    type: str

    @property
    def options(self) -> dict[str, Any]:
        """Every key beside ``type`` and ``name``, as written in the file."""
        return {key: value for key, value in (self.model_extra or {}).items() if key != "name"}

    @property
    def name(self) -> str:
        """What the member is called in tables and runs: ``name``, by default its type."""
        return str((self.model_extra or {}).get("name", self.type))


class Task(Frozen):
    """What is forecast: targets, how far, with which quantiles."""

    targets: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    horizon: str = "1D"
    quantiles: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.05, 0.5, 0.95)
    members: int = Field(20, ge=2, le=1000)

    @model_validator(mode="after")
    def _sound(self) -> Task:
        if list(self.quantiles) != sorted(set(self.quantiles)):
            raise ValueError("quantiles must ascend without repetition, such as [0.05, 0.5, 0.95]")
        if pd.Timedelta(self.horizon) <= pd.Timedelta(0):
            raise ValueError("horizon must be a positive span, such as '24h' or '5D'")
        return self


class Split(Frozen):
    """Dates [first, last], both included; or spans counted back from the newest data, such as ``"60D"``."""

    train: tuple[str, str] | None = None
    validate_: tuple[str, str] | str = Field("20%", alias="validate")
    test: tuple[str, str] | str = "20%"
    gap: str | None = None


class Quality(Frozen):
    """What follows a broken rule: mask the value, flag it only, or refuse the file."""

    limits: Literal["mask", "flag", "refuse"] = "mask"
    spikes: Literal["mask", "flag", "refuse"] = "flag"
    stuck: Literal["mask", "flag", "refuse"] = "flag"
    stuck_steps: int = Field(24, ge=2)


class Tracking(Frozen):
    """Where MLflow writes: a server's URL, or (by default) sqlite under the pipeline's home."""

    uri: str | None = None
    experiment: str | None = None


class Schedule(Frozen):
    """When a forecast is issued (cron, UTC)."""

    cron: str = "0 6 * * *"


class Pipeline(Frozen):
    """A whole pipeline, as written in one TOML file."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")
    source: Member
    task: Task = Task()
    split: Split = Split()
    quality: Quality = Quality()
    training: Training = Training()
    baselines: tuple[str, ...] = tuple(BASELINES)
    models: tuple[Member, ...] = ()
    tracking: Tracking = Tracking()
    schedule: Schedule = Schedule()

    @model_validator(mode="after")
    def _known(self) -> Pipeline:
        for family, table, names in (
            ("source", SOURCES, [self.source.type]),
            ("baseline", BASELINES, list(self.baselines)),
            ("model", MODELS, [model.type for model in self.models]),
        ):
            for name in names:
                if name not in table:
                    raise ValueError(f"{family} {name!r} is not known; known are {', '.join(sorted(table))}")
        names = [model.name for model in self.models]
        if len(names) != len(set(names)):
            raise ValueError(f"models with the same name {sorted(names)}: give each its own `name`")
        return self

    def training_of(self, model: Member) -> Training:
        """Return the training section with the model's own ``training`` keys laid over it."""
        return Training(**{**self.training.model_dump(), **model.options.get("training", {})})

    def digest(self) -> str:
        """Return 12 hexadecimal digits that name this configuration: equal files, equal digest."""
        text = json.dumps(self.model_dump(mode="json", by_alias=True), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def load(path: Path | str) -> Pipeline:
    """Read a pipeline from a TOML file.

    Args:
        path: the file; relative paths in ``[source]`` count from its folder.

    Raises:
        ForecastError: the file is missing, is not TOML, or breaks a rule; each broken rule is named with its key.
    """
    path = Path(path)
    if not path.is_file():
        raise ForecastError("a pipeline file", f"nothing at {path}", "write one with `forecast init`")
    try:
        raw = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ForecastError("a TOML file", f"{path}: {error}", "mend the line that it names") from error
    return parse(raw, str(path), path.parent.resolve())


def parse(raw: dict[str, Any], origin: str, root: Path | None = None) -> Pipeline:
    """Turn a parsed TOML document into a pipeline.

    Args:
        raw: the document.
        origin: where it came from, for messages.
        root: the folder from which relative ``source.paths`` count; None leaves them as they are.

    Raises:
        ForecastError: one line for each broken rule.
    """
    source = raw.get("source")
    if root is not None and isinstance(source, dict) and "paths" in source:
        given = [source["paths"]] if isinstance(source["paths"], str) else source["paths"]
        raw = {**raw, "source": {**source, "paths": [str(root / Path(path).expanduser()) for path in given]}}
    try:
        return Pipeline(**raw)
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            where = ".".join(str(part) for part in problem["loc"])
            lines.append(f"{where or 'pipeline'}: {problem['msg'].removeprefix('Value error, ')}")
        raise ForecastError(
            "a pipeline without unknown or impossible keys",
            f"{origin}: " + "; ".join(lines),
            "mend each key named; `forecast init` writes every key with a comment",
        ) from error
