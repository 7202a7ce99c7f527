"""Datasets become pictures: every figure is a pure function that returns a matplotlib Figure, drawn through Agg.

No figure touches matplotlib's global state, so any number can be drawn at once; save one with ``figure.savefig(path)``.
"""

from __future__ import annotations

from matplotlib.figure import Figure

from forecast.figures.attention import attention_map
from forecast.figures.blur import spectrum
from forecast.figures.curves import curves
from forecast.figures.distribution import quantile_reliability, rank_histogram, spread_skill
from forecast.figures.doctor import doctor_sheet
from forecast.figures.fan import series_fan
from forecast.figures.frames import frames
from forecast.figures.groups import by_season_and_region
from forecast.figures.learning import loss_curves
from forecast.figures.maps import maps, skill_map
from forecast.figures.panel import panel_scores
from forecast.figures.reliability import reliability
from forecast.figures.skill import skill_by_lead
from forecast.figures.studies import study_boxes

__all__ = [
    "Figure",
    "attention_map",
    "by_season_and_region",
    "curves",
    "doctor_sheet",
    "frames",
    "loss_curves",
    "maps",
    "panel_scores",
    "quantile_reliability",
    "rank_histogram",
    "reliability",
    "series_fan",
    "skill_by_lead",
    "skill_map",
    "spectrum",
    "spread_skill",
    "study_boxes",
]
