"""What a comparison found: the scores of every forecaster on the test span, and who is champion."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from forecast import axes
from forecast.figures import Figure
from forecast.schema import LEAD
from forecast.verification.panel import Scores


@dataclass(frozen=True)
class Comparison:
    """Scores of every forecaster on the test span.

    Attributes:
        test: target -> verification.table of the test span.
        groups: target -> the same scores by season and region ("all": the whole domain).
        champion: who is promoted.
        reason: why, in a sentence.
        intervals: target -> difference of the champion and the best other kind (attributes a, b) by lead: bootstrap
            interval of RMSE, p of Diebold & Mariano's test.
        span: the test span, for a person.
        title: title of the data.
        data_version: the archive's version that all were scored on.
        figures: files written.
        drawn: the same figures, by name, for the logbook.
        panels: of tables of series: target -> all their scores; ``intervals`` is then of MASE, and has no p.
        axis: what the steps are called, as the data's attribute ``axis``.
    """

    test: dict[str, xr.Dataset]
    groups: dict[str, xr.Dataset]
    champion: str
    reason: str
    intervals: dict[str, xr.Dataset]
    span: str
    title: str
    data_version: str
    figures: list[Path]
    drawn: dict[str, Figure]
    panels: dict[str, Scores] = field(default_factory=dict)
    axis: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the scores as plain values: target -> forecaster -> score -> lead -> number.

        A lead is an ISO 8601 duration, or in steps where these have a name ("3 months"). ``differences`` holds champion
        against rival: target -> difference, lower, upper, p -> lead -> number. Of tables of series, ``overall`` comes
        first: target -> forecaster -> score -> number, and ``differences`` have a ``whole_difference`` and so on.
        """
        head = {"champion": self.champion, "reason": self.reason, "span": self.span, "data_version": self.data_version}
        whole = {target: overall(one.whole) for target, one in self.panels.items()}
        scores = {target: by_lead(table, self.axis) for target, table in self.test.items()}
        differences = {target: self._difference(interval) for target, interval in self.intervals.items()}
        found = {"scores": scores, "differences": differences, "figures": [str(path) for path in self.figures]}
        return {**head, **({"overall": whole} if whole else {}), **found}

    def _difference(self, interval: xr.Dataset) -> dict[str, Any]:
        whole = {str(name): float(one) for name, one in interval.data_vars.items() if not one.dims}
        names = [name for name in ("difference", "lower", "upper", "p") if name in interval]
        about = {name: interval.attrs[name] for name in ("a", "b", "drawn") if name in interval.attrs}
        return about | whole | {name: _numbers(interval[name], self.axis) for name in names}


def by_lead(table: xr.Dataset, axis: str = "") -> dict[str, dict[str, dict[str, float]]]:
    """Return forecaster -> score -> lead -> number.

    Args:
        table: scores by (forecaster, lead); others are left out.
        axis: what the steps are called, as the data's attribute ``axis``.
    """
    columns = [name for name, column in table.data_vars.items() if column.dims == ("forecaster", LEAD)]
    names = map(str, table["forecaster"].values)
    return {name: {str(one): _numbers(table[one].sel(forecaster=name), axis) for one in columns} for name in names}


def overall(whole: xr.Dataset) -> dict[str, Any]:
    """Return forecaster -> score -> number, of how many series, and how many of them have no scale."""
    names = map(str, whole["forecaster"].values)
    scores = {name: {str(one): float(whole[one].sel(forecaster=name)) for one in whole.data_vars} for name in names}
    return scores | {key: int(whole.attrs[key]) for key in ("series", "left_out")}


def _numbers(column: xr.DataArray, axis: str) -> dict[str, float]:
    """Return lead -> number."""
    leads = [axes.label_lead(lead, axis) if axis else pd.Timedelta(lead).isoformat() for lead in column[LEAD].values]
    return dict(zip(leads, map(float, column.values), strict=True))
