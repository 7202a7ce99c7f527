"""The contract of a scaling: statistics of the training span, one Dataset for each variable; they travel with a model.

``undo`` gives back what ``apply`` was given. In each series or cell it ascends, so that quantiles can be undone one by
one. Missing values stay missing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import xarray as xr

from forecast.errors import ForecastError

SPREAD = "spread"


@dataclass(frozen=True)
class BaseScaling(ABC):
    """The statistics of some variables.

    Attributes:
        fitted: variable -> its statistics, see the member's module; ``spread`` is what values are divided by.
    """

    fitted: Mapping[str, xr.Dataset]

    @classmethod
    @abstractmethod
    def fit(cls, train: xr.Dataset, variables: Iterable[str]) -> Self:
        """Learn from the training span, reading each variable once, block by block.

        Args:
            train: observations (time, *space), training steps only, in memory or not.
            variables: names to scale.

        Raises:
            ForecastError: a variable that is not there, or was never observed in the training span.
        """

    @abstractmethod
    def apply(self, data: xr.Dataset) -> xr.Dataset:
        """Return the scaled variables (time, *space), dimensionless, in the precision of the data.

        Args:
            data: observations with every fitted variable; others are left out.
        """

    @abstractmethod
    def undo(self, scaled: xr.DataArray, name: str) -> xr.DataArray:
        """Return values in the unit of a variable.

        Args:
            scaled: scaled values (time, *space), or a forecast (forecast_reference_time, lead, ..., *space); the
                valid time is their sum, or the coordinate of that name.
            name: the variable whose statistics are used.

        Raises:
            ForecastError: the variable was not fitted.
        """

    def to_dataset(self) -> xr.Dataset:
        """Return all statistics as one Dataset, ``VARIABLE__STATISTIC``; ``from_dataset`` gives the scaling back."""
        renamed = [
            usual.rename({key: f"{name}__{key}" for key in usual.data_vars}) for name, usual in self.fitted.items()
        ]
        return xr.merge(renamed, join="exact", compat="no_conflicts")

    @classmethod
    def from_dataset(cls, data: xr.Dataset) -> Self:
        """Return the scaling that ``to_dataset`` wrote."""
        parts: dict[str, dict[str, xr.DataArray]] = {}
        for key, values in data.data_vars.items():
            name, _, statistic = str(key).rpartition("__")
            parts.setdefault(name, {})[statistic] = values
        return cls({name: xr.Dataset(values, coords=data.coords) for name, values in parts.items()})

    def statistics(self, name: str) -> xr.Dataset:
        """Return the statistics of a variable.

        Raises:
            ForecastError: the variable was not fitted.
        """
        if name not in self.fitted:
            raise ForecastError(f"a variable among {', '.join(self.fitted)}", repr(name), "fit the scaling with it")
        return self.fitted[name]


def observations(train: xr.Dataset, name: str) -> xr.DataArray:
    """Return a variable of the training span.

    Args:
        train: observations.
        name: the variable.

    Raises:
        ForecastError: it is not there.
    """
    if name not in train:
        raise ForecastError(f"observations of {name}", f"{sorted(map(str, train.data_vars))}", "ingest it")
    return train[name]
