"""Tables of many series: errors by lead, how they are distributed over series, and what the intervals cover."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from forecast.figures.style import INK, label_ends, lead_numbers, lines, named, sheet
from forecast.schema import BASELINE, LEAD

Looks = dict[str, dict[str, Any]]
POINTS = 400  # of a distribution's curve, however many series there are
ENDS = (0.005, 0.995)  # shares of all series' errors between which the distribution is drawn


def panel_scores(lead: xr.Dataset, series: xr.Dataset, *, title: str = "", steps: str = "") -> Figure:
    """Draw MASE by lead, its distribution over series, and the coverage of central intervals, of all forecasters.

    Args:
        lead: scores by (forecaster, lead): mase, and ``coverage_80`` ... where there are quantiles; those of its
            coordinate ``baseline`` are drawn grey and dashed.
        series: mase by (forecaster, series), of any number of series.
        title: of the figure; "" says what is drawn.
        steps: what a step is called, such as "month"; "": leads are in days or hours.
    """
    names = [str(name) for name in lead["forecaster"].values]
    drawn = lines(names, [str(name) for name in lead[BASELINE].values])
    covered = [str(name) for name in lead.data_vars if str(name).startswith("coverage_")]
    note = f"MASE: {lead['mase'].attrs['definition']}"
    note += "\ncoverage: share of observations inside; thin lines: what is promised" if covered else ""
    heading = title or "MASE by lead and over series"
    figure, axes = sheet(1, 2 + bool(covered), (5.2 * (2 + bool(covered)), 4.3), heading, note)
    numbers, unit = lead_numbers(lead[LEAD]) if not steps else (np.arange(1, lead.sizes[LEAD] + 1), f"{steps}s")
    _by_lead(axes[0, 0], numbers, lead["mase"], drawn)
    label_ends(
        axes[0, 0], {name: (float(lead["mase"].sel(forecaster=name)[-1]), drawn[name]["color"]) for name in names}
    )
    named(axes[0, 0], "MASE by lead", f"lead, {unit}")
    _distribution(axes[0, 1], series["mase"], drawn)
    named(axes[0, 1], "MASE of each series", "MASE (log scale)", "share of series at or below it")
    for name in covered:
        _by_lead(axes[0, 2], numbers, 100 * lead[name], drawn)
        axes[0, 2].axhline(float(name.removeprefix("coverage_")), color=INK, lw=0.8, zorder=1)
    if covered:
        promised = " and ".join(name.removeprefix("coverage_") for name in covered)
        named(axes[0, 2], f"Coverage of the {promised} % intervals", f"lead, {unit}", "% of observations")
    return figure


def _by_lead(panel: Axes, numbers: np.ndarray, scores: xr.DataArray, drawn: Looks) -> None:
    """Draw a line of each forecaster over the leads."""
    for name, look in drawn.items():
        panel.plot(numbers, scores.sel(forecaster=name).values, clip_on=False, **look)
    panel.set_xlim(numbers[0], numbers[-1] if len(numbers) > 1 else numbers[0] + 1)
    panel.xaxis.set_major_locator(MaxNLocator(8, integer=True))


def _distribution(panel: Axes, mase: xr.DataArray, drawn: Looks) -> None:
    """Draw which share of the series has a score at or below each value."""
    shares = np.linspace(0, 1, POINTS)
    every = mase.values[np.isfinite(mase.values) & (mase.values > 0)]
    for name, look in drawn.items():
        own = mase.sel(forecaster=name).values
        own = own[np.isfinite(own)]
        if own.size:
            panel.plot(np.quantile(own, shares), shares, label=name, **look)
    panel.set_xscale("log")
    if every.size and np.ptp(every) > 0:
        panel.set_xlim(*np.quantile(every, ENDS))
    panel.set_ylim(0, 1)
    panel.axvline(1, color=INK, lw=0.8, zorder=1)
    panel.legend(frameon=False, loc="lower right", fontsize="small")
