"""Fields on the map: forecast, truth and error by lead, and the skill of each cell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from forecast.errors import ForecastError
from forecast.figures.style import (
    EMPTY,
    INK,
    LABEL,
    QUIET,
    SMALL,
    east,
    lead_names,
    named,
    north,
    quantity,
    readable,
    sheet,
    some,
    stamp,
)
from forecast.schema import LAT, LEAD, LON, REFERENCE, SERIES, TIME, space_dims, valid_times

PANEL = 2.35  # width of one map, inches


def maps(issue: xr.Dataset, observed: xr.DataArray | None = None, *, variable: str, most: int = 5) -> Figure:
    """Draw the forecast maps of one issue by lead; below them, where observed, the truth and the error.

    Args:
        issue: forecast Dataset on a map; its last reference time is drawn.
        observed: (time, lat, lon), in the units of the forecast, or None.
        variable: the target's name.
        most: how many leads at most, spread evenly from the first to the last.

    Raises:
        ForecastError: the forecast is not on a map.
    """
    field = _on_map(issue[variable]).isel({REFERENCE: -1})
    field = field.isel({LEAD: some(field.sizes[LEAD], most)})
    reference = field[REFERENCE].values[()]
    times = valid_times(np.array([reference]), field[LEAD].values)[0]
    shown, symbol = readable(field)
    rows = {"forecast": shown}
    if observed is not None and np.isin(times, observed[TIME].values).any():
        met = observed.reindex({TIME: times}).rename({TIME: LEAD}).assign_coords({LEAD: field[LEAD]})
        rows["observed"], _ = readable(met.assign_attrs(units=field.attrs.get("units", "")))
    title = f"{quantity(shown, symbol)}: forecast from {stamp(reference)}"
    values = np.concatenate([row.values.ravel() for row in rows.values()])
    ticks = MaxNLocator(12).tick_values(np.nanmin(values), np.nanmax(values))
    note = f"white lines: every {ticks[1] - ticks[0]:g} {symbol}"
    figure, axes = _panels(shown, 3 if len(rows) == 2 else 1, title, note)
    for line, (name, row) in zip(axes, rows.items(), strict=False):
        drawn = [_field(panel, row.isel({LEAD: at}), "viridis", ticks, lines=True) for at, panel in enumerate(line)]
        _side(line[0], name)
    _bar(figure, drawn[0], axes[: len(rows)], symbol, "neither")
    if len(rows) == 2:
        _errors(figure, axes[2], rows["forecast"] - rows["observed"], symbol)
    for panel, lead, time in zip(axes[0], lead_names(field[LEAD]), times, strict=True):
        named(panel, f"{lead}: {stamp(time)}")
    return figure


def skill_map(
    cells: xr.Dataset, *, forecaster: str, baseline: str, found: xr.DataArray | None = None, most: int = 5
) -> Figure:
    """Draw the mean-square skill of a forecaster against a baseline in each cell, by lead; blue is better.

    Args:
        cells: ``verification.cells``: rmse (forecaster, lead, lat, lon).
        forecaster: whose skill.
        baseline: against whom; also a forecaster of ``cells``.
        found: (lead, *space), where the two differ, such as ``verification.discoveries``: dotted; None draws no dots.
        most: how many leads at most, spread evenly from the first to the last.

    Raises:
        ForecastError: the scores are not on a map, or do not hold a forecaster of that name.
    """
    known = [str(name) for name in cells["forecaster"].values]
    if not {forecaster, baseline} <= set(known):
        expected = f"forecasters among {', '.join(known)}"
        raise ForecastError(expected, f"{forecaster} and {baseline}", "choose names from this list")
    squares = _on_map(cells["rmse"]) ** 2
    theirs = squares.sel(forecaster=baseline, drop=True)
    skill = 1 - squares.sel(forecaster=forecaster, drop=True) / theirs.where(theirs > 0)
    shown = some(skill.sizes[LEAD], most)
    skill = skill.isel({LEAD: shown})
    title = f"Skill of {forecaster} against {baseline} in each cell"
    note = f"1 - MSE / MSE of {baseline}: blue is better than {baseline}, red is worse, white the same"
    if found is not None:
        rate = 100 * found.attrs["false_discovery_rate"]
        note += (
            f"\ndots: the two differ (Diebold-Mariano, at most {rate:g} % of the dots by chance: Benjamini-Hochberg)"
        )
    figure, axes = _panels(skill, 1, title, note)
    size = min(1.0, max(0.1, float(np.nanquantile(np.abs(skill), 0.995))))
    size = np.ceil(size * 10) / 10
    for at, (panel, lead) in enumerate(zip(axes[0], lead_names(skill[LEAD]), strict=True)):
        drawn = _field(panel, skill.isel({LEAD: at}), "RdBu", (-size, size))
        if found is not None:
            _dots(panel, found.isel({LEAD: shown[at]}))
        named(panel, lead)
    _bar(figure, drawn, axes[0], "skill", "both")
    return figure


def _on_map(data: xr.DataArray) -> xr.DataArray:
    if SERIES in data.dims or not {LAT, LON} <= set(data.coords):
        raise ForecastError("a field on a map (lat, lon)", f"{data.dims}", "draw series with series_fan")
    return data


def _panels(field: xr.DataArray, rows: int, title: str, note: str = "") -> tuple[Figure, np.ndarray]:
    """Return a figure with a row of maps for each quantity, as wide and tall as the domain asks for."""
    columns = field.sizes[LEAD]
    lat, lon = field[LAT].values, _seamless(field)
    stretch = 1 / max(np.cos(np.deg2rad(lat.mean())), 0.2)
    height = float(np.clip(PANEL * stretch * np.ptp(lat) / max(np.ptp(lon), 1e-6), 0.4 * PANEL, 1.6 * PANEL))
    size = (max((PANEL + 0.1) * columns + 1.3, 5.0), (height + 0.12) * rows + (1.1 if note else 0.85))
    figure, axes = sheet(rows, columns, size, title, note, layout="compressed", sharex=True, sharey=True)
    for panel in axes.flat:
        panel.set_aspect(stretch)
        panel.set_facecolor(EMPTY)
        panel.grid(False)
        panel.spines[:].set_visible(False)
        panel.xaxis.set_major_formatter(FuncFormatter(lambda degrees, _: east(degrees)))
        panel.yaxis.set_major_formatter(FuncFormatter(lambda degrees, _: north(degrees)))
        panel.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 1.5, 2, 3, 4.5, 5, 9, 10]))
        panel.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 1.5, 2, 3, 4.5, 5, 10]))
    return figure, axes


def _field(panel: Axes, field: xr.DataArray, colours: str, levels: Sequence[float], *, lines: bool = False) -> QuadMesh:
    """Draw cells as they are, coloured from the first level to the last, with lines of equal value where asked."""
    lon, lat = _seamless(field), field[LAT].values
    values = np.ma.masked_invalid(field.transpose(*space_dims(field)).values)
    mesh = panel.pcolormesh(lon, lat, values, shading="nearest", rasterized=True, cmap=colours)
    mesh.set_clim(levels[0], levels[-1])
    if lines and min(values.shape) > 1 and values.count():
        panel.contour(lon, lat, values, levels, colors="white", linewidths=0.5, alpha=0.75)
    return mesh


def _dots(panel: Axes, found: xr.DataArray) -> None:
    """Dot the cells where something was found, on large grids some evenly spread rows and columns of them."""
    every = {dim: slice(None, None, -(-size // 45)) for dim, size in found.sizes.items()}
    part = found.isel(every)
    here, lat, lon = (one.values for one in xr.broadcast(part, part[LAT], part[LON]))
    panel.plot(lon[here], lat[here], ".", ms=2.2, mew=0, color=INK)


def _seamless(field: xr.DataArray) -> np.ndarray:
    """Return longitudes without a seam: those of a projected grid counted on from its middle cell."""
    lon = field[LON].values
    if lon.ndim == 1:
        return np.asarray(lon)
    middle = lon[lon.shape[0] // 2, lon.shape[1] // 2]
    return np.asarray((lon - middle + 180) % 360 - 180 + middle)


def _errors(figure: Figure, line: np.ndarray, error: xr.DataArray, symbol: str) -> None:
    size = float(np.nanquantile(np.abs(error), 0.995))
    drawn = [_field(panel, error.isel({LEAD: at}), "RdBu_r", (-size, size)) for at, panel in enumerate(line)]
    _bar(figure, drawn[0], line, symbol, "both")
    _side(line[0], "forecast − observed")


def _bar(figure: Figure, drawn: QuadMesh, panels: np.ndarray, symbol: str, extend: str) -> None:
    bar = figure.colorbar(
        drawn,
        ax=panels.ravel().tolist(),
        pad=0.012,
        fraction=0.05,
        aspect=14 if panels.ndim == 1 else 14 * len(panels),
        extend=extend,
    )
    bar.outline.set_visible(False)
    bar.set_label(symbol, fontsize=LABEL, color=QUIET)
    bar.ax.tick_params(labelsize=SMALL, colors=QUIET, length=0)


def _side(panel: Axes, name: str) -> None:
    panel.set_ylabel(name, fontsize=LABEL, color=INK)
