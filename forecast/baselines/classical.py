"""Theta, exponential smoothing and ARIMA, by the library statsforecast (extra ``statistics``): each series for itself.

theta  the dynamic optimised theta model (Fiorucci et al. 2016, Int. J. Forecasting 32, 1151-1161)
ets    exponential smoothing, its form chosen by AICc (Hyndman et al. 2002, Int. J. Forecasting 18, 439-454)
arima  seasonal ARIMA, its orders chosen by AICc stepwise (Hyndman and Khandakar 2008, J. Stat. Software 27, 3)

As the trade does it, a model is fitted anew for each series at each reference, to all that was observed up to it;
``fit`` learns but the season. That takes from a millisecond (theta) to a minute (arima, a season of 12 and more) a
series and reference, in one process. For these three alone gaps inside a series are filled by straight lines. A series
that is too short for its model, or on which the model fails, is forecast by its last value; ``fell_back`` counts these.
"""

from __future__ import annotations

import importlib.util
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from forecast import schema
from forecast.baselines.base import EVERYTHING, MAX_AGE, Baseline
from forecast.errors import ForecastError
from forecast.registry import member

LIBRARY = "statsforecast"
MODELS = {  # of an extra: imported when a baseline is fitted
    "Theta": f"{LIBRARY}.models:DynamicOptimizedTheta",
    "ETS": f"{LIBRARY}.models:AutoETS",
    "ARIMA": f"{LIBRARY}.models:AutoARIMA",
}


def available() -> bool:
    """Say whether the library is installed."""
    return importlib.util.find_spec(LIBRARY) is not None


class Classical(Baseline):
    """A model of the library, by the name of the class.

    Attributes:
        fell_back: how many forecasts of the last call, of a series at a reference, are its last value only.
    """

    kinds: ClassVar[tuple[str, ...]] = ("series",)
    one_pass = True
    fell_back = 0

    @property
    def context(self) -> int:
        """All there is."""
        return EVERYTHING

    def _fit(self, train: xr.DataArray, leads: int, validate: xr.DataArray | None) -> xr.Dataset:
        name = type(self).__name__
        if not available():
            remedy = "pip install 'forecast-pipeline[statistics]', or leave it out of `baselines`"
            raise ForecastError(f"the library {LIBRARY} for {name}", "it is not installed", remedy)
        return xr.Dataset(attrs={"season": schema.season_of_data(train)})

    def _forecast(self, observed: xr.DataArray, at: np.ndarray) -> np.ndarray:
        model = member("model of statistics", MODELS, type(self).__name__)(season_length=self.fitted.attrs["season"])
        found = np.full((len(at), self.leads, observed.sizes[schema.SERIES]), np.nan)
        self.fell_back = 0
        for column in range(found.shape[2]):
            values = observed[:, column].values.astype("float64")
            seen = np.flatnonzero(np.isfinite(values))
            for row, place in enumerate(at):
                known = seen[seen <= place]
                if len(known) and (age := int(place - known[-1])) <= MAX_AGE:
                    past = np.interp(np.arange(known[0], known[-1] + 1), known, values[known])
                    found[row, :, column] = self._ahead_of(model, past, age + self.leads)[age:]
        return found

    def _ahead_of(self, model: Any, past: np.ndarray, steps: int) -> np.ndarray:
        """Return the next steps of one series without gaps, its last value where the model has nothing to say."""
        try:
            ahead = np.asarray(model.forecast(y=past, h=steps)["mean"], "float64")
        except Exception:  # whatever numerics raise: too few values, no admissible model, a matrix without an inverse
            ahead = np.full(steps, np.nan)
        if np.isfinite(ahead).all():
            return ahead
        self.fell_back += 1
        return np.full(steps, past[-1])


class Theta(Classical):
    """The dynamic optimised theta model."""


class ETS(Classical):
    """Exponential smoothing, chosen by AICc."""


class ARIMA(Classical):
    """Seasonal ARIMA, chosen by AICc."""
