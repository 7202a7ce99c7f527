"""Which figures a comparison and a study draw, and where they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr

from forecast import schema, verification
from forecast.axes import AXIS
from forecast.calibration import ABOVE, BELOW
from forecast.figures import (
    Figure,
    by_season_and_region,
    maps,
    panel_scores,
    quantile_reliability,
    rank_histogram,
    reliability,
    series_fan,
    skill_by_lead,
    skill_map,
    spectrum,
    spread_skill,
)
from forecast.predict import Forecaster
from forecast.schema import REFERENCE
from forecast.stages.scoring import Forecasts, Scored
from forecast.windows import Span

MOST = 1000  # series, evenly spread, whose members and quantiles are drawn


def comparison(
    scored: Scored, forecasts: Forecasts, observed: xr.Dataset, champion: Forecaster, span: Span, rival: str
) -> dict[str, Figure]:
    """Draw for each target scores by lead, season and region, the champion's forecast against the truth, reliability.

    On maps also where its skill lies, and how blurred it is; of tables of series how scores are distributed over them.

    Args:
        scored: scores by target.
        forecasts: target -> forecaster -> forecast.
        observed: canonical observations.
        champion: whose forecast is drawn.
        span: test span; the forecast drawn is the one from its middle, so that no eye has chosen it.
        rival: whom the champion's skill is drawn against.
    """
    if scored.panels:
        return _of_series(scored, forecasts, observed, champion, span)
    tables, groups = scored.tables, scored.groups
    drawn: dict[str, Figure] = {}
    title = str(observed.attrs.get("title", ""))
    for target, table in tables.items():
        baselines = [str(name) for name in table["baseline"].values]
        against = "climatology" if "climatology" in baselines else baselines[0]
        inside = {name: verification.within(one, span) for name, one in forecasts[target].items()}
        one = inside[champion.name]
        drawn[f"{target}_skill_by_lead"] = skill_by_lead(table, baseline=against, title=f"{target}, {title}")
        drawn[f"{target}_by_season_and_region"] = by_season_and_region(
            groups[target], title=f"RMSE of {target}, {title}"
        )
        if "frequency" in table and table["frequency"].sel(forecaster=champion.name).notnull().any():
            drawn[f"{target}_reliability"] = reliability(table, forecaster=champion.name)
        drawn |= _distribution(target, champion, one, observed[target])
        middle = one.isel({REFERENCE: [one.sizes[REFERENCE] // 2]})
        parts = {target: middle, f"{target}_quantile": champion.calibrated(target).quantiles(middle)}
        issue = xr.Dataset(parts).assign_attrs(observed.attrs, model=champion.name)
        truth = observed[target]
        if schema.kind(observed) == "map":
            drawn[f"{target}_forecast_and_truth"] = maps(issue, truth, variable=target)
            drawn |= _on_maps(target, {name: inside[name] for name in (champion.name, rival)}, truth)
        else:
            place = {schema.SERIES: str(observed[schema.SERIES].values[0])}
            drawn[f"{target}_forecast_and_truth"] = series_fan(issue, truth, variable=target, place=place)
    return drawn


def _of_series(
    scored: Scored, forecasts: Forecasts, observed: xr.Dataset, champion: Forecaster, span: Span
) -> dict[str, Figure]:
    """Draw the scores of tables of series, and the forecast of the series whose score is the champion's median."""
    drawn: dict[str, Figure] = {}
    title, step = str(observed.attrs.get("title", "")), str(observed.attrs.get(AXIS, "")).replace("integer", "step")
    for target, found in scored.panels.items():
        drawn[f"{target}_scores"] = panel_scores(found.lead, found.series, title=f"{target}, {title}", steps=step)
        one = verification.within(forecasts[target][champion.name], span)
        some = one.isel({schema.SERIES: np.unique(np.linspace(0, one.sizes[schema.SERIES] - 1, MOST).astype(int))})
        truth = observed[target]
        drawn |= _distribution(target, champion, some, truth.sel({schema.SERIES: some[schema.SERIES]}))
        mase = found.series["mase"].sel(forecaster=champion.name).dropna(schema.SERIES)
        middle = mase.sortby(mase)[[mase.sizes[schema.SERIES] // 2]][schema.SERIES]
        last = one.sel({schema.SERIES: middle}).isel({REFERENCE: [one.sizes[REFERENCE] // 2]})
        quantiles = champion.calibrated(target).quantiles(last)
        issue = xr.Dataset({target: last.drop_vars([BELOW, ABOVE], errors="ignore"), f"{target}_quantile": quantiles})
        issue = issue.assign_attrs(observed.attrs, model=champion.name)
        here, place = truth.sel({schema.SERIES: middle}), {schema.SERIES: middle.values[0]}
        drawn[f"{target}_forecast_and_truth"] = series_fan(issue, here, variable=target, place=place)
    return drawn


def _distribution(target: str, champion: Forecaster, one: xr.DataArray, truth: xr.DataArray) -> dict[str, Figure]:
    """Draw where among the champion's members and quantiles the truth fell, and the members' error by their spread."""
    cast = champion.calibrated(target).members(one)
    over, weights = (REFERENCE, *schema.space_dims(truth)), schema.area_weights(truth)
    count = cast.sizes[schema.MEMBER]
    ranks = verification.rank_histogram(cast, truth, over=over, weights=weights)
    who = f"{target} of {champion.name}"
    drawn = {f"{target}_ranks": rank_histogram(ranks, levels=(np.arange(count) + 0.5) / count, title=f"Ranks: {who}")}
    often = verification.quantile_frequency(
        champion.calibrated(target).quantiles(one), truth, over=over, weights=weights
    )
    drawn[f"{target}_quantiles"] = quantile_reliability(often, title=f"Quantiles: {who}")
    if count > 1:
        found = verification.spread_skill(cast, truth, over=over, weights=weights)
        found = found.map(lambda part: part.assign_attrs(units=truth.attrs.get("units", "")))
        drawn[f"{target}_spread_and_error"] = spread_skill(found, title=f"Error by spread: {who}")
    return drawn


def _on_maps(target: str, two: Mapping[str, xr.DataArray], truth: xr.DataArray) -> dict[str, Figure]:
    """Draw where the first of two forecasters beats the second, and the blur of both (maps of 4 x 4 cells or more)."""
    champion, rival = two
    test = verification.diebold_mariano(two[champion], two[rival], truth, over=())
    found = verification.discoveries(test["p"])
    cells = verification.cells(two, truth)
    drawn = {f"{target}_skill_map": skill_map(cells, forecaster=champion, baseline=rival, found=found)}
    if min(truth.sizes[dim] for dim in schema.space_dims(truth)) >= 4:
        power = verification.spectra(two, truth, weights=schema.area_weights(truth))
        drawn[f"{target}_spectrum"] = spectrum(power, title=f"Power of {target} by wavelength")
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
