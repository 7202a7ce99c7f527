"""Datasets become pictures: every figure is a pure function that returns a matplotlib Figure, drawn through Agg.

No figure touches matplotlib's global state, so any number can be drawn at once; save one with ``figure.savefig(path)``.
"""

from __future__ import annotations

from matplotlib.figure import Figure

from forecast.figures.attention import attention_map
from forecast.figures.curves import curves
from forecast.figures.doctor import doctor_sheet
from forecast.figures.fan import series_fan
from forecast.figures.learning import loss_curves
from forecast.figures.maps import maps, skill_map
from forecast.figures.skill import skill_by_lead
from forecast.figures.studies import study_boxes

__all__ = [
    "Figure",
    "attention_map",
    "curves",
    "doctor_sheet",
    "loss_curves",
    "maps",
    "series_fan",
    "skill_by_lead",
    "skill_map",
    "study_boxes",
]
