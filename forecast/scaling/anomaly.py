"""Scaled values: the anomaly about the climatology, in units of its spread; learned from the training span only.

    scaled = (value - climatology(time, cell)) / s

For series, s is the standard deviation of each series' anomalies. For maps it is one number for the variable, the root
of the area mean of their variance, so that the squared error of scaled fields is that of the field up to a factor.
Where nothing ever varies s is 1. Missing values stay missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import xarray as xr

from forecast import climatology, schema
from forecast.scaling.base import SPREAD, BaseScaling, observations


@dataclass(frozen=True)
class Scaling(BaseScaling):
    """Anomalies about the climatology; the statistics of a variable are its climatology, see that module."""

    @classmethod
    def fit(cls, train: xr.Dataset, variables: Iterable[str]) -> Scaling:
        """See the contract."""
        return cls({name: climatology.fit(observations(train, name)) for name in variables})

    def apply(self, data: xr.Dataset) -> xr.Dataset:
        """See the contract."""
        return xr.Dataset({name: self._scaled(data[name], usual) for name, usual in self.fitted.items()})

    def undo(self, scaled: xr.DataArray, name: str) -> xr.DataArray:
        """See the contract."""
        usual = self.statistics(name)
        values = scaled * usual[SPREAD].values + _expected(usual, scaled)
        return values.transpose(*scaled.dims).astype(scaled.dtype).assign_attrs(usual["coefficient"].attrs).rename(name)

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
