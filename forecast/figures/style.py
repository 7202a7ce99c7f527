"""One look for all figures: a sheet with room for its words, quiet axes, colours that a colour-blind reader can part.

Colours: Okabe & Ito (2008), Color Universal Design. Sizes are inches and points.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from forecast import units
from forecast.axes import PERIODS, label
from forecast.schema import shift_time

INK, QUIET, GRID, EMPTY = "#1f1f1f", "#6b6b6b", "#e4e4e4", "#ededed"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A5195", "#8C6D1F")
DASHES = ("--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)), (0, (8, 3)), (0, (3, 1)))
TITLE, LABEL, SMALL = 12.0, 9.5, 8.5

# Dates by the finest part that a tick shows (year, month, day, hour, minute, second), and where that part is at zero.
FORMATS = ["%Y", "%b", "%d %b", "%H:%M", "%H:%M", "%S"]
ZEROS = ["%Y", "%Y", "%d %b", "%d %b", "%H:%M", "%H:%M"]


def sheet(
    rows: int,
    columns: int,
    size: tuple[float, float],
    title: str,
    note: str = "",
    layout: Literal["constrained", "compressed"] = "constrained",
    **grid: Any,
) -> tuple[Figure, np.ndarray]:
    """Return a figure with ``rows`` x ``columns`` axes, its title at the top left and a note at the bottom left.

    Args:
        rows: rows of axes.
        columns: columns of axes.
        size: width and height, inches.
        title: what is shown, of what, with which unit.
        note: how to read it; "" for none.
        layout: "compressed" for maps, whose axes have a shape of their own.
        grid: further arguments of ``Figure.subplots``.
    """
    figure = Figure(figsize=size, layout=layout, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False, **grid)
    figure.suptitle(title, x=0.008, ha="left", fontsize=TITLE, fontweight="bold", color=INK)
    if note:
        figure.supxlabel(note, x=0.008, ha="left", fontsize=SMALL, color=QUIET)
    for one in axes.flat:
        tidy(one)
    return figure, axes


def tidy(axes: Axes) -> None:
    """Take away what carries no information: the box, the tick marks, all but a faint horizontal grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#b5b5b5")
    axes.tick_params(which="both", colors=QUIET, labelsize=SMALL, length=0, pad=4)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)


def named(axes: Axes, title: str = "", x: str = "", y: str = "") -> None:
    """Write an axes' own title (top left) and what its ``x`` and ``y`` are, with units; "" leaves each as it is."""
    if title:
        axes.set_title(title, loc="left", fontsize=LABEL, color=INK)
    if x:
        axes.set_xlabel(x, fontsize=LABEL, color=QUIET)
    if y:
        axes.set_ylabel(y, fontsize=LABEL, color=QUIET)


