"""Which steps train, choose, calibrate and test; and which stretches and windows of an axis are unbroken.

A span holds the steps that may be targets; the context of a forecast may reach back before its span. Between training
and validation, and between validation and test, as many steps are left out as there are leads, or more: a forecast
that starts in one span never has a target in the next. (Tables of series, often short, leave none out: there the first
forecast of a span is made at the last step before it.) The test span stays locked until one forecaster is chosen.

The validation span is shared out, in blocks of about two weeks, between early stopping and calibration, so that
both see every season. They take turns as in the sequence of Thue and Morse (0110 1001 ...), which has no period that a
season could fall in with. What keeps them apart is the valid time: a forecast may begin in a block of one and be scored
in a block of the other, and no valid time belongs to both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

import numpy as np
import pandas as pd
import xarray as xr

from forecast import axes, schema
from forecast.errors import ForecastError

Span = tuple[Any, Any]
"""First and last time, both included, as the axis has them (datetime64 or cftime)."""

BLOCK = pd.Timedelta("14D")
BLOCKS = 12  # at least
LEADS = 3  # a block is at least this many times the leads long, so that most forecasts lie in one
FEWEST = 4  # under so many blocks the span is halved

Data = TypeVar("Data", xr.Dataset, xr.DataArray)
EXAMPLES = "dates such as ['2007-01-01', '2007-12-31'], or a span such as '60D' or '20%'"


class Wanted(Protocol):
    """What a pipeline's ``[split]`` says."""

    @property
    def train(self) -> tuple[str, str] | None:
        """Dates, or None for all that comes before validation."""

    @property
    def validate_(self) -> tuple[str, str] | str | int:
        """Dates, or a span, a share or a number of steps before the test span."""

    @property
    def test(self) -> tuple[str, str] | str | int:
        """Dates, or the newest span, share or number of steps."""

    @property
    def gap(self) -> str | int | None:
        """Duration or steps left out between spans; None, or a shorter one: the least."""


@dataclass(frozen=True)
class Split:
    """Spans in the order of time.

    Attributes:
        train: what models and scalings learn from.
        validate: what chooses among them: ``early`` and ``calibration`` share it.
        early: its blocks for early stopping, ascending.
        calibration: its blocks for residuals, ascending.
    """

    train: Span
    validate: Span
    early: tuple[Span, ...]
    calibration: tuple[Span, ...]
    _test: Span | None = field(repr=False)
    _opened: list[str] = field(default_factory=list, repr=False, compare=False)

    @classmethod
    def from_config(
        cls, wanted: Wanted, times: np.ndarray, leads: int, step: pd.Timedelta, least: int | None = None
    ) -> Split:
        """Lay the spans on an axis.

        Args:
            wanted: the pipeline's ``[split]``.
            times: the axis, even, datetime64 or cftime, shape (time,).
            leads: number of leads, in steps.
            step: step of the axis.
            least: steps that are left out between spans at least; None: the leads, so that a forecast that starts in
                one span never has a target in the next. Nothing is learned from a target beyond its span either way.

        Raises:
            ForecastError: a date or a span that cannot be read, spans that overlap or are out of order, or a span
                that is left without a step.
        """
        index = xr.DataArray(times, dims=schema.TIME, coords={schema.TIME: times}).to_index()
        least = leads if least is None else least
        gap = max(least, 0 if wanted.gap is None else _steps(wanted.gap, "gap", len(index), step))
        test = _positions(wanted.test, "test", index, step, len(index))
        validate = _positions(wanted.validate_, "validate", index, step, test[0] - gap)
        before = (0, validate[0] - gap) if wanted.train is None else _positions(wanted.train, "train", index, step, 0)
        for (early, first), (late, second) in (
            (("train", before), ("validate", validate)),
            (("validate", validate), ("test", test)),
        ):
            if first[1] > second[0]:
                got = f"{early} to {index[first[1] - 1]}, {late} from {index[second[0]]}"
                raise ForecastError(f"{early} to end before {late} begins", got, "mend [split]")
        train = (before[0], min(before[1], validate[0] - gap))
        validate = (validate[0], min(validate[1], test[0] - gap))
        for name, least, (start, stop) in (("train", 1, train), ("validate", 2, validate), ("test", 1, test)):
            if start < 0 or stop - start < least:
                expected = f"at least {least} step{'s'[: least - 1]} to {name} with {gap} steps left out between spans"
                raise ForecastError(expected, f"{len(index)} steps in all", "shorten [split] or ingest a longer record")
        shares = [tuple((times[a], times[b - 1]) for a, b in part) for part in _turns(*validate, leads, step)]
        whole = [(times[start], times[stop - 1]) for start, stop in (train, validate, test)]
        return cls(whole[0], whole[1], shares[0], shares[1], whole[2])

    def refit(self) -> Split:
        """Return the same split whose training span goes on to the end of validation; the test span stays as it was."""
        return replace(self, train=(self.train[0], self.validate[1]))

    def open_test(self, choice: str) -> Span:
        """Unlock the test span for the one forecaster that was chosen, and return it.

        Args:
            choice: what was chosen on validation; asking again for the same is allowed.

        Raises:
            ForecastError: it was opened for another choice, or the split is sealed: the test span chooses nothing.
        """
        if self._test is None:
            raise ForecastError(
                "a search that looks at the validation span alone",
                "the test span asked for within a search",
                "choose on validation; `forecast compare` opens the test span once, when the choice is made",
            )
        if self._opened and self._opened[0] != choice:
            raise ForecastError(
                f"the test span to be read for one choice, {self._opened[0]!r}",
                f"a second one, {choice!r}",
                "choose on the validation span; the test span is read once, at the end",
            )
        self._opened[:] = [choice]
        return self._test

    def sealed(self) -> Split:
        """Return the same spans without the test span, for a search: nothing that is done with it opens that span."""
        return replace(self, _test=None, _opened=[])

    @property
    def test(self) -> Span:
        """The test span.

        Raises:
            ForecastError: it has not been opened.
        """
        if self._test is None or not self._opened:
            raise ForecastError(
                "a choice before the test span is read", "none", "choose on the validation span, then open_test(choice)"
            )
        return self._test

    @staticmethod
    def select(data: Data, span: Span) -> Data:
        """Return the steps of the data inside a span, both ends included."""
        return data.sel({schema.TIME: slice(*span)})


