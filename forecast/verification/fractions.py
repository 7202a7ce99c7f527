"""Fractions skill score: does an event cover as much of a neighbourhood as it should, wherever in it?

Ours, because ``scores.spatial.fss_2d`` knows neither areas, nor missing cells, nor a grid that closes the circle; where
all cells weigh alike and none is missing the two agree. Only whole windows count: none reaches over the domain's edge,
and on a periodic grid none has one in longitude.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import xarray as xr

from forecast import schema
from forecast.errors import ForecastError
from forecast.schema import LON
from forecast.verification.events import THRESHOLD, Event

WINDOW = "window"


def parts(
    forecast: xr.DataArray,
    met: xr.DataArray,
    chosen: Mapping[str, Event],
    windows: Iterable[int],
    weights: np.ndarray,
) -> Iterator[tuple[str, xr.DataArray]]:
    """Yield what each window adds to the score's difference and to its squares, NaN where it does not count.

    Args:
        forecast: (forecast_reference_time, lead, rows, columns).
        met: what was observed then.
        chosen: events by name.
        windows: widths in cells, odd.
        weights: area of each cell, shape (rows, columns): shares of a window are of its area.

    Raises:
        ForecastError: an even window, or one larger than the grid.

    FSS = 1 - sum (F - O)² / sum (F² + O²), F and O being the shares of a window's observed area in which the event was
    forecast and happened; sums over windows are weighted by the area of the centre.
    Source: Roberts & Lean (2008), Mon. Wea. Rev. 136, 78-97.
    """
    space = schema.space_dims(forecast)
    pair = (forecast.notnull() & met.notnull()).values
    periodic = LON in forecast.dims and schema.is_periodic(forecast[LON].values)
    for width in windows if chosen else ():
        if width < 1 or width % 2 == 0 or width > min(forecast.sizes[dim] for dim in space):
            expected = f"odd windows of at most {min(forecast.sizes[dim] for dim in space)} cells"
            raise ForecastError(expected, str(width), "mend [verification] windows")
        area = window_sums(weights * pair, width, periodic)
        for name, event in chosen.items():
            with np.errstate(invalid="ignore", divide="ignore"):
                said, was = (
                    window_sums(weights * (event.of(one).values & pair), width, periodic) / area
                    for one in (forecast, met)
                )
            counts = pair & np.isfinite(said)
            for part, values in (("fss_difference", (said - was) ** 2), ("fss_squares", said**2 + was**2)):
                array = forecast.copy(data=np.where(counts, values, np.nan))
                yield part, array.expand_dims({THRESHOLD: [name], WINDOW: [width]})


def window_sums(values: np.ndarray, width: int, periodic: bool) -> np.ndarray:
    """Return the sum of each square window about its centre, NaN where the window reaches over the edge.

    Args:
        values: float64, shape (..., rows, columns).
        width: of the window, odd.
        periodic: whether the last column is followed by the first.
    """
    half = width // 2
    wide = np.concatenate([values[..., -half:], values, values[..., :half]], axis=-1) if periodic and half else values
    view = np.lib.stride_tricks.sliding_window_view
    rows = view(wide, width, axis=-2).sum(axis=-1)
    inner = view(rows, width, axis=-1).sum(axis=-1)
    sides = (0, 0) if periodic else (half, half)
    edges = [(0, 0)] * (values.ndim - 2) + [(half, half), sides]
    return np.pad(inner, edges, constant_values=np.nan)
