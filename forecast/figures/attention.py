"""Attention: which past steps a forecast of each lead looked at."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from forecast.errors import ForecastError
from forecast.figures.style import LABEL, QUIET, SMALL, lead_numbers, named, sheet
from forecast.schema import LEAD

LAG = "lag"


def attention_map(weights: xr.DataArray, *, title: str = "Attention by lead and lag") -> Figure:
    """Draw attention weights as a heat map, a row a lead, the newest step at the right.

    Args:
        weights: (lead, lag), such as ``Seq2Seq.attend`` gives at one step, or their mean over many; each lead's sum to
            1. Leads and lags are timedelta64, or numbers of steps; lag 0 is the last step seen.
        title: of the figure.

    Raises:
        ForecastError: other dimensions.
    """
    if set(weights.dims) != {LEAD, LAG}:
        remedy = "select one step, or average over the others"
        raise ForecastError(f"attention weights ({LEAD}, {LAG})", f"{weights.dims}", remedy)
    drawn = weights.transpose(LEAD, LAG).sortby([LEAD, LAG])
    (leads, lead_unit), (lags, lag_unit) = _numbers(drawn[LEAD]), _numbers(drawn[LAG])
    size = (float(np.clip(0.22 * len(lags) + 2.2, 5.0, 11.0)), float(np.clip(0.22 * len(leads) + 1.6, 2.8, 8.0)))
    note = f"each row sums to 1; lag 0 is the last step seen; even weights would be {1 / len(lags):.2g}"
    figure, axes = sheet(1, 1, size, title, note)
    panel = axes[0, 0]
    panel.grid(False)
    mesh = panel.pcolormesh(lags, leads, drawn.values, cmap="Blues", vmin=0, shading="nearest", rasterized=True)
    panel.invert_xaxis()
    panel.invert_yaxis()
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_locator(MaxNLocator(12, integer=True))
    named(panel, "", f"lag, {lag_unit}", f"lead, {lead_unit}")
    bar = figure.colorbar(mesh, ax=panel, aspect=24, pad=0.02)
    bar.set_label("weight", fontsize=LABEL, color=QUIET)
    bar.ax.tick_params(labelsize=SMALL, colors=QUIET, length=0)
    bar.outline.set_visible(False)
    return figure


def _numbers(axis: xr.DataArray) -> tuple[np.ndarray, str]:
    """Values of an axis and their unit: days or hours, else steps."""
    return lead_numbers(axis) if np.issubdtype(axis.dtype, np.timedelta64) else (axis.values, "steps")
