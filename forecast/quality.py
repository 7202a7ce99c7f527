"""Rules that a value must pass, and what follows when it does not: mask it, flag it only, or refuse the whole.

limits      outside the range of schema.VARIABLES, or infinite
spikes      a jump beyond max_step and straight back
stuck       the same value for stuck_steps steps or longer; a value at a natural bound (no wind, no rain, saturated
            air at 100 %) may stay there and is not stuck
duplicates  a time stamp given twice: the second of two equal steps is dropped, two that differ are refused; a map
            that repeats the one before it, cell by cell, is flagged (a file delivered twice)

Limits and jumps are converted to the unit of the data; where that cannot be, or for an unknown variable, the rule is
skipped and says so. Duplicates come first, then the others in this
order, each on what the one before left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import xarray as xr

from forecast import axes, schema
from forecast.errors import ForecastError
from forecast.units import convert

Action = Literal["mask", "flag", "refuse"]
Rule = Callable[[np.ndarray], np.ndarray]
TOGETHER = 2**22  # values that are looked at together: what the rules need of memory grows no further


@dataclass(frozen=True)
class Finding:
    """What a rule found in one variable.

    Attributes:
        rule: "limits", "spikes", "stuck" or "duplicates".
        variable: the variable's name; "" where whole steps are concerned.
        action: "masked" (now NaN), "flagged" (left as it was), "dropped" (a step) or "skipped" (the rule did not run).
        count: values concerned (steps for duplicates); 0 where skipped.
        example: the first of them with its place, or why the rule was skipped.
    """

    rule: str
    variable: str
    action: str
    count: int
    example: str


def inspect(
    ds: xr.Dataset, *, limits: Action = "mask", spikes: Action = "flag", stuck: Action = "flag", stuck_steps: int = 24
) -> tuple[xr.Dataset, list[Finding]]:
    """Hold observations against the rules.

    Args:
        ds: observations (time, series) or (time, lat, lon) with units; not changed.
        limits: what follows a value outside its limits.
        spikes: what follows a jump and back.
        stuck: what follows a stuck value.
        stuck_steps: steps, at least 2, from which an unchanging value counts as stuck.

    Returns:
        The observations (masked values NaN), and one finding a rule and variable that has something to say.

    Raises:
        ForecastError: a rule whose action is "refuse" is broken, or one time stamp has two different steps.
    """
    ds, findings = _once(ds)
    actions = {"limits": limits, "spikes": spikes, "stuck": stuck}
    for name in map(str, ds.data_vars):
        array, known = ds[name], schema.VARIABLES.get(name)
        units = array.attrs.get("units")
        known_here = None if known is None else _in_units(known, str(units))
        if known_here is None:
            reason = f"units {units}, the limits are in {known.units}" if known else f"no limits are known for {name}"
            findings.append(Finding("limits", name, "skipped", 0, reason))
        values = array.values
        kept, broken = _judge(values, _rules(values, known_here, units, stuck_steps), actions)
        findings += [_follow(rule, array, *found, actions[rule], ds.attrs) for rule, found in broken.items()]
        if kept is not values:
            ds = ds.assign({name: array.copy(data=kept)})
    return ds, findings


def _rules(values: np.ndarray, known: schema.Variable | None, units: str | None, stuck_steps: int) -> dict[str, Rule]:
    """Return rule -> what marks the values of some cells, shape (time, cells), that break it, in their order."""
    largest = np.finfo(values.dtype).max
    low, high = (known.valid_min, known.valid_max) if known else (-largest, largest)
    positive = known.valid_min == 0 if known else not _negative(values)

    def at_rest(x: np.ndarray) -> np.ndarray:  # at a natural bound: 0 of what is never negative, 100 of percent
        return (x == 0) & positive | (x == 100) & (units == "%")

    rules: dict[str, Rule] = {"limits": lambda x: (x < low) | (x > high)}
    if known and np.isfinite(known.max_step):
        rules["spikes"] = lambda x: _spikes(x, known.max_step)
    rules["stuck"] = lambda x: _runs(x, stuck_steps) & ~at_rest(x)
    return rules


def _negative(values: np.ndarray) -> bool:
    return any(bool(((row < 0) & np.isfinite(row)).any()) for row in values)


def _judge(
    values: np.ndarray, rules: dict[str, Rule], actions: dict[str, Action]
) -> tuple[np.ndarray, dict[str, tuple[int, int]]]:
    """Hold values (time, *space) against rules, some cells at a time: no rule looks from one cell to another.

    Returns:
        The values, a copy where any were masked; and rule -> count of values that break it, and the first one's place
        (flat), in the order of the rules.
    """
    steps, number = len(values), int(np.prod(values.shape[1:]))
    cells = kept = values.reshape(steps, number)
    found: dict[str, tuple[int, int]] = {}
    width = max(1, TOGETHER // max(1, steps))
    for start in range(0, number, width):
        part = slice(start, start + width)
        for rule, mark in rules.items():
            bad = mark(kept[:, part])
            if bad.any():
                row = int(np.argmax(bad.any(1)))
                count, first = found.get(rule, (0, values.size))
                at = row * number + start + int(np.argmax(bad[row]))
                found[rule] = (count + int(bad.sum()), min(first, at))
                if actions[rule] == "mask":
                    kept = cells.copy() if kept is cells else kept
                    kept[:, part][bad] = np.nan
    broken = {rule: found[rule] for rule in rules if rule in found}
    return (values if kept is cells else kept.reshape(values.shape)), broken


def _in_units(known: schema.Variable, units: str) -> schema.Variable | None:
    """Return a variable's limits in another unit; None where its own does not convert to it."""
    try:
        ends = convert(np.array([known.valid_min, known.valid_max]), known.units, units, known.long_name)
    except ForecastError:
        return None
    low, high = map(float, ends)
    step = known.max_step * (high - low) / (known.valid_max - known.valid_min)
    return replace(known, units=units, valid_min=low, valid_max=high, max_step=step)


