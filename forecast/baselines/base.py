"""The contract of a baseline: fit once on the training span, then forecast from any reference time.

A baseline works on one target, a DataArray (time, *space) on an even time axis with NaN where nothing was observed.
All that it has learned is one Dataset, ``fitted``, so that saving and loading need no code of its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import xarray as xr

from forecast.errors import ForecastError


class Baseline(ABC):
    """A reference forecast.

    Attributes:
        fitted: everything learned from the training span (empty before ``fit`` and for baselines that learn nothing).
    """

    def __init__(self) -> None:
        self.fitted = xr.Dataset()

    @abstractmethod
    def fit(self, train: xr.DataArray, leads: int, validate: xr.DataArray | None = None) -> None:
        """Learn from the training span.

        Args:
            train: target (time, *space), training steps only.
            leads: number of leads, in steps of the data.
            validate: target over the validation span, for baselines that choose a setting on it.
        """

    @abstractmethod
    def _forecast(self, observed: xr.DataArray, at: np.ndarray) -> np.ndarray:
        """Return values (reference, lead, *space); row i may use ``observed[: at[i] + 1]`` only."""

    def forecast(self, observed: xr.DataArray, references: np.ndarray) -> xr.DataArray:
        """Forecast from each reference time, all that is used being observed at or before it.

        Args:
            observed: target (time, *space) on an even axis; steps after a reference are never read for it.
            references: times of the last observed step, shape (reference,), each on the axis.

        Returns:
            DataArray (forecast_reference_time, lead, *space), units of the target, NaN where nothing can be said.

        Raises:
            ForecastError: a reference time is not on the axis.
        """
        # filled in below by the baselines' author
        raise ForecastError("", "", "")