def stretches(observed_T: np.ndarray, max_gap: int = 0) -> list[tuple[int, int]]:
    """Return the unbroken stretches of an axis as (start, stop), stop excluded.

    Args:
        observed_T: whether anything was observed at each step, shape (time,).
        max_gap: runs of missing steps up to this length are bridged; a stretch begins and ends with an observed step.

    >>> stretches(np.array([True, True, False, True, False, False, True]), max_gap=1)
    [(0, 4), (6, 7)]
    """
    seen = np.flatnonzero(observed_T)
    if not len(seen):
        return []
    breaks = np.flatnonzero(np.diff(seen) - 1 > max_gap)
    starts, stops = seen[np.append(0, breaks + 1)], seen[np.append(breaks, len(seen) - 1)] + 1
    return [(int(start), int(stop)) for start, stop in zip(starts, stops, strict=True)]


def ends_together(data: xr.Dataset, targets: Sequence[str]) -> xr.Dataset:
    """Lay each series so that its own last step with a target is the last of all.

    Args:
        data: observations (time, series) on an even axis.
        targets: variables that say where a series ends.

    Returns:
        The same values on an axis of numbered steps, 0 the first; what comes after a series' end is cut off.

    Raises:
        ForecastError: maps, whose cells have one axis.
    """
    if schema.space_dims(data) != (schema.SERIES,):
        raise ForecastError("series for [task] align = 'end'", "maps", "leave align out")
    seen = np.logical_or.reduce([data[name].notnull().transpose(schema.TIME, ...).values for name in targets])
    steps = len(seen)
    behind = np.where(seen.any(axis=0), np.argmax(seen[::-1], axis=0), 0)
    laid = {}
    for name, array in data.transpose(schema.TIME, ...).data_vars.items():
        values = np.full_like(array.values, np.nan)
        for by in np.unique(behind):
            values[by:, behind == by] = array.values[: steps - by, behind == by]
        laid[name] = (array.dims, values, array.attrs)
    coords = {schema.TIME: axes.integer_times(np.arange(steps)), schema.SERIES: data[schema.SERIES]}
    return xr.Dataset(laid, coords, {**data.attrs, axes.AXIS: "integer"})


def windows(unbroken: Sequence[tuple[int, int]], context: int, leads: int) -> np.ndarray:
    """Return where windows of ``context + leads`` steps can start without crossing a gap, ascending.

    Args:
        unbroken: stretches (start, stop).
        context: steps seen.
        leads: steps forecast.

    >>> windows([(0, 4), (6, 7)], context=2, leads=1)
    array([0, 1])
    """
    starts = [np.arange(start, max(start, stop - context - leads + 1)) for start, stop in unbroken]
    return np.concatenate([np.zeros(0, dtype=int), *starts]).astype(int)


def _turns(start: int, stop: int, leads: int, step: pd.Timedelta) -> tuple[list[tuple[int, int]], ...]:
    """Share [start, stop) out between two that take turns: (start, stop) of each one's, neighbours joined."""
    steps = stop - start
    count = min(max(BLOCKS, int(np.ceil(steps * step / BLOCK))), steps // (LEADS * max(1, leads)))
    count = count - count % 2 if count >= FEWEST else 2
    edges = start + np.arange(count + 1) * steps // count
    turn = np.array([number.bit_count() % 2 for number in range(count)])
    return tuple([(int(edges[a]), int(edges[b])) for a, b in stretches(turn == who)] for who in (0, 1))


def _positions(
    wanted: tuple[str, str] | str | int, name: str, index: pd.Index, step: pd.Timedelta, stop: int
) -> tuple[int, int]:
    """Return (start, stop) of dates on the axis, or of a span that ends before ``stop``."""
    if isinstance(wanted, str | int):
        return stop - _steps(wanted, name, len(index), step), stop
    try:
        found = index.slice_indexer(*wanted)
    except (ValueError, TypeError, KeyError) as error:
        raise ForecastError(f"split.{name} as {EXAMPLES}", f"{list(wanted)}: {error}", "mend [split]") from error
    start, end, _ = found.indices(len(index))
    if end <= start:
        got = f"{list(wanted)} on an axis from {index[0]} to {index[-1]}"
        raise ForecastError(f"split.{name} to hold a step of the data", got, "mend [split], or ingest those dates")
    return start, end


def _steps(wanted: str | int, name: str, count: int, step: pd.Timedelta) -> int:
    """Return how many steps a span ("60D") or a share of all ("20%") covers, rounded up; a number is itself."""
    if isinstance(wanted, int):
        return wanted
    try:
        exact = count * float(wanted[:-1]) / 100 if wanted.endswith("%") else pd.Timedelta(wanted) / step
        steps = int(np.ceil(round(exact, 6)))
    except (ValueError, TypeError) as error:
        raise ForecastError(f"split.{name} as {EXAMPLES}", repr(wanted), "mend [split]") from error
    if steps < 0 or (steps < 1 and name != "gap"):
        raise ForecastError(f"split.{name} as a positive span", repr(wanted), "mend [split]")
    return steps
