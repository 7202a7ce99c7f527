"""One pipeline, as written in one TOML file: sections that fit each other, members that are known."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator

from forecast.baselines import BASELINES, USUAL, USUAL_SERIES
from forecast.config.sections import Frozen, Member, Quality, Schedule, Split, Task, Tracking, Verification, once
from forecast.errors import ForecastError
from forecast.models import MODELS
from forecast.sources import SOURCES
from forecast.training.settings import LOSS_OF_SERIES, Training

NAME = "[a-z][a-z0-9_]{0,62}"  # of a pipeline and of a model: they become names of folders, files and tables
PATHS = ("paths", "static", "stations", "cache")  # keys of [source] that hold paths


class Pipeline(Frozen):
    """A whole pipeline, as written in one TOML file."""

    name: str = Field(pattern=rf"^{NAME}$")
    source: Member
    task: Task = Task()
    split: Split = Split()
    verification: Verification = Verification()
    quality: Quality = Quality()
    training: Training = Training()
    baselines: tuple[str, ...] = Field(default_factory=lambda told: _usual(told.get("task")))
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
        if self.source.ensemble is not None:
            raise ValueError("source.ensemble is a key of [[models]]")
        once("forecasters", (*self.baselines, *(model.name for model in self.models)))
        for model in self.models:
            if not re.fullmatch(NAME, model.name):
                raise ValueError(f"model name {model.name!r} is not lower case letters, digits and underscores")
            try:
                series = self.task.scaling == "series"
                settings = self.training_of(model, {"loss": LOSS_OF_SERIES} if series else None)
                loss, levels = settings.loss, self.task.quantiles
                if settings.mode == "windows" and self.task.scaling != "series":
                    raise ValueError(f"training.mode of {model.name}: windows are for [task] scaling = 'series'")
                if loss in ("binary_cross_entropy", "cross_entropy"):
                    raise ValueError(f"training.loss of {model.name}: forecasts are means or quantiles, not {loss}")
                if loss != "squared" and not (levels[0] < 0.5 < levels[-1] and 0.5 in levels):
                    raise ValueError(f"training.loss of {model.name}: {loss} needs quantiles below, at and above 0.5")
            except ValidationError as error:
                raise ValueError(f"training of {model.name}: {'; '.join(_problems(error))}") from error
        return self

    def training_of(self, model: Member, usual: Mapping[str, Any] | None = None) -> Training:
        """Return how a model learns: its own ``training`` keys, over the section's, over what is usual.

        Args:
            model: as the pipeline names it.
            usual: keys that stand where nobody wrote them; None: the section's defaults alone.
        """
        own = (model.model_extra or {}).get("training", {})
        return Training(**{**(usual or {}), **self.training.model_dump(exclude_unset=True), **own})

    def digest(self) -> str:
        """Return 12 hexadecimal digits that name this configuration, but for how it is scored."""
        text = json.dumps(self.model_dump(mode="json", by_alias=True, exclude={"verification"}), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def _usual(task: Task | None) -> tuple[str, ...]:
    """Return the baselines of a pipeline that names none."""
    return USUAL_SERIES if task is not None and task.scaling == "series" else USUAL


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
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
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
    if root is not None and isinstance(source, dict):
        raw = {**raw, "source": {key: _rooted(root, value) if key in PATHS else value for key, value in source.items()}}
    try:
        return Pipeline.model_validate(raw)
    except ValidationError as error:
        raise ForecastError(
            "a pipeline without unknown or impossible keys",
            f"{origin}: " + "; ".join(_problems(error)),
            "mend each key named; `forecast init` writes a file to begin with",
        ) from error


def _rooted(root: Path, value: Any) -> Any:
    """Return a path, or a list of them, as absolute text; anything else is left for the source to refuse."""
    if isinstance(value, list):
        return [_rooted(root, one) for one in value]
    return str(root / Path(value).expanduser()) if isinstance(value, str) else value


def _problems(error: ValidationError) -> list[str]:
    """Return a line for each broken rule: where, and what."""
    lines = []
    for problem in (one for one in error.errors() if one["type"] != "default_factory_not_called"):
        where = ".".join(str(part) for part in problem["loc"])
        lines.append(f"{where or 'pipeline'}: {problem['msg'].removeprefix('Value error, ')}")
    return lines
