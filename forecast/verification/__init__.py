"""Forecasts meet observations: scores by lead, cell and forecaster, always beside the baselines.

Every score takes ``(forecast, observed, *, over, weights=None)`` and leaves missing pairs out; ``DEFINITIONS`` says in
one line what each means. ``table`` and ``cells`` score many forecasters on the same cells, ``paired`` asks whether two
differ.
"""

from __future__ import annotations

from forecast.verification.alignment import align, common, within
from forecast.verification.bootstrap import paired
from forecast.verification.definitions import DEFINITIONS
from forecast.verification.point import acc, bias, mae, mase, mse, naive_scale, rmse, skill, smape
from forecast.verification.spread import coverage, crps, width
from forecast.verification.tables import cells, table

__all__ = [
    "DEFINITIONS",
    "acc",
    "align",
    "bias",
    "cells",
    "common",
    "coverage",
    "crps",
    "mae",
    "mase",
    "mse",
    "naive_scale",
    "paired",
    "rmse",
    "skill",
    "smape",
    "table",
    "width",
    "within",
]
