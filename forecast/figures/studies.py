"""A study at one look: every seed of every network as a dot, a box around them, one panel a setting.

Box: the quartiles; bar: the median, its value at the right. What networks stand beside (published or computed) has a
row of its own and a dashed line through all others.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, SymmetricalLogLocator

from forecast.figures.style import COLOURS, GRID, INK, QUIET, SMALL, named, sheet

COLUMNS = 3  # panels side by side at most
DECADES = 30.0  # values that spread over more than this factor are drawn on a log axis
WIDTH, ROW = 11.5, 0.36  # inches: of the figure, of a row
WRAP = 42  # letters of a row's name, and of the label of one panel among others, a line
AXES = {"log": ", log axis", "symlog": ", log axis that begins at 0"}


def study_boxes(table: pd.DataFrame, measures: Mapping[str, str], title: str = "") -> Figure:
    """Draw a study.

    Args:
        table: one row a training: network, setting, source ("" where it was trained here, else it is a reference), and
            the measures; a training that blew up (infinite) is a cross at the right edge.
        measures: name -> what it is; a panel shows the first that has values in its setting.
        title: of the figure.
    """
    table = table.assign(row=[_row_name(*pair) for pair in zip(table["network"], table["source"], strict=True)])
    trained = table["source"] == ""
    rows = list(dict.fromkeys([*table["row"][trained], *table["row"][~trained]]))
    settings = list(dict.fromkeys(table["setting"]))
    figure, axes = _sheet(rows, len(settings), title, dashed=bool((~trained).any()))
    first: dict[str, Axes] = {}
    for panel, setting in zip(axes.flat, settings, strict=False):
        here = table[table["setting"] == setting]
        measure = next((name for name in measures if here[name].notna().any()), next(iter(measures)))
        if first.setdefault(measure, panel) is not panel:
            panel.sharex(first[measure])
        _scale(panel, table[measure])
        panel.grid(False, axis="y")
        panel.grid(True, axis="x", color=GRID, linewidth=0.8)
        for row, own in here.groupby("row", sort=False):
            values = own[measure].dropna().to_numpy(float)
            if len(values):
                _draw(panel, values, rows.index(str(row)), bool(own["source"].iat[0]))
        letters = 2 * WRAP if len(settings) == 1 else WRAP
        named(panel, setting, x=textwrap.fill(measures[measure] + AXES.get(panel.get_xscale(), ""), letters))
    for panel in axes.flat[len(settings) :]:
        panel.set_visible(False)
    axes[0, 0].set_ylim(len(rows) - 0.4, -0.6)
    axes[0, 0].set_yticks(range(len(rows)), rows)
    return figure


def _sheet(rows: list[str], panels: int, title: str, dashed: bool) -> tuple[Figure, np.ndarray]:
    columns = min(COLUMNS, panels)
    lines = -(-panels // columns)
    heights = sum(ROW * (1 + 0.6 * row.count("\n")) for row in rows) + 0.9
    note = "box: quartiles; bar: median, its value at the right; dots: seeds"
    note += "; dashed: what they stand beside" if dashed else ""
    size = (WIDTH if columns > 1 else 0.7 * WIDTH, lines * heights + 0.8)
    return sheet(lines, columns, size, title, note, sharey=True)


def _row_name(network: str, source: str) -> str:
    return textwrap.fill(f"{network} ({source})" if source else network, WRAP)


def _scale(panel: Axes, values: pd.Series) -> None:
    """Choose the axis: linear; log where values spread over decades; linear near 0 where 0 is among them."""
    finite = values[np.isfinite(values)]
    positive = finite[finite > 0]
    spread = not positive.empty and (finite >= 0).all() and positive.max() > DECADES * positive.min()
    if spread and len(positive) == len(finite):
        panel.set_xscale("log")
        panel.xaxis.set_major_locator(LogLocator(numticks=6))
    elif spread:
        panel.set_xscale("symlog", linthresh=positive.min(), linscale=0.5)
        panel.xaxis.set_major_locator(SymmetricalLogLocator(base=10, linthresh=positive.min()))
        panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        panel.xaxis.set_major_locator(MaxNLocator(5))
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.use_sticky_edges = False


def _draw(panel: Axes, values: np.ndarray, row: int, reference: bool) -> None:
    if reference:
        panel.axvline(values[0], color=QUIET, lw=1.1, ls="--", zorder=1)
        panel.plot(values[0], row, "D", ms=4.5, color=QUIET)
    else:
        _box(panel, values, row, COLOURS[row % len(COLOURS)])
    said, place = f"{np.median(values):.2g}", panel.get_yaxis_transform()
    panel.text(1.03, row, said, transform=place, va="center", fontsize=SMALL, color=INK)


def _box(panel: Axes, values: np.ndarray, row: int, colour: str) -> None:
    finite = values[np.isfinite(values)]
    if len(finite):
        low, high = np.quantile(finite, [0.25, 0.75])
        panel.barh(row, high - low, left=low, height=0.56, color=colour, alpha=0.25, lw=0)
        panel.plot(finite, np.full(len(finite), row), "o", ms=4, color=colour, alpha=0.75, mew=0)
    middle = float(np.median(values))
    if np.isfinite(middle):
        panel.plot([middle, middle], [row - 0.28, row + 0.28], color=colour, lw=2.2, solid_capstyle="butt")
    if len(finite) < len(values):
        panel.plot(1, row, "x", color=colour, transform=panel.get_yaxis_transform(), clip_on=False)
