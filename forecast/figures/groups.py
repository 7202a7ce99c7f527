"""One score by lead in each season and region: where and when a forecaster is good."""

from __future__ import annotations

import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from forecast.figures.style import label_ends, lead_numbers, lines, named, readable, sheet
from forecast.schema import BASELINE


def by_season_and_region(groups: xr.Dataset, *, score: str = "rmse", title: str = "") -> Figure:
    """Draw a score by lead, a column a season, a row a region; baselines are grey and dashed.

    Args:
        groups: ``verification.finish(sums, by=("season", "region"))``.
        score: which of its scores.
        title: of the figure; "" names the score.
    """
    names = [str(name) for name in groups["forecaster"].values]
    drawn = lines(names, [str(name) for name in groups[BASELINE].values])
    values, symbol = readable(groups[score])
    numbers, unit = lead_numbers(groups["lead"])
    seasons, regions = (list(map(str, groups[dim].values)) for dim in ("season", "region"))
    what = score.upper() if score != "coverage" else score
    size = (2.7 * len(seasons) + 1.6, 2.6 * len(regions) + 1.3)
    note = f"{what}: {groups[score].attrs['definition']}"
    figure, axes = sheet(len(regions), len(seasons), size, title or f"{what} by season", note, sharex=True, sharey=True)
    for row, region in enumerate(regions):
        for column, season in enumerate(seasons):
            panel, here = axes[row, column], values.sel(season=season, region=region)
            for name in names:
                panel.plot(numbers, here.sel(forecaster=name), **drawn[name])
            panel.set_xlim(numbers[0], numbers[-1] if len(numbers) > 1 else numbers[0] + 1)
            panel.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            named(panel, season if region == "all" else f"{season}, {region}")
        named(axes[row, 0], y=f"{what}, {symbol}" if symbol else what)
    for panel in axes[-1]:
        named(panel, x=f"lead, {unit}")
    axes[0, 0].set_ylim(0, 1.04 * float(values.max()))
    for row, region in enumerate(regions):
        last = values.sel(season=seasons[-1], region=region).isel(lead=-1)
        ends = {name: (float(last.sel(forecaster=name)), drawn[name]["color"]) for name in names}
        label_ends(axes[row, -1], ends, gap=0.09)
    return figure
