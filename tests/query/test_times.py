from __future__ import annotations

from datetime import UTC, datetime, timedelta

import cftime
import pandas as pd
import pytest

from forecast.errors import ForecastError
from forecast.query import times
from forecast.query.freshness import cadence, freshness

LIKE = pd.Timestamp("2009-01-01")
DAY = timedelta(days=1)


def test_a_moment_is_a_span_of_no_length() -> None:
    assert times.parse("2009-01-01T06:30Z", LIKE) == (pd.Timestamp("2009-01-01T06:30"),) * 2


def test_an_offset_is_taken_off() -> None:
    assert times.parse("2009-01-01T01:00+02:00", LIKE)[0] == pd.Timestamp("2008-12-31T23:00")


def test_a_date_is_the_whole_day() -> None:
    first, last = times.parse("2009-01-01", LIKE)
    assert first == LIKE and last == LIKE + DAY - times.MOMENT


def test_a_span_may_be_open_and_ends_with_its_last_day() -> None:
    assert times.parse("../2009-01-02", LIKE) == (None, pd.Timestamp("2009-01-03") - times.MOMENT)


def test_the_calendar_is_that_of_the_forecast() -> None:
    first, last = times.day_after("2095-02-29", cftime.Datetime360Day(2095, 1, 1))
    assert (first.month, first.day) == (2, 30) and last < cftime.Datetime360Day(2095, 3, 1)
    assert times.text(first) == "2095-02-30T00:00:00Z"


@pytest.mark.parametrize(
    "written", ["yesterday", "2009-1-1", "2009-01-01T25:00", "2009-02-30", "2009-01-02/2009-01-01"]
)
def test_what_is_no_time_is_refused(written: str) -> None:
    with pytest.raises(ForecastError, match="expected a (time|span)"):
        times.parse(written, LIKE)


def test_freshness_says_when_and_how_long_ago() -> None:
    now = datetime(2009, 1, 1, 9, tzinfo=UTC)
    fresh = freshness("2009-01-01T06:00:00Z", "2009-01-06T00:00:00Z", now, DAY)
    assert fresh.sentence == "Issued 2009-01-01 06:00 UTC, 3 hours ago"
    assert not fresh.stale and fresh.age == 3 * 3600


def test_an_issue_is_stale_after_one_and_a_half_cadences() -> None:
    end, issued = "2009-01-06T00:00:00Z", "2009-01-01T06:00:00Z"
    assert not freshness(issued, end, datetime(2009, 1, 2, 18, tzinfo=UTC), DAY).stale
    late = freshness(issued, end, datetime(2009, 1, 2, 19, tzinfo=UTC), DAY)
    assert late.stale and "a new one was due after 24 hours" in late.sentence


def test_an_issue_whose_leads_are_over_is_stale() -> None:
    old = freshness("2009-01-01T06:00:00Z", "2009-01-06T00:00:00Z", datetime(2012, 1, 6), DAY * 9999)
    assert old.stale and old.sentence.endswith("3 years ago; every lead lies in the past")


def test_a_calendar_of_its_own_has_no_age() -> None:
    strange = freshness("2095-02-30T06:00:00Z", "2095-03-01T00:00:00Z", datetime(2095, 3, 1), DAY)
    assert strange.age is None and "calendar of its own" in strange.sentence


def test_the_cadence_is_the_median_gap_between_issues() -> None:
    noon = datetime(2009, 1, 1, 12)
    assert cadence([noon, noon + 6 * timedelta(hours=1), noon + DAY / 2, noon + 2 * DAY], DAY) == timedelta(hours=6)
    assert cadence([noon, noon + timedelta(hours=1)], timedelta(hours=1)) == DAY
