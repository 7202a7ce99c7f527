"""Small maps side by side: a row a forecaster, a column a time, one scale for all."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from forecast.figures.style import INK, LABEL, QUIET, SMALL, quantity, sheet

CELL = 1.25  # inches


def frames(pictures: xr.Dataset) -> Figure:
    """Draw frames.

    Args:
        pictures: ``picture`` (row, frame, y, x), the first row of y at the top, with coordinates ``row`` and ``frame``
            (names) and the attributes long_name, units, valid_min, valid_max; attribute title.
    """
    shown = pictures["picture"]
    rows, columns = shown.sizes["row"], shown.sizes["frame"]
    size = (CELL * columns + 2.2, CELL * rows + 1.0)
    figure, axes = sheet(rows, columns, size, str(pictures.attrs["title"]), "", sharex=True, sharey=True)
    limits = {"vmin": shown.attrs["valid_min"], "vmax": shown.attrs["valid_max"]}
    for row, column in np.ndindex(rows, columns):
        panel: Any = axes[row, column]
        panel.grid(False)
        image = panel.imshow(shown.values[row, column], cmap="Greys", interpolation="nearest", **limits)
        panel.set_xticks([])
        panel.set_yticks([])
        if row == 0:
            panel.set_title(str(pictures["frame"].values[column]), fontsize=LABEL, color=QUIET)
    for row, name in enumerate(pictures["row"].values):
        axes[row, 0].set_ylabel(str(name), fontsize=LABEL, color=INK, rotation=0, ha="right", va="center", labelpad=10)
    bar = figure.colorbar(image, ax=axes, aspect=30, pad=0.02, shrink=0.8)
    bar.set_label(quantity(shown, shown.attrs["units"]), fontsize=LABEL, color=QUIET)
    bar.ax.tick_params(labelsize=SMALL, colors=QUIET, length=0)
    bar.outline.set_visible(False)
    return figure
