"""Scaled values: the anomaly about the climatology, in units of its spread; learned from the training span only.

    scaled = (value - climatology(time, cell)) / s

For series, s is the standard deviation of each series' anomalies. For maps it is one number for the variable, the root
of the area mean of their variance, so that the squared error of scaled fields is that of the field up to a factor.
Where nothing ever varies s is 1. Missing values stay missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import xarray as xr

from forecast import climatology, schema
from forecast.errors import ForecastError

SPREAD = "spread"


@dataclass(frozen=True)
class Scaling:
    """The statistics of some variables; they travel with the model.

    Attributes:
        fitted: variable -> its climatology, see that module.
    """

    fitted: Mapping[str, xr.Dataset]

    @classmethod
    def fit(cls, train: xr.Dataset, variables: Iterable[str]) -> Scaling:
        """Learn from the training span, reading each variable once, block by block.

        Args:
            train: observations (time, *space), training steps only, in memory or not.
            variables: names to scale.

        Raises:
            ForecastError: a variable that is not there, or was never observed in the training span.
        """
        fitted = {}
        for name in variables:
            if name not in train:
                raise ForecastError(f"observations of {name}", f"{sorted(map(str, train.data_vars))}", "ingest it")
            fitted[name] = climatology.fit(train[name])
        return cls(fitted)

    def apply(self, data: xr.Dataset) -> xr.Dataset:
        """Return the scaled variables (time, *space), dimensionless, in the precision of the data.

        Args:
            data: observations with every fitted variable; others are left out.
        """
        return xr.Dataset({name: self._scaled(data[name], usual) for name, usual in self.fitted.items()})

    def undo(self, scaled: xr.DataArray, name: str) -> xr.DataArray:
        """Return values in the unit of a variable.

        Args:
            scaled: scaled values (time, *space), or a forecast (forecast_reference_time, lead, ..., *space); the
                valid time is their sum, or the coordinate of that name.
            name: the variable whose statistics are used.

        Raises:
            ForecastError: the variable was not fitted.
        """
        if name not in self.fitted:
            raise ForecastError(f"a variable among {', '.join(self.fitted)}", repr(name), "fit the scaling with it")
        usual = self.fitted[name]
        values = scaled * usual[SPREAD].values + _expected(usual, scaled)
        return values.transpose(*scaled.dims).astype(scaled.dtype).assign_attrs(usual["coefficient"].attrs).rename(name)

    def to_dataset(self) -> xr.Dataset:
        """Return all statistics as one Dataset, ``VARIABLE__STATISTIC``; ``from_dataset`` gives the scaling back."""
        renamed = [
            usual.rename({key: f"{name}__{key}" for key in usual.data_vars}) for name, usual in self.fitted.items()
        ]
        return xr.merge(renamed, join="exact", compat="no_conflicts")

    @classmethod
    def from_dataset(cls, data: xr.Dataset) -> Scaling:
        """Return the scaling that ``to_dataset`` wrote."""
        parts: dict[str, dict[str, xr.DataArray]] = {}
        for key, values in data.data_vars.items():
            name, _, statistic = str(key).rpartition("__")
            parts.setdefault(name, {})[statistic] = values
        return cls({name: xr.Dataset(values, coords=data.coords) for name, values in parts.items()})

    @staticmethod
    def _scaled(values: xr.DataArray, usual: xr.Dataset) -> xr.DataArray:
        anomaly = values - climatology.at(usual, values[schema.TIME].values)
        return (anomaly / usual[SPREAD].values).astype(values.dtype).assign_attrs(units="1")


def _expected(usual: xr.Dataset, scaled: xr.DataArray) -> xr.DataArray:
    """Return the climatology at the times, or the valid times, of scaled values."""
    if schema.TIME in scaled.dims:
        return climatology.at(usual, scaled[schema.TIME].values)
    if schema.VALID_TIME in scaled.coords:
        valid = scaled[schema.VALID_TIME].transpose(schema.REFERENCE, schema.LEAD).values
    else:
        valid = schema.valid_times(scaled[schema.REFERENCE].values, scaled[schema.LEAD].values)
    flat = climatology.at(usual, valid.ravel())
    space = flat.dims[1:]
    coords = {dim: scaled[dim] for dim in (schema.REFERENCE, schema.LEAD, *space)}
    return xr.DataArray(
        flat.values.reshape(*valid.shape, *flat.shape[1:]), coords, (schema.REFERENCE, schema.LEAD, *space)
    )
