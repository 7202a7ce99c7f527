"""The doctor's sheet: how far back the gradient reaches, how gates stand, how long units remember, how weights move."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from forecast.figures.style import COLOURS, QUIET, SMALL, label_ends, lines, named, sheet

FLOOR = 1e-6  # of the gradient at lag 0: below, nothing is learned
LOWEST = 1e-12  # drawn of the gradient
HEALTHY = (1e-4, 3e-2)  # of updates over weights, as diagnosis/advice.py has it
LINES, WRAP = 5, 165  # of advice below the panels, and letters a line
LEGEND: dict[str, Any] = {"frameon": False, "fontsize": SMALL, "labelcolor": "linecolor", "handlelength": 1.2}
LONGEST = 1e4  # steps: a half-life above is drawn there


def doctor_sheet(
    title: str,
    gradient: Sequence[float],
    *,
    by: str = "state",
    k2: int | None = None,
    gates: Mapping[str, Sequence[float]] | None = None,
    half_lives: Mapping[str, Sequence[float]] | None = None,
    updates: Mapping[str, Sequence[float]] | None = None,
    advice: Sequence[str] = (),
) -> Figure:
    """Draw one model's findings; a panel without any says so.

    Args:
        title: whose they are.
        gradient: norm by lag, relative to lag 0.
        by: what it is taken by, "state" or "inputs".
        k2: where training cuts the gradient, steps; None: not known.
        gates: name -> shares of its values in equal parts of [0, 1].
        half_lives: gate that keeps the memory -> half-life of each unit, steps.
        updates: layer -> update over weight, an epoch each.
        advice: sentences below the panels.
    """
    said = [line for sentence in advice for line in textwrap.wrap(sentence, WRAP, subsequent_indent="   ")]
    note = "\n".join([*said[:LINES], *(["..."] if len(said) > LINES else [])])
    figure, axes = sheet(2, 2, (12.5, 7.4 + 0.16 * len(said[:LINES])), title, note)
    _gradient(axes[0, 0], np.asarray(gradient, dtype=float), by, k2)
    _gates(axes[0, 1], gates or {})
    _half_lives(axes[1, 0], half_lives or {}, lines(list(gates or half_lives or {})), k2)
    _updates(axes[1, 1], updates or {})
    return figure


def _gradient(panel: Axes, gradient: np.ndarray, by: str, k2: int | None) -> None:
    of = "the state" if by == "state" else "the inputs"
    named(panel, f"gradient of the last step's loss by {of}, relative to lag 0")
    if not np.isfinite(gradient).any():
        _empty(panel, "no gradient")
        return
    named(panel, x="lag, steps", y="log axis")
    panel.plot(np.arange(len(gradient)), np.clip(gradient, LOWEST, None), **lines(["gradient"])["gradient"])
    panel.set_yscale("log")
    panel.set_xlim(0, max(1, len(gradient) - 1))
    low, high = np.nanmin(gradient), np.nanmax(gradient)
    panel.set_ylim(max(LOWEST, min(low / 2, 0.08)), max(2 * high, 2))
    panel.yaxis.set_minor_formatter(NullFormatter())
    if low < FLOOR:
        panel.axhline(FLOOR, color=QUIET, lw=1.0, ls=":")
        panel.text(0.01, FLOOR, "too little to learn by", transform=panel.get_yaxis_transform(), va="top", **_small())
    _mark_k2(panel, k2 if k2 is not None and k2 < len(gradient) else None)


def _gates(panel: Axes, gates: Mapping[str, Sequence[float]]) -> None:
    named(panel, "values of the gates, share of each twentieth")
    if not gates:
        _empty(panel, "no gates")
        return
    named(panel, x="value; shaded: saturated")
    panel.set_xlim(0, 1)
    for first, last in ((0, 0.1), (0.9, 1)):
        panel.axvspan(first, last, color=QUIET, alpha=0.1, lw=0)
    drawn = lines(list(gates))
    for name, shares in gates.items():
        edges = np.linspace(0, 1, len(shares) + 1)
        panel.stairs(shares, edges, color=drawn[name]["color"], lw=1.6, label=name)
    panel.set_ylim(bottom=0)
    panel.legend(loc="upper left", bbox_to_anchor=(1, 1), **LEGEND)


def _half_lives(
    panel: Axes, half_lives: Mapping[str, Sequence[float]], drawn: Mapping[str, Any], k2: int | None
) -> None:
    named(panel, "half-life of the memory, unit by unit in ascending order")
    if not half_lives:
        _empty(panel, "no gate that keeps the memory")
        return
    named(panel, x="share of units", y="steps, log axis")
    for name, lives in half_lives.items():
        values = np.clip(np.sort(np.asarray(lives, dtype=float)), 1e-2, LONGEST)
        panel.plot((np.arange(len(values)) + 0.5) / len(values), values, ".-", ms=4, label=name, **drawn[name])
    panel.set_yscale("log")
    panel.set_xlim(0, 1)
    panel.set_ylim(top=4 * max(panel.get_ylim()[1], k2 or 0))  # room for the names
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
    panel.yaxis.set_major_formatter("{x:g}")
    panel.yaxis.set_minor_formatter(NullFormatter())
    panel.legend(loc="upper left", **LEGEND)
    if k2 is not None:
        panel.axhline(k2, color=QUIET, lw=1.0, ls="--")
        panel.text(0.99, k2, f"k2 = {k2}", transform=panel.get_yaxis_transform(), ha="right", va="bottom", **_small())


def _updates(panel: Axes, updates: Mapping[str, Sequence[float]]) -> None:
    named(panel, "size of an update over that of the weights, by layer")
    known = {name: np.asarray(curve, dtype=float) for name, curve in updates.items()}
    known = {name: curve for name, curve in known.items() if (curve > 0).any()}
    if not known:
        _empty(panel, "no training is remembered")
        return
    named(panel, x="epoch; shaded: healthy", y="log axis")
    drawn, ends = lines(list(known)), {}
    for place, (name, curve) in enumerate(known.items()):
        dashes, sizes = "--" if place >= len(COLOURS) else "-", np.where(curve > 0, curve, np.nan)
        panel.plot(np.arange(1, len(curve) + 1), sizes, marker=".", ms=4, ls=dashes, **drawn[name])
        ends[name] = (float(curve[curve > 0][-1]), drawn[name]["color"])
    panel.axhspan(*HEALTHY, color="#009E73", alpha=0.08, lw=0)
    panel.set_yscale("log")
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panel.yaxis.set_minor_formatter(NullFormatter())
    label_ends(panel, ends)


def _mark_k2(panel: Axes, k2: int | None) -> None:
    if k2 is not None:
        panel.axvline(k2, color=QUIET, lw=1.0, ls="--")
        place, transform = (k2, 0.97), panel.get_xaxis_transform()
        panel.annotate(f"k2 = {k2}", place, (4, 0), transform, "offset points", va="top", **_small())


def _empty(panel: Axes, why: str) -> None:
    panel.set(xticks=[], yticks=[])
    panel.spines[:].set_visible(False)
    panel.text(0.5, 0.5, why, transform=panel.transAxes, ha="center", va="center", **_small())


def _small() -> dict[str, Any]:
    return {"fontsize": SMALL, "color": QUIET}
