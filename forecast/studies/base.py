"""The contract of a study: an experiment of the literature as many small trainings, each a case.

A case is one network with one seed in one setting; equal cases give equal figures, so they can run side by side and be
run again. What stands in the literature, or can be computed without a network, is a reference beside them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import xarray as xr
from pydantic import BaseModel, ConfigDict, ValidationError

from forecast.errors import ForecastError


@dataclass(frozen=True)
class Case:
    """One training.

    Attributes:
        network: what is trained, as the table names it.
        seed: of its weights and of everything else that is drawn.
        setting: what is varied beside the network ("25 points a period"), or "".
    """

    network: str
    seed: int
    setting: str = ""

    def __str__(self) -> str:
        return ", ".join([self.network, f"seed {self.seed}", *([self.setting] if self.setting else [])])


Outcomes = Mapping[Case, Mapping[str, Any]]


@dataclass(frozen=True)
class Reference:
    """What a row of the table stands beside.

    Attributes:
        network: what it is of.
        source: where it comes from, in a few words: a paper ("Elman 1990") or "computed".
        values: measure -> value.
        setting: as a case's.
    """

    network: str
    source: str
    values: dict[str, float]
    setting: str = ""


class StudyOptions(BaseModel):
    """Options of a study; each study extends it, unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Study(ABC):
    """An experiment.

    Args:
        options: its own options, checked.

    Attributes:
        Options: their class.
        title: what is measured, for a person.
        text: what it shows and what it does not, with its sources.
        measures: name (letters, digits, underscores) -> what it is, with its unit; smaller is better. The first that
            has values in a setting is drawn.
        neutral: those of them of which neither end is better.
    """

    Options: ClassVar[type[StudyOptions]] = StudyOptions
    title: ClassVar[str]
    text: ClassVar[str]
    measures: ClassVar[dict[str, str]]
    neutral: ClassVar[tuple[str, ...]] = ()

    def __init__(self, options: Any) -> None:
        self.options = options

    @abstractmethod
    def cases(self, seeds: int) -> list[Case]:
        """Return the trainings, for so many seeds each."""

    @abstractmethod
    def run(self, case: Case) -> Mapping[str, Any]:
        """Train one ``case``; return measure -> number, NaN where it has none. No file, no clock, one thread.

        What ``curves`` and ``remarks`` want to know of the case stands beside the measures, under names of its own.
        """

    def references(self) -> Sequence[Reference]:
        """Return what the cases stand beside; none by default."""
        return ()

    def curves(self, outcomes: Outcomes) -> xr.Dataset | None:
        """Return what a second figure draws (figures/curves.py), None without one.

        Args:
            outcomes: case -> what ``run`` returned.
        """
        return None

    def pictures(self, outcomes: Outcomes) -> xr.Dataset | None:
        """Return small maps side by side that one more figure draws (figures/frames.py), None without one.

        Args:
            outcomes: case -> what ``run`` returned.
        """
        return None

    def remarks(self, outcomes: Outcomes) -> str:
        """Return what these ``outcomes`` add to the text, such as an example in words; "" for nothing."""
        return ""


def opened(kind: type[Study], options: Mapping[str, Any]) -> Study:
    """Return a study with its options checked.

    Args:
        kind: the class, as the registry gives it.
        options: as written by a user: numbers may be text.

    Raises:
        ForecastError: an option is unknown or out of range, or the study cannot begin with them.
    """
    try:
        return kind(kind.Options(**options))
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()]
        known = ", ".join(kind.Options.model_fields)
        expected = f"options of this study among {known}" if known else "no options: this study has none"
        raise ForecastError(expected, "; ".join(lines), "mend them, or leave them out") from error
