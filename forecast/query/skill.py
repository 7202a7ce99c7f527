"""How good the forecaster has been at a place: its RMSE there, and its skill against each baseline."""

from __future__ import annotations

import xarray as xr

from forecast.schema import BASELINE

FORECASTER = "forecaster"


def skill(scores: xr.Dataset, data: xr.Dataset, target: str) -> xr.Dataset:
    """Return VAR_rmse (lead) and VAR_skill (lead, baseline) at one place.

    Skill = 1 - MSE / MSE of the baseline (Murphy 1988, doi:10.1175/1520-0493(1988)116<2417:SSBOTM>2.0.CO;2): 1 is
    perfect, 0 as good as the baseline, negative worse; NaN where a score is missing or the baseline makes no error.

    Args:
        scores: ``VAR_rmse`` (forecaster, lead) in units of VAR, at the place; may be empty.
        data: the forecast at the place, with attribute ``model`` and the coordinate baseline.
        target: VAR.
    """
    name = f"{target}_rmse"
    if name not in scores or BASELINE not in data.coords:
        return xr.Dataset()
    rmse = scores[name].load()
    known = [str(value) for value in rmse[FORECASTER].values]
    mine = next((who for who in (data.attrs.get("model"), scores.attrs.get("champion")) if who in known), None)
    if mine is None:
        return xr.Dataset()
    own = rmse.sel({FORECASTER: mine}, drop=True)
    theirs = rmse.reindex({FORECASTER: data[BASELINE].values}).rename({FORECASTER: BASELINE})
    gained = 1 - (own / theirs.where(theirs > 0)) ** 2
    span = scores.attrs.get("span", "past forecasts")
    return xr.Dataset(
        {
            f"{target}_rmse": own.assign_attrs(
                units=data[target].attrs.get("units", "1"), long_name=f"root mean square error over {span}"
            ),
            f"{target}_skill": gained.transpose(..., BASELINE).assign_attrs(
                units="1", long_name=f"1 - MSE / MSE of the baseline over {span}"
            ),
        }
    )
