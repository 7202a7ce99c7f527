"""The contract of a study: an experiment of the literature as many small trainings, each a case.

A case is one network with one seed in one setting; equal cases give equal figures, so they can run side by side and be
run again. What stands in the literature, or can be computed without a network, is a reference beside them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import xarray as xr
from pydantic import BaseModel, ConfigDict

Report = Callable[[str], None]


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


@dataclass(frozen=True)
class Reference:
    """What a row of the table stands beside.

    Attributes:
        network: what it is of.
        source: where it comes from, a paper or "computed".
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
        measures: name -> what it is, with its unit; the first is the one that is drawn.
    """

    Options: ClassVar[type[StudyOptions]] = StudyOptions
    title: ClassVar[str]
    text: ClassVar[str]
    measures: ClassVar[dict[str, str]]

    def __init__(self, options: Any) -> None:
        self.options = options

    @abstractmethod
    def cases(self, seeds: int) -> list[Case]:
        """Return the trainings, for so many seeds each."""

    @abstractmethod
    def run(self, case: Case) -> dict[str, float]:
        """Train one ``case``; return measure -> value, NaN where it has none. One thread, no file, no clock."""

    def references(self) -> Sequence[Reference]:
        """Return what the cases stand beside; none by default."""
        return ()

    def curves(self, cases: Sequence[Case]) -> xr.Dataset | None:
        """Return what a figure of its own needs (after all ``cases`` have run), None without one."""
        return None
