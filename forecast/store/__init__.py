"""Issued forecasts, the models' states, the scores and the champions' record: one atomic commit an issue."""

from forecast.store.store import Store

__all__ = ["Store"]
