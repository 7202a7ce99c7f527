"""The sine study: can a network run on by itself? Free-running trajectories, and the error of every seed."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from forecast.figures.style import COLOURS, GRID, INK, LABEL, named, sheet

WINDOW = 5  # periods drawn at either end


def sine_study(study: xr.Dataset) -> Figure:
    """Draw every seed's free run over the true sine, its first periods and its last, and the RMSE by horizon.

    Args:
        study: ``rmse`` (model, seed, horizon), ``trajectory`` (model, seed, step), ``truth`` (step), amplitude 1, and
            ``phase`` (step), periods since the last value shown.
    """
    models, seeds = [str(name) for name in study["model"].values], study.sizes["seed"]
    note = f"black: the sine; colour: {seeds} seeds; box: quartiles, bar: median, dots: seeds; RMSE of saying 0: 0.71"
    title, size = "A sine run freely: each output is the next input", (11.5, 1.0 * len(models) + 1.5)
    figure, axes = sheet(len(models), 3, size, title, note, sharex="col", width_ratios=[1.2, 1.2, 1])
    phase = study["phase"].values
    ends = {0: phase <= WINDOW, 1: phase > phase[-1] - WINDOW}
    for at, model in enumerate(models):
        colour = COLOURS[at % len(COLOURS)]
        for column, part in ends.items():
            panel = axes[at, column]
            panel.plot(phase[part], study["truth"].values[part], color=INK, lw=1.0)
            runs = study["trajectory"].sel(model=model).transpose("step", "seed").values
            panel.plot(phase[part], runs[part], color=colour, lw=1.4, alpha=max(0.3, 0.9 / seeds**0.5))
            panel.set(ylim=(-1.5, 1.5), yticks=[-1, 0, 1])
            panel.margins(x=0)
        axes[at, 0].set_ylabel(model, fontsize=LABEL, color=INK, rotation=0, ha="right", va="center", labelpad=10)
        _boxes(axes[at, 2], study["rmse"].sel(model=model), colour)
    for column, name in enumerate(("first periods", "last periods", "RMSE by horizon, in periods")):
        named(axes[0, column], name)
        named(axes[-1, column], x="RMSE, log axis" if column == 2 else "periods since the last value shown")
    return figure


def _boxes(panel: Axes, rmse: xr.DataArray, colour: str) -> None:
    """Draw a box and every seed's dot for each horizon, the nearest horizon on top."""
    panel.set_xscale("log")
    panel.grid(False, axis="y")
    panel.grid(True, axis="x", color=GRID, linewidth=0.8)
    horizons = rmse["horizon"].values
    for row, horizon in enumerate(horizons):
        values = rmse.sel(horizon=horizon).values
        values = values[np.isfinite(values)]
        if len(values):
            _box(panel, values, row, colour)
    panel.set_ylim(len(horizons) - 0.4, -0.6)
    panel.set_yticks(range(len(horizons)), [f"{horizon:g}" for horizon in horizons])
    panel.xaxis.set_major_locator(LogLocator(numticks=6))
    panel.xaxis.set_minor_formatter(NullFormatter())


def _box(panel: Axes, values: np.ndarray, row: int, colour: str) -> None:
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    panel.barh(row, high - low, left=low, height=0.56, color=colour, alpha=0.25, lw=0)
    panel.plot([middle, middle], [row - 0.28, row + 0.28], color=colour, lw=2.2, solid_capstyle="butt")
    panel.plot(values, np.full(len(values), row), "o", ms=3, color=colour, alpha=0.7, mew=0)
