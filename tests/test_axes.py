"""Named steps: what stands for them, and what a person reads."""

from __future__ import annotations

import cftime
import numpy as np

from forecast import axes


def test_numbered_steps_are_a_day_apart() -> None:
    times = axes.integer_times(np.array([-1, 0, 2]))
    assert times.tolist() == np.array(["1969-12-31", "1970-01-01", "1970-01-03"], "datetime64[ns]").tolist()
    assert [axes.label(time, "integer") for time in times] == ["step -1", "step 0", "step 2"]


def test_months_quarters_and_years_are_read_by_name() -> None:
    may = cftime.datetime(2001, 5, 1, calendar="360_day")
    assert [axes.label(may, axis) for axis in ("month", "quarter", "year")] == ["2001-05", "2001-Q2", "2001"]
    assert axes.label(may) == "2001-05-01T00:00"


def test_leads_are_counted_in_steps_that_have_a_name() -> None:
    lead = np.timedelta64(360, "D")
    read = {axis: axes.label_lead(lead, axis) for axis in axes.PERIODS}
    assert read == {"month": "12 months", "quarter": "4 quarters", "year": "1 year", "integer": "360 steps"}
