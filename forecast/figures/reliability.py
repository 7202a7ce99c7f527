"""Reliability: does what is forecast with a chance of 30 % happen in 30 % of all cases?"""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from forecast.errors import ForecastError
from forecast.figures.style import COLOURS, INK, QUIET, SMALL, lead_names, named, sheet, some
from forecast.schema import LEAD

EVENTS, LEADS = 3, 3


def reliability(table: xr.Dataset, *, forecaster: str, title: str = "") -> Figure:
    """Draw how often events happened against the chance that members gave them, and how often each chance was given.

    Args:
        table: ``verification.table`` with thresholds and members: probability, frequency, share (forecaster, lead, bin,
            threshold).
        forecaster: whose chances.
        title: of the figure; "" names the forecaster.

    Raises:
        ForecastError: the table has no events, or none of that forecaster's.
    """
    if "frequency" not in table or table["frequency"].sel(forecaster=forecaster).isnull().all():
        remedy = "set [verification] thresholds"
        raise ForecastError(f"events that members of {forecaster} gave a chance", "none", remedy)
    one = table.sel(forecaster=forecaster)
    events = some(one.sizes["threshold"], EVENTS)
    leads = some(one.sizes[LEAD], LEADS)
    units = table["rmse"].attrs["units"]
    note = "dashed: perfectly reliable; below: the share of cases in each tenth of chance, log axis"
    size = (3.5 * len(events) + 1.4, 5.2)
    heading = title or f"Reliability of {forecaster}"
    figure, axes = sheet(2, len(events), size, heading, note, sharex=True, sharey="row", height_ratios=(3, 1))
    tenths = (np.arange(one.sizes["bin"]) + 0.5) / one.sizes["bin"]
    for column, at in enumerate(events):
        above, below = axes[:, column]
        event = one.isel(threshold=at)
        above.plot([0, 1], [0, 1], color=QUIET, lw=1.0, ls="--", zorder=1)
        for place, (step, name) in enumerate(zip(leads, lead_names(one[LEAD][leads]), strict=True)):
            row, colour = event.isel({LEAD: step}), COLOURS[place]
            above.plot(row["probability"], row["frequency"], "o-", ms=4, lw=1.6, color=colour, label=name)
            shift = (place - (len(leads) - 1) / 2) * 0.025
            below.bar(tenths + shift, row["share"], width=0.022, color=colour)
        above.set(xlim=(0, 1), ylim=(-0.02, 1.02))
        below.set_yscale("log")
        below.set_ylim(1e-4, 1.5)
        named(above, f"{one['threshold'].values[at]} {units}")
        named(below, x="chance that was forecast")
    named(axes[0, 0], y="how often it happened")
    named(axes[1, 0], y="share of cases")
    axes[0, -1].legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize=SMALL, labelcolor=INK)
    return figure