def _follow(rule: str, array: xr.DataArray, count: int, first: int, action: Action, attrs: dict[Any, Any]) -> Finding:
    """Return the finding of ``count`` values that break a rule, the first at a place (flat), or refuse them."""
    at = np.unravel_index(first, array.shape)
    places = [f"{dim} {array[dim].values[i]}" for dim, i in zip(array.dims, at, strict=True) if dim != schema.TIME]
    when = axes.label(array[schema.TIME].values[at[0]], attrs.get(axes.AXIS, ""))
    example = f"{array.values[at]:g} {array.attrs.get('units', '')} at {when}, {', '.join(places)}"
    if action == "refuse":
        got = f"{count} values against {rule}, the first {example}"
        raise ForecastError(f"{array.name} within the rule {rule}", got, f'mend the source, or set {rule} = "mask"')
    return Finding(rule, str(array.name), "masked" if action == "mask" else "flagged", count, example)


def _spikes(x: np.ndarray, jump: float) -> np.ndarray:
    """Mark values that differ from both neighbours in time by more than ``jump``, on the same side."""
    bad = np.zeros(x.shape, bool)
    with np.errstate(invalid="ignore"):
        rise, fall = x[1:-1] - x[:-2], x[1:-1] - x[2:]
    bad[1:-1] = ((rise > jump) & (fall > jump)) | ((rise < -jump) & (fall < -jump))
    return bad


def _runs(x: np.ndarray, steps: int) -> np.ndarray:
    """Mark values in runs of ``steps`` or more equal ones along time. NaN ends a run.

    Windows double in length (erosion), then grow back (dilation): log2(steps) passes over booleans.
    """
    bad = np.zeros(x.shape, bool)
    whole, length = x[1:] == x[:-1], 1  # whole[i]: x[i .. i + length] are equal
    while length < steps - 1 and len(whole):
        more = min(length, steps - 1 - length)
        whole, length = whole[:-more] & whole[more:], length + more
    if whole.any():
        bad[: len(whole)], length = whole, 1  # bad[i]: i is one of the first `length` steps of a run
        while length < steps:
            more = min(length, steps - length)
            bad[more:] |= bad[:-more].copy()
            length += more
    return bad


def _once(ds: xr.Dataset) -> tuple[xr.Dataset, list[Finding]]:
    """Keep each step once: drop what repeats its time stamp and its values, refuse other values, flag repeated maps."""
    findings = []

    def when(at: int) -> str:
        return axes.label(ds[schema.TIME].values[at], ds.attrs.get(axes.AXIS, ""))

    codes, unique = ds[schema.TIME].to_index().factorize()
    first = np.unique(codes, return_index=True)[1]
    if len(unique) < len(codes):
        again = np.setdiff1d(np.arange(len(codes)), first)
        for name, array in ds.data_vars.items():
            differ = ~_equal(array.values[again], array.values[first[codes[again]]]).all(tuple(range(1, array.ndim)))
            if differ.any():
                got = f"{name} with two values at {when(int(again[np.argmax(differ)]))}"
                raise ForecastError("one value for one time", got, "remove the wrong step in the source")
        findings.append(Finding("duplicates", "", "dropped", len(again), when(int(again[0]))))
        ds = ds.isel({schema.TIME: np.sort(first)})
    if schema.kind(ds) == "map":
        for name, array in ds.data_vars.items():
            x = array.values
            same = 1 + np.flatnonzero(_equal(x[1:], x[:-1]).all((1, 2)))
            repeated = [int(at) for at in same if np.unique(x[at][~np.isnan(x[at])]).size > 1]
            if repeated:
                example = f"{when(repeated[0])} repeats the step before"
                findings.append(Finding("duplicates", str(name), "flagged", len(repeated), example))
    return ds, findings


def _equal(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a == b) | (np.isnan(a) & np.isnan(b))
