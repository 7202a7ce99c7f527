"""One place through time: what was observed, what was forecast with its interval, what a baseline said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from forecast.axes import AXIS
from forecast.figures.style import (
    COLOURS,
    INK,
    QUIET,
    east,
    label_ends,
    north,
    quantity,
    readable,
    sheet,
    stamp,
    time_axis,
)
from forecast.schema import BASELINE, LAT, LEAD, LON, QUANTILE, REFERENCE, TIME, X, Y, valid_times
from forecast.sphere import distance


def series_fan(
    issue: xr.Dataset,
    observed: xr.DataArray,
    *,
    variable: str,
    place: Mapping[str, Any],
    baseline: str | None = None,
    history: int | None = None,
) -> Figure:
    """Draw one issue's forecast at one place with its quantiles, the observations before and after, and a baseline.

    Args:
        issue: forecast Dataset; its last reference time is drawn.
        observed: (time, *space), in the units of the forecast; what is known of the leads is drawn too.
        variable: the target's name; ``VAR_quantile`` and ``VAR_baseline`` are drawn where they are.
        place: one place: {"series": name}, or {"lat": degrees, "lon": degrees}, the nearest cell (of a projected grid
            by great circle).
        baseline: name of the baseline to draw; None draws none.
        history: observed steps before the reference time; None takes twice the leads.
    """
    issue = issue.isel({REFERENCE: -1})
    reference = issue[REFERENCE].values[()]
    steps = str(issue.attrs.get(AXIS, ""))
    central, symbol = readable(_at(issue[variable], place))
    truth, _ = readable(_at(observed, place).assign_attrs(units=issue[variable].attrs.get("units", "")))
    title = f"{quantity(central, symbol)}: {_where(central, place)}, forecast from {stamp(reference, steps)}"
    figure, grid = sheet(1, 1, (9.5, 4.2), title, _note(issue, variable))
    axes = grid[0, 0]
    times = valid_times(np.array([reference]), issue[LEAD].values)[0]
    x = time_axis(axes, times, reference, steps)
    start = int((truth[TIME].values <= reference).sum()) - (history or 2 * len(times))
    truth = truth.isel({TIME: slice(max(start, 0), None)})
    truth = truth.isel({TIME: truth[TIME].values <= times[-1]})
    axes.plot(time_axis(axes, truth[TIME].values, reference, steps), truth.values, color=INK, lw=1.5, zorder=3)
    ends = {"forecast": (float(central[-1]), COLOURS[0])}
    if f"{variable}_quantile" in issue:
        bands, _ = readable(_at(issue[f"{variable}_quantile"], place))
        for low in range(bands.sizes[QUANTILE] // 2):
            pair = bands.isel({QUANTILE: [low, -1 - low]}).transpose(QUANTILE, LEAD).values
            axes.fill_between(x, *pair, color=COLOURS[0], alpha=0.16, lw=0)
    if baseline is not None:
        other, _ = readable(_at(issue[f"{variable}_baseline"].sel({BASELINE: baseline}), place))
        axes.plot(x, other.values, color=QUIET, ls="--", lw=1.3)
        ends[baseline] = (float(other[-1]), QUIET)
    axes.plot(x, central.values, color=COLOURS[0], lw=2, zorder=4)
    if truth.size and truth[TIME].values[-1] == times[-1]:
        ends["observed"] = (float(truth[-1]), INK)
    axes.axvline(time_axis(axes, np.array([reference]), reference, steps)[0], color="#b5b5b5", lw=1, zorder=1)
    axes.margins(x=0)
    label_ends(axes, ends)
    return figure


def _at(data: xr.DataArray, place: Mapping[str, Any]) -> xr.DataArray:
    if Y in data.dims:
        away = distance(data[LAT].values, data[LON].values, place[LAT], place[LON])
        row, column = np.unravel_index(int(away.argmin()), away.shape)
        return data.isel({Y: row, X: column})
    near = {dim: value for dim, value in place.items() if dim in (LAT, LON)}
    exact = {dim: value for dim, value in place.items() if dim not in near}
    return (data.sel(near, method="nearest") if near else data).sel(exact)


def _where(data: xr.DataArray, place: Mapping[str, Any]) -> str:
    write = {LAT: north, LON: east}
    return " ".join(write[dim](float(data[dim])) if dim in write else str(value) for dim, value in place.items())


def _note(issue: xr.Dataset, variable: str) -> str:
    line = "black: observed; upright line: last observed step"
    if f"{variable}_quantile" not in issue:
        return line
    levels = issue[QUANTILE].values
    shares = [100 * (levels[-1 - low] - levels[low]) for low in range(len(levels) // 2)]
    return f"{line}; shaded: {' and '.join(f'{share:.0f} %' for share in reversed(shares))} interval"
