"""Is the distribution what happens: ranks among the members, frequencies of the quantiles, error against spread."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from forecast.figures.style import COLOURS, INK, QUIET, lead_names, named, readable, sheet, some
from forecast.schema import LEAD, QUANTILE

MOST = 4  # leads drawn


def rank_histogram(ranks: xr.DataArray, *, levels: np.ndarray | None = None, title: str = "") -> Figure:
    """Draw how often the observation fell between which members, beside what a reliable ensemble shows: 1 everywhere.

    Args:
        ranks: (lead, rank), ``verification.rank_histogram``.
        levels: what share of the distribution each member stands above, ascending; None: drawn at random, i / (M + 1).
        title: of the figure; "" says what is drawn.
    """
    count = ranks.sizes["rank"] - 1
    inner = np.arange(1, count + 1) / (count + 1) if levels is None else np.asarray(levels)
    edges = np.concatenate([[0.0], inner, [1.0]])
    places = some(ranks.sizes[LEAD], MOST)
    note = (
        "bars: share of observations between two members, over the share of the distribution between them\n"
        "1 everywhere: reliable; high ends: too narrow; a hump: too wide; a slope: biased"
    )
    heading = title or "Where among the members the observation fell"
    figure, axes = sheet(1, len(places), (3.0 * len(places) + 0.8, 3.4), heading, note, sharey=True)
    for panel, place, name in zip(axes[0], places, np.array(lead_names(ranks[LEAD]))[places], strict=True):
        height = ranks.isel({LEAD: place}).values / np.diff(edges)
        panel.bar(edges[:-1], height, np.diff(edges), align="edge", color=COLOURS[0], edgecolor="white", lw=0.6)
        panel.axhline(1, color=INK, lw=0.9)
        panel.set_xlim(0, 1)
        named(panel, str(name), "share of the distribution below")
    named(axes[0, 0], y="frequency over expected")
    return figure


def quantile_reliability(frequency: xr.DataArray, *, title: str = "") -> Figure:
    """Draw how often observations lay at or below each quantile against the quantile's level; reliable: the diagonal.

    Args:
        frequency: (lead, quantile), ``verification.quantile_frequency``.
        title: of the figure; "" says what is drawn.
    """
    note = "above the diagonal: the quantile is too high; below: too low"
    figure, axes = sheet(1, 1, (5.2, 5.0), title or "Observations below the quantiles", note)
    panel, places = axes[0, 0], some(frequency.sizes[LEAD], MOST)
    panel.plot([0, 1], [0, 1], color=QUIET, lw=1, ls="--")
    for at, (place, name) in enumerate(zip(places, np.array(lead_names(frequency[LEAD]))[places], strict=True)):
        row = frequency.isel({LEAD: place})
        panel.plot(row[QUANTILE], row, marker="o", ms=4, lw=1.4, color=COLOURS[at], label=str(name))
    panel.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    panel.legend(frameon=False, loc="upper left", fontsize="small")
    named(panel, "", "level of the quantile", "share of observations at or below it")
    return figure


def spread_skill(found: xr.Dataset, *, title: str = "") -> Figure:
    """Draw the error of the members' mean against their spread, class by class; a reliable ensemble: the diagonal.

    Args:
        found: (lead, bin) ``spread`` and ``error``, ``verification.spread_skill``; their attribute ``units`` is named.
        title: of the figure; "" says what is drawn.
    """
    note = "dots: classes of as many pairs each, by spread\nabove the diagonal: the members are too close together"
    figure, axes = sheet(1, 1, (5.2, 5.2), title or "Error of the members' mean by spread", note)
    panel, places = axes[0, 0], some(found.sizes[LEAD], MOST)
    spread, symbol = readable(found["spread"])
    error, _ = readable(found["error"])
    top = 1.05 * float(np.nanmax([spread.max(), error.max()]))
    panel.plot([0, top], [0, top], color=QUIET, lw=1, ls="--")
    for at, (place, name) in enumerate(zip(places, np.array(lead_names(found[LEAD]))[places], strict=True)):
        panel.plot(spread[place], error[place], marker="o", ms=4, lw=1.4, color=COLOURS[at], label=str(name))
    panel.set(xlim=(0, top), ylim=(0, top), aspect="equal")
    panel.legend(frameon=False, loc="upper left", fontsize="small")
    unit = f", {symbol}" if symbol else ""
    named(panel, "", f"spread of the members{unit}", f"root mean square error of their mean{unit}")
    return figure
