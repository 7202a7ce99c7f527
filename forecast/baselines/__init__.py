"""Baselines of the trade: fit on the training span, forecast from what was known (contract: base.py)."""

BASELINES = {
    "persistence": "forecast.baselines.persistence:Persistence",
    "damped_persistence": "forecast.baselines.damped:DampedPersistence",
    "climatology": "forecast.baselines.climatology:Climatology",
    "seasonal_naive": "forecast.baselines.seasonal_naive:SeasonalNaive",
    "linear": "forecast.baselines.linear:Linear",
}
