"""How good, how far ahead: every forecaster's error and skill by lead, beside the baselines."""

from __future__ import annotations

import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from forecast.errors import ForecastError
from forecast.figures.style import INK, label_ends, lead_numbers, lines, named, readable, sheet
from forecast.schema import BASELINE, LEAD


def skill_by_lead(table: xr.Dataset, *, baseline: str = "climatology", score: str = "rmse", title: str = "") -> Figure:
    """Draw a score of all forecasters by lead, and their skill against one baseline with its line at 0.

    Args:
        table: ``verification.table``: the score (forecaster, lead), skill (baseline, forecaster, lead); its baselines
            are drawn grey and dashed.
        baseline: whom skill is measured against.
        score: the score in the left panel.
        title: of the figure; "" says what is drawn.

    Raises:
        ForecastError: the table has no such baseline or score.
    """
    known = [str(name) for name in table[BASELINE].values]
    if baseline not in known or score not in table:
        expected = f"a baseline among {', '.join(known)} and a score of the table"
        raise ForecastError(expected, f"{baseline} and {score}", "choose names from the table")
    names = [str(name) for name in table["forecaster"].values]
    drawn = lines(names, known)
    left, symbol = readable(table[score])
    right = table["skill"].sel({BASELINE: baseline})
    what = score.upper() if score != "coverage" else score
    heading = title or f"{what} and skill by lead"
    notes = [f"{one}: {array.attrs['definition']}" for one, array in ((what, table[score]), ("skill", right))]
    figure, axes = sheet(1, 2, (10.5, 4.3), heading, "\n".join(notes), sharex=True)
    numbers, unit = lead_numbers(table[LEAD])
    for panel, values in zip(axes[0], (left, right), strict=True):
        for name in names:
            row = values.sel(forecaster=name).values
            panel.plot(numbers, row, marker="" if name in known else "o", ms=3.5, clip_on=False, **drawn[name])
        panel.set_xlim(numbers[0], numbers[-1] if len(numbers) > 1 else numbers[0] + 1)
        panel.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        label_ends(panel, {name: (float(values.sel(forecaster=name)[-1]), drawn[name]["color"]) for name in names})
    axes[0, 1].axhline(0, color=INK, lw=0.9, zorder=1)
    named(axes[0, 0], f"{what}, {symbol}" if symbol else what, f"lead, {unit}")
    named(axes[0, 1], f"skill against {baseline}", f"lead, {unit}")
    return figure
