"""One pipeline as frozen models read from TOML: unknown keys, impossible splits and bad spans are refused at birth.

The options of a source, a baseline or a model are kept as given (``options``) and checked by the member itself.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from forecast.baselines import BASELINES, USUAL
from forecast.errors import ForecastError
from forecast.models import MODELS
from forecast.schema import duration
from forecast.sources import SOURCES
from forecast.training.settings import Training

NAME = "[a-z][a-z0-9_]{0,62}"  # of a pipeline and of a model: they become names of folders, files and tables
BELOW = r"^\s*<"  # an event: a value below a number, which verification reads
PATHS = ("paths", "static", "stations", "cache")  # keys of [source] that hold paths


def _once(what: str, names: Iterable[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"{what} must differ in name, {', '.join(twice)} is there twice")


def _size(span: str) -> float:
    """Return the size of a span in days or of a share in percent; NaN where the text is neither."""
    try:
        return float(span[:-1]) if span.endswith("%") else duration(span) / pd.Timedelta("1D")
    except ValueError:
        return math.nan


def _later(first: str, second: str) -> bool:
    """Say whether the first date comes after the second, as far as both are written out ("2007" is a whole year)."""
    length = min(len(first), len(second))
    return first[:length] > second[:length]


class Frozen(BaseModel):
    """Base of every section: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Member(BaseModel):
    """One member of a family: its ``type``, and its own options, which the member checks.

    Attributes:
        type: its name in the registry.
        ensemble: of a model: how many networks are trained, from seeds one after another; together they are one
            forecaster, their mean its forecast. None: one network.
    """

    model_config = ConfigDict(frozen=True, extra="allow")
    type: str
    ensemble: int | None = Field(None, ge=2, le=50)

    @property
    def options(self) -> dict[str, Any]:
        """The member's own keys: all but ``type``, ``name``, ``ensemble`` and ``training``."""
        return {key: value for key, value in (self.model_extra or {}).items() if key not in ("name", "training")}

    @property
    def name(self) -> str:
        """What the member is called in tables and runs: ``name``, by default its type."""
        return str((self.model_extra or {}).get("name", self.type))


class Task(Frozen):
    """What is forecast: targets, how far, with which quantiles; and what networks are told beside the values.

    Attributes:
        targets: variables that are forecast; none: the source's own.
        covariates: variables that are looked at only.
        horizon: how far.
        quantiles: levels, ascending.
        members: how many.
        static: of maps, what networks are told of each cell: "position", "spread" (of its anomalies), and fields that
            the source names as ``static``.
        mask: of maps, the field of ``[source] static`` that is at least 0.5 where cells count; others are left out.
        calendar: what networks are told of each step: "season" (and the hour, for steps below a day), the "insolation"
            at the top of the atmosphere (of maps), or "none".
    """

    targets: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    horizon: str = "1D"
    quantiles: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.05, 0.5, 0.95)
    members: int = Field(20, ge=2, le=1000)
    static: tuple[str, ...] = ("position",)
    mask: str | None = None
    calendar: Literal["season", "insolation", "none"] = "season"

    @model_validator(mode="after")
    def _sound(self) -> Task:
        if not self.quantiles or list(self.quantiles) != sorted(set(self.quantiles)):
            raise ValueError("quantiles must ascend without repetition, such as [0.05, 0.5, 0.95]")
        if not duration(self.horizon) > pd.Timedelta(0):
            raise ValueError(f"horizon {self.horizon!r} must be a positive span, such as '24h' or '5D'")
        _once("variables", (*self.targets, *self.covariates))
        _once("static fields", self.static)
        return self


class Split(Frozen):
    """Dates [first, last], both included; or spans or shares counted back from the newest data: ``"60D"``, ``"20%"``.

    Dates are of the data's calendar, so that only their order is judged here.
    """

    train: tuple[str, str] | None = None
    validate_: tuple[str, str] | str = Field("20%", alias="validate")
    test: tuple[str, str] | str = "20%"
    gap: str | None = None

    @model_validator(mode="after")
    def _sound(self) -> Split:
        before = None
        for name, span in (("train", self.train), ("validate", self.validate_), ("test", self.test)):
            if isinstance(span, tuple):
                if _later(*span):
                    raise ValueError(f"{name} ends at {span[1]}, before it begins at {span[0]}")
                if before is not None and _later(before[1][1], span[0]):
                    raise ValueError(f"{before[0]} ends at {before[1][1]}, after {name} begins at {span[0]}")
                before = name, span
            elif span is not None and not _size(span) > 0:
                raise ValueError(f"{name} = {span!r} is not a positive span such as '60D' or '20%', nor two dates")
        if self.gap is not None and not _size(self.gap) >= 0:
            raise ValueError(f"gap = {self.gap!r} is not a span such as '5D'")
        return self


class Verification(Frozen):
    """What is scored beside errors by lead and season.

    Attributes:
        regions: name -> [south, north, west, east], degrees: scored apart, beside the whole.
        thresholds: target -> events, in the data's unit: a number (at or above it), or "< 98000" (below it).
        windows: widths of the neighbourhoods in which events are looked for, in cells, odd.
    """

    regions: dict[str, tuple[float, float, float, float]] = {}
    thresholds: dict[str, tuple[float | Annotated[str, Field(pattern=BELOW)], ...]] = {}
    windows: tuple[Annotated[int, Field(ge=1)], ...] = (1, 3, 5)

    @model_validator(mode="after")
    def _sound(self) -> Verification:
        for name, (south, north, _, _) in self.regions.items():
            if name == "all" or south > north:
                raise ValueError(f"region {name!r} must be [south, north, west, east] and not be called 'all'")
        if even := [width for width in self.windows if width % 2 == 0]:
            raise ValueError(f"windows are odd, {even} are not")
        return self


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

    name: str = Field(pattern=rf"^{NAME}$")
    source: Member
    task: Task = Task()
    split: Split = Split()
    verification: Verification = Verification()
    quality: Quality = Quality()
    training: Training = Training()
    baselines: tuple[str, ...] = USUAL
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
        _once("forecasters", (*self.baselines, *(model.name for model in self.models)))
        for model in self.models:
            if not re.fullmatch(NAME, model.name):
                raise ValueError(f"model name {model.name!r} is not lower case letters, digits and underscores")
            try:
                loss, levels = self.training_of(model).loss, self.task.quantiles
                if loss not in ("squared", "pinball"):
                    raise ValueError(f"training.loss of {model.name}: forecasts are means or quantiles, not {loss}")
                if loss == "pinball" and not (levels[0] < 0.5 < levels[-1] and 0.5 in levels):
                    raise ValueError(f"training.loss of {model.name}: pinball needs quantiles below, at and above 0.5")
            except ValidationError as error:
                raise ValueError(f"training of {model.name}: {'; '.join(_problems(error))}") from error
        return self

    def training_of(self, model: Member) -> Training:
        """Return the training section with the model's own ``training`` keys laid over it."""
        return Training(**{**self.training.model_dump(), **(model.model_extra or {}).get("training", {})})

    def digest(self) -> str:
        """Return 12 hexadecimal digits that name this configuration, but for how it is scored."""
        text = json.dumps(self.model_dump(mode="json", by_alias=True, exclude={"verification"}), sort_keys=True)
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
    for problem in error.errors():
        where = ".".join(str(part) for part in problem["loc"])
        lines.append(f"{where or 'pipeline'}: {problem['msg'].removeprefix('Value error, ')}")
    return lines
