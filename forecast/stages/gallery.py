"""Which figures a comparison and a study draw, and where they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import xarray as xr

from forecast import schema, verification
from forecast.figures import Figure, maps, series_fan, skill_by_lead, skill_map
from forecast.predict import Forecaster
from forecast.schema import REFERENCE
from forecast.windows import Span

Forecasts = Mapping[str, Mapping[str, xr.DataArray]]


def comparison(
    tables: Mapping[str, xr.Dataset], forecasts: Forecasts, observed: xr.Dataset, champion: Forecaster, span: Span
) -> dict[str, Figure]:
    """Draw for each target skill by lead, the champion's forecast against the truth, and on maps where its skill lies.

    Args:
        tables: target -> scores.
        forecasts: target -> forecaster -> forecast.
        observed: canonical observations.
        champion: whose forecast is drawn.
        span: test span; the forecast drawn is the one from its middle, so that no eye has chosen it.
    """
    drawn: dict[str, Figure] = {}
    title = str(observed.attrs.get("title", ""))
    for target, table in tables.items():
        baselines = [str(name) for name in table["baseline"].values]
        against = "climatology" if "climatology" in baselines else baselines[0]
        drawn[f"{target}_skill_by_lead"] = skill_by_lead(table, baseline=against, title=f"{target}, {title}")
        inside = {name: verification.within(one, span) for name, one in forecasts[target].items()}
        one = inside[champion.name]
        middle = one.isel({REFERENCE: [one.sizes[REFERENCE] // 2]})
        parts = {target: middle, f"{target}_quantile": champion.calibrated(target).quantiles(middle)}
        issue = xr.Dataset(parts).assign_attrs(observed.attrs, model=champion.name)
        truth = observed[target]
        if schema.kind(observed) == "map":
            drawn[f"{target}_forecast_and_truth"] = maps(issue, truth, variable=target)
            rival = next(name for name in (against, *baselines) if name != champion.name)
            cells = verification.cells({name: inside[name] for name in (champion.name, rival)}, truth)
            drawn[f"{target}_skill_map"] = skill_map(cells, forecaster=champion.name, baseline=rival)
        else:
            place = {schema.SERIES: str(observed[schema.SERIES].values[0])}
            drawn[f"{target}_forecast_and_truth"] = series_fan(issue, truth, variable=target, place=place)
    return drawn


def save(folder: Path, drawn: Mapping[str, Figure]) -> list[Path]:
    """Write figures as PNG into a folder and return their paths.

    Args:
        folder: created if need be.
        drawn: name -> figure.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.png" for name in drawn]
    for path, figure in zip(paths, drawn.values(), strict=True):
        figure.savefig(path)
    return paths
