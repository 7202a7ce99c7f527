"""How good the forecaster has been at a place: its RMSE there, and its skill against each baseline."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from forecast.schema import BASELINE, LEAD

FORECASTER = "forecaster"
FEWEST = 10  # forecasts of a place that a score of it rests on, at least


def skill(scores: xr.Dataset, data: xr.Dataset, target: str) -> dict[str, tuple[Any, ...]]:
    """Return VAR_rmse (lead) and VAR_skill (lead, baseline) at one place as (dims, values, attributes), by name.

    Skill = 1 - MSE / MSE of the baseline (Murphy 1988, doi:10.1175/1520-0493(1988)116<2417:SSBOTM>2.0.CO;2): 1 is
    perfect, 0 as good as the baseline, negative worse; NaN where a score is missing or the baseline makes no error.
    Nothing is returned where the forecaster was never scored, or too seldom to tell (``FEWEST``).

    Args:
        scores: ``VAR_rmse`` (forecaster, lead) in units of VAR, at the place and the leads of ``data``; may be empty.
        data: the forecast at the place, with attribute ``model`` and the coordinate baseline.
        target: VAR.
    """
    name = f"{target}_rmse"
    if name not in scores or BASELINE not in data.coords or int(scores.attrs.get("references", FEWEST)) < FEWEST:
        return {}
    rmse = scores[name].transpose(FORECASTER, LEAD).values
    known = {str(who): row for who, row in zip(scores[FORECASTER].values, rmse, strict=True)}
    mine = data.attrs.get("model")
    if mine is None:
        return {}
    missing = np.full(rmse.shape[1], np.nan)
    theirs = np.stack([known.get(str(baseline), missing) for baseline in data[BASELINE].values], axis=1)
    gained = 1 - (known[mine][:, None] / np.where(theirs > 0, theirs, np.nan)) ** 2
    span, units = scores.attrs.get("span", "past forecasts"), data[target].attrs.get("units", "1")
    return {
        name: (LEAD, known[mine], {"units": units, "long_name": f"root mean square error over {span}"}),
        f"{target}_skill": (
            (LEAD, BASELINE),
            gained,
            {"units": "1", "long_name": f"1 - MSE / MSE of the baseline over {span}"},
        ),
    }
