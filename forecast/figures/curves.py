"""Curves of a study: what every network's seeds did along an axis, over the truth, one row a network."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from forecast.figures.style import COLOURS, INK, LABEL, named, quantity, sheet


def curves(study: xr.Dataset) -> Figure:
    """Draw every seed of every network, over the truth where there is one.

    Args:
        study: ``curve`` (network, seed, point); ``truth`` (point) or (network, point), if known; the coordinates
            ``at`` (point), where a point lies, and, if the axis is drawn in pieces, ``window`` (point), the name of the
            piece. Attributes: title; of curve and at: long_name, units; of curve, if wanted, valid_min and valid_max,
            the limits of the axis, and log, which makes it a log axis.
    """
    networks, seeds = [str(name) for name in study["network"].values], study.sizes["seed"]
    at = study["at"].values
    window = study["window"].values if "window" in study.coords else np.full(len(at), "")
    pieces = list(dict.fromkeys(window.tolist()))
    note = f"colour: {seeds} seeds" + ("; black: the truth" if "truth" in study else "")
    size = (4.6 * len(pieces) + 1.5, 0.95 * len(networks) + 1.4)
    figure, axes = sheet(len(networks), len(pieces), size, str(study.attrs["title"]), note, sharex="col", sharey=True)
    limits = [study["curve"].attrs.get(name) for name in ("valid_min", "valid_max")]
    for row, network in enumerate(networks):
        one = study.sel(network=network)
        lines = one["curve"].transpose("point", "seed").values
        for column, piece in enumerate(pieces):
            panel, part = axes[row, column], window == piece
            if "truth" in one:
                panel.plot(at[part], one["truth"].values[part], color=INK, lw=1.0)
            panel.plot(
                at[part], lines[part], color=COLOURS[row % len(COLOURS)], lw=1.4, alpha=max(0.3, 0.9 / seeds**0.5)
            )
            panel.margins(x=0)
            named(
                panel,
                piece if row == 0 else "",
                quantity(study["at"], study["at"].attrs["units"]) if row == len(networks) - 1 else "",
            )
        axes[row, 0].set_ylabel(network, fontsize=LABEL, color=INK, rotation=0, ha="right", va="center", labelpad=10)
    if study["curve"].attrs.get("log"):
        axes[0, 0].set_yscale("log")
    axes[0, 0].set_ylim(*limits)
    return figure
