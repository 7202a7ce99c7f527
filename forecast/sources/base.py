"""The contract of a source: options checked at birth, ``fetch`` returns canonical observations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import pandas as pd
import xarray as xr
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from forecast.errors import ForecastError
from forecast.schema import duration


class Options(BaseModel):
    """Options every source has.

    Attributes:
        delay: how long after the end of its interval a value becomes known, such as "6h".
        units: unit of a variable whose file does not say, name -> unit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    delay: str = "0h"
    units: dict[str, str] = {}

    @field_validator("delay")
    @classmethod
    def _span(cls, delay: str) -> str:
        if not duration(delay) >= pd.Timedelta(0):
            raise ValueError(f"{delay!r} is not a span of time such as '6h' or '2D'")
        return delay


class Source(ABC):
    """Observations from one place.

    Args:
        options: the keys of ``[source]`` beside ``type``.

    Raises:
        ForecastError: an unknown or impossible option.
    """

    Options: ClassVar[type[Options]] = Options
    simulated: ClassVar[bool] = False
    targets: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **options: Any) -> None:
        try:
            self.options = self.Options(**options)
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in error.errors())
            known = ", ".join(self.Options.model_fields)
            raise ForecastError(f"options of {type(self).__name__}: {known}", problems, "mend [source]") from error

    @property
    def delay(self) -> pd.Timedelta:
        """Time from the end of an interval until its value is known."""
        return pd.Timedelta(self.options.delay)

    @abstractmethod
    def fetch(self, start: Any = None, end: Any = None) -> xr.Dataset:
        """Return canonical observations in [start, end], both ends included.

        Args:
            start: first time wanted (a date, a string or None for the first there is).
            end: last time wanted, or None.

        Returns:
            A Dataset (time, series) or (time, lat, lon) that passes ``schema.check_observations``; missing steps
            are NaN rows on an even axis; attributes ``title``, ``source``, ``licence`` and, where it is not
            measured, ``simulated = "yes"``.

        Raises:
            ForecastError: what is there cannot be understood; nothing is returned by halves.
        """

    def extent(self) -> tuple[Any, Any] | None:
        """Return the first and the last time there is, without reading a value, so that much can be fetched by parts.

        Returns:
            Times (datetime64 or cftime) as ``fetch`` would have them, every file opened and its axes looked at; None
            where only ``fetch`` can tell.

        Raises:
            ForecastError: a file cannot be understood.
        """
        return None

    def static(self) -> xr.Dataset | None:
        """Return fields that do not change, such as the height of the ground; None where the source has none.

        Returns:
            A Dataset of (lat, lon) or (y, x), float32, on the very grid of ``fetch``, each with its ``units``.

        Raises:
            ForecastError: a file cannot be understood, or is of another grid.
        """
        return None
