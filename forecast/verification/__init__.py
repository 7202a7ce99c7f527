"""Forecasts meet observations: scores by lead, region, season, cell and forecaster, always beside the baselines.

Every score takes ``(forecast, observed, *, over, weights=None)`` and leaves missing pairs out; ``DEFINITIONS`` says in
one line what each means. ``tally`` sums what many forecasters' pairs add on the same cells: sums of months or machines
add up exactly, and ``finish`` makes scores of them, pooled or by month, season and region; ``table`` does both.
``tally_cells``, ``finish_cells`` and ``cells`` do the same in each cell. ``paired``, ``paired_series`` (bootstrap) and
``diebold_mariano`` ask whether two forecasters differ, ``discoveries`` in which cells; ``spectra`` shows how blurred a
forecast is. Tables of many series, each of which is to count alike, have scores of their own: ``panel``.
"""

from __future__ import annotations

from forecast.verification import panel
from forecast.verification.alignment import align, common, within
from forecast.verification.bootstrap import paired, paired_series
from forecast.verification.definitions import DEFINITIONS
from forecast.verification.events import brier
from forecast.verification.point import acc, bias, mae, mase, mse, naive_scale, rmse, skill, smape
from forecast.verification.quantiles import pinball
from forecast.verification.significance import diebold_mariano, discoveries
from forecast.verification.spectrum import spectra
from forecast.verification.spread import coverage, crps, quantile_frequency, rank_histogram, spread_skill, width
from forecast.verification.sums import Sums, tally
from forecast.verification.tables import cells, finish, finish_cells, table, tally_cells

__all__ = [
    "DEFINITIONS",
    "Sums",
    "acc",
    "align",
    "bias",
    "brier",
    "cells",
    "common",
    "coverage",
    "crps",
    "diebold_mariano",
    "discoveries",
    "finish",
    "finish_cells",
    "mae",
    "mase",
    "mse",
    "naive_scale",
    "paired",
    "paired_series",
    "panel",
    "pinball",
    "quantile_frequency",
    "rank_histogram",
    "rmse",
    "skill",
    "smape",
    "spectra",
    "spread_skill",
    "table",
    "tally",
    "tally_cells",
    "width",
    "within",
]
