"""Scalings: numbers that networks like, and back; learned from the training span only (contract: base.py).

anomaly  ``Scaling``: the anomaly about the climatology, for weather at a place
series   ``SeriesScaling``: each series by its own level and changes, for tables of many series
"""

from __future__ import annotations

import xarray as xr

from forecast.scaling.anomaly import SPREAD, Scaling
from forecast.scaling.base import BaseScaling
from forecast.scaling.series import LOCATION, SeriesScaling

__all__ = ["LOCATION", "SPREAD", "BaseScaling", "Scaling", "SeriesScaling", "restore"]


def restore(data: xr.Dataset) -> BaseScaling:
    """Return the scaling whose ``to_dataset`` gave this Dataset, of the class that it was."""
    kind = SeriesScaling if any(str(key).endswith(f"__{LOCATION}") for key in data.data_vars) else Scaling
    return kind.from_dataset(data)