def lines(names: Sequence[str], baselines: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """Return how each name is drawn: models in colour and solid, baselines grey, told apart by their dashes."""
    models = [name for name in names if name not in baselines]
    rest = [name for name in names if name in baselines]
    drawn = {name: {"color": COLOURS[at % len(COLOURS)], "lw": 1.9} for at, name in enumerate(models)}
    return drawn | {name: {"color": QUIET, "lw": 1.3, "ls": DASHES[at % len(DASHES)]} for at, name in enumerate(rest)}


def label_ends(axes: Axes, ends: dict[str, tuple[float, str]], gap: float = 0.055) -> None:
    """Write names at the right edge, each at the height where its line ends, pushed apart where they would overlap.

    Args:
        axes: with its limits final.
        ends: name -> (last y value, in data; colour).
        gap: smallest distance of two names, as a share of the axes' height.
    """
    to_share = axes.transData + axes.transAxes.inverted()
    left = axes.get_xlim()[0]
    known = {name: end for name, end in ends.items() if np.isfinite(end[0])}
    order = sorted(known, key=lambda name: known[name][0])
    wanted = np.array([np.clip(to_share.transform((left, known[name][0]))[1], 0, 1) for name in order])
    for name, height in zip(order, apart(wanted, gap), strict=True):
        axes.text(1.02, height, name, transform=axes.transAxes, va="center", fontsize=SMALL, color=known[name][1])


def apart(heights: np.ndarray, gap: float) -> np.ndarray:
    """Return ascending heights moved as little as groups allow, so that neighbours are at least ``gap`` apart."""
    groups = [[float(height)] for height in heights]
    merged = True
    while merged:
        merged = False
        for at in range(len(groups) - 1):
            low, high = groups[at], groups[at + 1]
            top = np.mean(low) + gap * (len(low) - 1) / 2
            bottom = np.mean(high) - gap * (len(high) - 1) / 2
            if bottom - top < gap - 1e-12:
                groups[at : at + 2] = [low + high]
                merged = True
                break
    return np.array([np.mean(one) + gap * (at - (len(one) - 1) / 2) for one in groups for at in range(len(one))])


def readable(data: xr.DataArray) -> tuple[xr.DataArray, str]:
    """Return data in the unit that people read (Pa becomes hPa), other attributes kept, and that unit's symbol."""
    symbol, factor = units.readable(str(data.attrs.get("units", "")))
    return (data if factor == 1 else data * factor).assign_attrs(data.attrs | {"units": symbol}), symbol


def quantity(data: xr.DataArray, symbol: str) -> str:
    """Return what an array holds and its unit, such as "Sea-level pressure, hPa"."""
    what = str(data.attrs.get("long_name") or data.name or "value").replace("_", " ")
    what = what[:1].upper() + what[1:]
    return f"{what}, {symbol}" if symbol else what


def lead_numbers(lead: xr.DataArray) -> tuple[np.ndarray, str]:
    """Return leads as numbers and their unit: days where all are whole days, else hours."""
    values = np.asarray(lead.values, "timedelta64[ns]")
    day, hour = np.timedelta64(1, "D"), np.timedelta64(1, "h")
    whole = bool((values % day == np.timedelta64(0)).all())
    return values / (day if whole else hour), "days" if whole else "hours"


def lead_names(lead: xr.DataArray) -> list[str]:
    """Return a name of each lead, such as "1 day", "3 days", "6 hours"."""
    numbers, unit = lead_numbers(lead)
    return [f"{number:g} {unit[:-1] if number == 1 else unit}" for number in numbers]


def some(count: int, most: int) -> list[int]:
    """Return at most ``most`` places among ``count``, evenly spread, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int)).tolist()


def time_axis(axes: Axes, times: np.ndarray, origin: Any, axis: str = "") -> np.ndarray:
    """Return times that the axis can draw, and dress it: dates, or days since ``origin`` in other calendars.

    Where the data's steps have a name (``axis``, see forecast/axes.py), they count from ``origin``, called so.
    """
    values = np.asarray(times)
    if axis:
        step = timedelta(days=PERIODS[axis])
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.xaxis.set_major_formatter(
            lambda steps, _: label(shift_time(np.array([origin]), round(steps) * step)[0], axis)
        )
        return np.array([pd.Timedelta(time - origin) / step for time in values])
    if np.issubdtype(values.dtype, np.datetime64):
        locator = AutoDateLocator(minticks=3, maxticks=8)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(
            ConciseDateFormatter(locator, formats=FORMATS, zero_formats=ZEROS, show_offset=False)
        )
        return values
    axes.set_xlabel(f"days since {origin:%Y-%m-%d} ({origin.calendar} calendar)", fontsize=LABEL, color=QUIET)
    return np.array([(time - origin).total_seconds() / 86400 for time in values])


def stamp(time: Any, axis: str = "") -> str:
    """Return a time as people write it: the date, and the hour where there is one; or its step's name."""
    if axis:
        return label(time, axis)
    text = str(time.astype("datetime64[m]")) if isinstance(time, np.datetime64) else f"{time:%Y-%m-%dT%H:%M}"
    return text.replace("T00:00", "").replace("T", " ")


def east(degrees: float) -> str:
    """Return a longitude as people write it: 20°W, 0°, 160°E."""
    degrees = (degrees + 180) % 360 - 180
    side = "" if degrees in (0, -180) else "E" if degrees > 0 else "W"
    return f"{abs(degrees):g}°{side}"


def north(degrees: float) -> str:
    """Return a latitude as people write it: 30°S, 0°, 60°N."""
    return f"{abs(degrees):g}°{'' if degrees == 0 else 'N' if degrees > 0 else 'S'}"
