"""Baselines of the trade: fit on the training span, forecast from what was known (contract: base.py)."""

BASELINES = {
    "persistence": "forecast.baselines.persistence:Persistence",
    "damped_persistence": "forecast.baselines.damped:DampedPersistence",
    "climatology": "forecast.baselines.climatology:Climatology",
    "seasonal_naive": "forecast.baselines.seasonal_naive:SeasonalNaive",
    "linear": "forecast.baselines.linear:Linear",
    "local_linear": "forecast.baselines.local_linear:LocalLinear",
}
USUAL = ("persistence", "damped_persistence", "climatology", "seasonal_naive", "linear")
"""Those that a pipeline has by default: they take every kind of data."""
