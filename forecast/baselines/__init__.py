"""Baselines of the trade: fit on the training span, forecast from what was known (contract: base.py)."""

BASELINES = {
    "persistence": "forecast.baselines.persistence:Persistence",
    "damped_persistence": "forecast.baselines.damped:DampedPersistence",
    "climatology": "forecast.baselines.climatology:Climatology",
    "seasonal_naive": "forecast.baselines.seasonal_naive:SeasonalNaive",
    "drift": "forecast.baselines.drift:Drift",
    "linear": "forecast.baselines.linear:Linear",
    "local_linear": "forecast.baselines.local_linear:LocalLinear",
    "theta": "forecast.baselines.classical:Theta",
    "ets": "forecast.baselines.classical:ETS",
    "arima": "forecast.baselines.classical:ARIMA",
}
USUAL = ("persistence", "damped_persistence", "climatology", "seasonal_naive", "linear")
"""Those that a pipeline has by default: they take every kind of data."""
USUAL_SERIES = ("persistence", "seasonal_naive", "drift", "linear")
"""Those of a table of many series: none needs a climatology, and a hundred thousand series take seconds."""
STATISTICS = ("theta", "ets", "arima")
"""Those that fit each series anew at each reference, through an extra."""
