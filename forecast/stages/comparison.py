"""What a comparison found: the scores of every forecaster on the test span, and who is champion."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from forecast.figures import Figure
from forecast.schema import LEAD


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

    def as_dict(self) -> dict[str, Any]:
        """Return the scores as plain values: target -> forecaster -> score -> lead (ISO 8601) -> number.

        ``differences`` holds champion against rival: target -> difference, lower, upper, p -> lead -> number.
        """
        scores = {
            target: {
                str(name): {
                    str(score): _by_lead(column.sel(forecaster=name))
                    for score, column in table.data_vars.items()
                    if column.dims == ("forecaster", LEAD)
                }
                for name in table["forecaster"].values
            }
            for target, table in self.test.items()
        }
        differences = {
            target: {"a": interval.attrs["a"], "b": interval.attrs["b"]}
            | {name: _by_lead(interval[name]) for name in ("difference", "lower", "upper", "p")}
            for target, interval in self.intervals.items()
        }
        head = {"champion": self.champion, "reason": self.reason, "span": self.span, "data_version": self.data_version}
        return {**head, "scores": scores, "differences": differences, "figures": [str(path) for path in self.figures]}


def _by_lead(column: xr.DataArray) -> dict[str, float]:
    """Return lead (ISO 8601) -> number."""
    leads = [pd.Timedelta(lead).isoformat() for lead in column[LEAD].values]
    return dict(zip(leads, map(float, column.values), strict=True))
