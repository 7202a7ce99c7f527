"""What to forecast of a table of series, and how far: roles of its columns, season, horizon, split, each in a sentence.

Tables of series are scaled series by series. Today's way of weather data, anomalies from a climatology, is kept where
it serves: at most ``FEW`` series of a known physical quantity (schema.VARIABLES), with a step of a day or less, and at
least two years of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast import axes, schema, seasonality
from forecast.schema import SERIES, TIME, VARIABLES
from forecast.stages.gaps import Gaps, gaps

FEW = 20  # series
SAMPLE = 500  # series that are looked at
DAY = pd.Timedelta("1D")
TWO_YEARS = pd.Timedelta("730D")
TARGETS = ("y", "target", "ot", "value", "sales", "sold", "demand", "load", "consumption", "quantity", "qty", "count",
           "cnt", "total", "visits", "visitors", "close", "price", "volume")  # fmt: skip
PLANNED = ("holiday", "weekend", "promo", "event", "school", "open", "closed", "planned", "campaign", "discount")
STEPS = {"month": 18, "quarter": 8, "year": 6}  # the usual horizons, as in the M competitions
UNKNOWN = 10  # steps ahead where neither a season nor the calendar says more
PARTS = 10  # of a few long series so many horizons are judged at most
CLEARER = 0.2  # a share of series that end early, from which they are laid by their ends


@dataclass
class Guess:
    """The task of a table of series.

    Attributes:
        task: keys of ``[task]``.
        split: keys of ``[split]``.
        said: a sentence for each guess.
        constant: columns that do not change within any series: attributes.
    """

    task: dict[str, Any] = field(default_factory=dict)
    split: dict[str, Any] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    constant: list[str] = field(default_factory=list)


def by_climatology(observed: xr.Dataset, targets: Sequence[str]) -> bool:
    """Say whether series are to be forecast as weather is: see the module's page.

    Args:
        observed: canonical observations of series.
        targets: what is forecast.
    """
    time = observed[TIME].values
    physical = all(name in VARIABLES for name in targets) and axes.AXIS not in observed.attrs
    long = len(time) > 1 and pd.Timedelta(time[-1] - time[0]) >= TWO_YEARS
    return bool(physical and long and observed.sizes[SERIES] <= FEW and schema.time_step(observed) <= DAY)


def target_of(observed: xr.Dataset) -> str:
    """Return the variable that is most likely to be forecast: one with the name of a target, else the first."""
    names = [str(name) for name in observed.data_vars if not _constant(sample(observed[name]))]
    names = names or [str(name) for name in observed.data_vars]
    words = {name: name.lower().replace("-", "_") for name in names}
    for wanted in TARGETS:
        for name in names:
            if words[name] == wanted or wanted in words[name].split("_"):
                return name
    return names[0]


def guess(observed: xr.Dataset, attributes: Sequence[str], numbered: bool) -> Guess:
    """Guess the task of a table of series.

    Args:
        observed: canonical observations of series.
        attributes: of the series.
        numbered: whether each series counts its own steps, so that the axis says nothing of when.
    """
    found, target = Guess(), target_of(observed)
    _roles(observed, target, attributes, found)
    reach = gaps(observed[target])
    horizon, usual = _horizon(observed, reach, found)
    found.task["horizon"] = horizon
    early = float((reach.last[reach.last >= 0] < reach.last.max() - horizon).mean())
    if not found.task.get("known") and (early > CLEARER or (numbered and early > 0)):
        found.task["align"] = "end"
        found.said.append(f"{early:.0%} of the series end early: each is laid so that its own last step is the last")
    few = observed.sizes[SERIES] < FEW
    parts = int(np.clip(usual // (10 * horizon), 1, PARTS)) if few else 1
    found.split = {"validate": horizon * max(parts, 2 if usual >= 6 * horizon else 1), "test": horizon * parts}
    found.said.append(
        f"test: the last {found.split['test']} steps, validation: {found.split['validate']} before them "
        f"(a usual short series has {usual})"
    )
    _season(observed, target, found, horizon)
    return found


def _roles(observed: xr.Dataset, target: str, attributes: Sequence[str], found: Guess) -> None:
    """Say which variable is the target, which are known beforehand, which are attributes, which are looked at only."""
    found.task |= {"targets": [target], "covariates": [], "known": [], "static": list(attributes)}
    others = [str(name) for name in observed.data_vars if name != target]
    found.said.append(f"target {target}: change [task] targets if another column is to be forecast")
    if not others:
        return
    end = gaps(observed[target]).last
    for name in others:
        if _constant(observed[name]):
            found.constant.append(name)
        elif np.mean(gaps(observed[name]).last > end) > 0.5 or _planned(name, observed[name]):
            found.task["known"].append(name)
        else:
            found.task["covariates"].append(name)
    found.task["static"] += found.constant if observed.sizes[SERIES] > 1 else []
    if known := found.task["known"]:
        more = all(np.mean(gaps(observed[name]).last > end) > 0.5 for name in known)
        remedy = "" if more else ": give their values for the steps to come too, or make them covariates"
        found.said.append(f"known beforehand: {', '.join(known)}{remedy}")
    if covariates := found.task["covariates"]:
        found.said.append(f"known up to now only: {', '.join(covariates)}")
    if static := found.task["static"]:
        found.said.append(f"constant within each series: {', '.join(static)}")


def _constant(array: xr.DataArray) -> bool:
    return bool((array.max(TIME) == array.min(TIME)).where(array.notnull().any(TIME), True).all())


def _planned(name: str, array: xr.DataArray) -> bool:
    """Say whether a variable is 0 or 1 and has the name of a plan, or is the same for all of several series."""
    flags = bool(array.isin([0.0, 1.0]).where(array.notnull(), True).all())
    alike = array.sizes[SERIES] > 1 and bool((array.max(SERIES) == array.min(SERIES)).all())
    return flags and (alike or any(word in name.lower() for word in PLANNED))


def _horizon(observed: xr.Dataset, reach: Gaps, found: Guess) -> tuple[int, int]:
    """Return how many steps ahead, and the length of a usual short series (the tenth percentile)."""
    usual, axis, step = int(np.quantile(reach.lengths[reach.last >= 0], 0.1)), observed.attrs.get(axes.AXIS, ""), None
    if observed.sizes[TIME] > 1:
        step = schema.time_step(observed)
    if axis in STEPS:
        wanted = STEPS[axis]
    elif axis == "integer" or step is None:
        wanted = UNKNOWN
    elif step < DAY:
        wanted = max(1, min(96, round(2 * DAY / step))) if step >= pd.Timedelta("5min") else 60
    else:
        wanted = {DAY: 14, 7 * DAY: 13 if usual >= 104 else 8}.get(step, UNKNOWN)
    if axis == "integer":
        seasons = seasonality.detect(_before(observed[str(found.task["targets"][0])], wanted), axis=axis)
        wanted = seasons[0] if seasons else wanted
    horizon = min(wanted, max(1, usual // 3))
    short = "" if horizon == wanted else f" ({wanted} would be usual, but the series are short)"
    found.said.append(f"horizon {horizon} steps{short}: what is usual for the step, or one season")
    return horizon, usual


def _season(observed: xr.Dataset, target: str, found: Guess, horizon: int) -> None:
    """Say which seasons the steps before validation show; training looks again."""
    held = found.split["validate"] + found.split["test"]
    seasons = seasonality.detect(_before(observed[target], held), axis=observed.attrs.get(axes.AXIS))
    words = " and ".join(map(str, seasons)) or "none"
    found.said.append(f"seasons found before the last {held} steps: {words}; training looks for them itself")


def _before(array: xr.DataArray, steps: int) -> xr.DataArray:
    """Return some of the series, all but the last steps of each, of which nothing may be learned."""
    some = sample(array).transpose(TIME, SERIES)
    step = xr.DataArray(np.arange(some.sizes[TIME]), dims=TIME)
    return some.where(step <= xr.DataArray(gaps(some).last - steps, dims=SERIES))


def sample(array: xr.DataArray) -> xr.DataArray:
    """Return at most ``SAMPLE`` of the series, evenly spread over the table."""
    count = array.sizes[SERIES]
    return array.isel({SERIES: np.unique(np.linspace(0, count - 1, min(count, SAMPLE)).astype(int))})


def coarser(observed: xr.Dataset) -> str | None:
    """Return the frequency at which single series are observed, where together they make a finer axis; else None.

    Weeks that begin on different days make an axis of days, quarters of different months one of months.
    """
    axis = observed.attrs.get(axes.AXIS, "")
    seen = np.isfinite(sample(observed[target_of(observed)]).transpose(TIME, SERIES).values)
    gaps = np.concatenate([np.diff(np.flatnonzero(one)) for one in seen.T] or [np.zeros(0, int)])
    apart = int(np.bincount(gaps).argmax()) if len(gaps) else 1
    if axis == "month":
        return {3: "quarter", 12: "year"}.get(apart)
    daily = not axis and observed.sizes[TIME] > 1 and schema.time_step(observed) == DAY
    return "week" if daily and apart == 7 else None
