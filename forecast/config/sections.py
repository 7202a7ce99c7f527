"""The sections of a pipeline file, each a frozen model: unknown keys, impossible splits and bad spans are refused.

The options of a source, a baseline or a model are kept as given (``options``) and checked by the member itself.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from forecast.schema import duration

BELOW = r"^\s*<"  # an event: a value below a number, which verification reads
Steps = Annotated[int, Field(strict=True, ge=1)]
"""A number of steps of the data, written without quotes."""


def once(what: str, names: Iterable[str]) -> None:
    """Refuse what has the same name twice.

    Args:
        what: they are.
        names: of all.

    Raises:
        ValueError: which pydantic turns into a line of its own.
    """
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
        known: variables that are known beforehand, such as holidays, prices, plans: their values go on after the
            targets' last.
        horizon: how far: a span of time ("5D"), or a number of steps (18).
        quantiles: levels, ascending.
        members: how many.
        scaling: what a network sees of a value: "climatology", its anomaly, for maps and weather; or "series", its
            place among the values of its own series, for tables of many series (see scaling).
        seasons: periods in steps, such as [24, 168], shortest first; []: none; left out: found in the training span.
            With scaling "series" only.
        align: "time", or "end": each series is laid so that its own last step is the last of all, as competitions
            judge them. Steps are then numbered.
        static: of maps, what networks are told of each cell: "position", "spread" (of its anomalies), and fields that
            the source names as ``static``; of series, the source's attributes of each.
        mask: of maps, the field of ``[source] static`` that is at least 0.5 where cells count; others are left out.
        calendar: what networks are told of each step: "season" (and the hour, for steps below a day), the "insolation"
            at the top of the atmosphere (of maps), or "none".
    """

    targets: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    horizon: str | Steps = "1D"
    quantiles: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.05, 0.5, 0.95)
    members: int = Field(20, ge=2, le=1000)
    scaling: Literal["climatology", "series"] = "climatology"
    seasons: tuple[Annotated[int, Field(ge=2)], ...] | None = None
    align: Literal["time", "end"] = "time"
    static: tuple[str, ...] = ("position",)
    mask: str | None = None
    calendar: Literal["season", "insolation", "none"] = "season"

    @model_validator(mode="after")
    def _sound(self) -> Task:
        if not self.quantiles or list(self.quantiles) != sorted(set(self.quantiles)):
            raise ValueError("quantiles must ascend without repetition, such as [0.05, 0.5, 0.95]")
        if isinstance(self.horizon, str) and not duration(self.horizon) > pd.Timedelta(0):
            raise ValueError(f"horizon {self.horizon!r} must be a positive span, such as '24h' or '5D', or steps, 18")
        if self.scaling != "series" and (self.known or self.seasons is not None or self.align == "end"):
            raise ValueError("known, seasons and align = 'end' are for scaling = 'series'")
        if self.align == "end" and self.known:
            raise ValueError("align = 'end' leaves nothing after an end that could be known: take align = 'time'")
        fields = {"position", "spread"} & set(self.static) if "static" in self.model_fields_set else set()
        if self.scaling == "series" and (self.calendar == "insolation" or fields):
            raise ValueError("insolation, position and spread are for maps, not for scaling = 'series'")
        once("variables", (*self.targets, *self.covariates, *self.known))
        once("static fields", self.static)
        return self


class Split(Frozen):
    """Dates [first, last], both included; or counted back from the newest data: ``"60D"``, ``"20%"``, 18 (steps).

    Dates are of the data's calendar, so that only their order is judged here.

    Attributes:
        train: what is learned from; left out: all that comes before validation.
        validate_: what chooses.
        test: what judges.
        gap: left out between spans; by default, and at least, the leads; with scaling "series" none by default.
        origins: forecasts are scored from every so-manieth step, the first the last before the span, and then only
            valid times within it count; "all": from every step, each lead on the same valid times. By default "all",
            with scaling "series" the number of leads.
        refit: whether what was judged on the validation span is then learned again from training and validation
            together, as long as it took, for the test span and for use. By default only with scaling "series", whose
            records are short.
    """

    train: tuple[str, str] | None = None
    validate_: tuple[str, str] | str | Steps = Field("20%", alias="validate")
    test: tuple[str, str] | str | Steps = "20%"
    gap: str | Annotated[int, Field(strict=True, ge=0)] | None = None
    origins: Literal["all"] | Steps | None = None
    refit: bool | None = None

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
            elif isinstance(span, str) and not _size(span) > 0:
                raise ValueError(f"{name} = {span!r} is not a positive span such as '60D' or '20%', nor two dates")
        if isinstance(self.gap, str) and not _size(self.gap) >= 0:
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
