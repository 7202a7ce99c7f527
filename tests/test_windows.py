"""Spans of an axis, the locked test span, unbroken stretches and the windows that fit in them."""

from __future__ import annotations

import itertools
import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from forecast import axes
from forecast.errors import ForecastError
from forecast.windows import Split, ends_together, stretches, windows

DAY = pd.Timedelta("1D")
YEARS = pd.date_range("2001-01-01", "2008-12-31", freq="D").values
DATES: dict[str, Any] = {
    "train": ("2001-01-01", "2006-12-31"),
    "validate": ("2007-01-01", "2007-12-31"),
    "test": ("2008-01-01", "2008-12-31"),
}


def split(times: np.ndarray, leads: int = 5, step: pd.Timedelta = DAY, **wanted: Any) -> Split:
    given = {"train": None, "validate": "20%", "test": "20%", "gap": None} | wanted
    return Split.from_config(SimpleNamespace(validate_=given.pop("validate"), **given), times, leads, step)


def day(text: str) -> np.datetime64:
    return np.datetime64(text, "ns")


def test_dates_are_kept_but_for_the_gap_of_the_leads_at_their_ends() -> None:
    spans = split(YEARS, **DATES)
    assert spans.train == (day("2001-01-01"), day("2006-12-26"))
    assert spans.validate == (day("2007-01-01"), day("2007-12-26"))
    assert spans.open_test("linear") == (day("2008-01-01"), day("2008-12-31"))


def test_a_last_date_takes_in_all_the_hours_of_its_day() -> None:
    hours = pd.date_range("2020-01-01", periods=240, freq="h").values
    wanted = {"train": ("2020-01-01", "2020-01-05"), "validate": ("2020-01-07", "2020-01-08")}
    spans = split(hours, 1, pd.Timedelta("1h"), test=("2020-01-09", "2020-01-10"), **wanted)
    assert spans.train == (hours[0], day("2020-01-05T23"))
    assert spans.validate == (day("2020-01-07"), day("2020-01-08T22"))


def test_spans_and_shares_count_back_from_the_newest_step() -> None:
    spans = split(YEARS[:1000], 5, validate="10%", test="60D", gap="10D")
    assert spans.open_test("x") == (YEARS[940], YEARS[999])
    assert spans.validate == (YEARS[830], YEARS[929])
    assert spans.train == (YEARS[0], YEARS[819])


def test_a_longer_record_moves_the_relative_spans_on() -> None:
    assert split(YEARS[:1001]).open_test("x")[1] == split(YEARS[:1000]).open_test("x")[1] + np.timedelta64(1, "D")


def test_the_calendar_of_a_climate_model_is_split_too() -> None:
    times = xr.date_range("2090-01-01", periods=1080, freq="D", calendar="360_day").values
    wanted = {"train": ("2090-01-01", "2090-12-30"), "validate": ("2091-02-01", "2091-12-30")}
    spans = split(times, 3, test=("2092-01-01", "2092-12-30"), **wanted)
    assert str(spans.train[1]) == "2090-12-30 00:00:00"
    assert str(spans.validate[1]) == "2091-12-27 00:00:00"
    data = xr.Dataset({"x": ("time", np.arange(1080.0))}, coords={"time": times})
    assert spans.select(data, spans.train).sizes["time"] == 360


@given(
    count=st.integers(60, 400),
    leads=st.integers(1, 12),
    validate=st.integers(5, 30),
    test=st.integers(5, 30),
    gap=st.sampled_from([None, "0D", "3D", "20D"]),
)
def test_no_forecast_that_starts_in_a_span_has_a_target_in_the_next(
    count: int, leads: int, validate: int, test: int, gap: str | None
) -> None:
    try:
        spans = split(YEARS[:count], leads, validate=f"{validate}%", test=f"{test}%", gap=gap)
    except ForecastError as error:
        assert "left out between spans" in str(error)
        return
    reach = np.timedelta64(leads, "D")
    assert spans.train[1] + reach < spans.validate[0]
    assert spans.validate[1] + reach < spans.open_test("x")[0]
    blocks = sorted([*spans.early, *spans.calibration])
    assert (blocks[0][0], blocks[-1][1]) == spans.validate
    assert all(one[1] + np.timedelta64(1, "D") == two[0] for one, two in itertools.pairwise(blocks))


def test_blocks_of_validation_take_turns_after_thue_and_morse_and_neighbours_join() -> None:
    spans = split(YEARS, **DATES)  # 360 days: 24 blocks of 15, three times the leads
    edges = [day("2007-01-01") + np.timedelta64(15 * number, "D") for number in range(25)]
    turns = "0110 1001 1001 0110 1001 0110".replace(" ", "")
    places = ([run.span() for run in re.finditer(f"{who}+", turns)] for who in (0, 1))
    early, late = ([(edges[a], edges[b] - np.timedelta64(1, "D")) for a, b in part] for part in places)
    assert spans.early == tuple(early) and spans.calibration == tuple(late)


@pytest.mark.parametrize(("count", "step"), [(365, "1D"), (1096, "1D"), (8760, "1h"), (260, "7D"), (120, "30D")])
def test_early_stopping_and_calibration_both_see_every_season(count: int, step: str) -> None:
    times = pd.date_range("2001-01-01", periods=4 * count, freq=step).values
    spans = split(times, 3, pd.Timedelta(step), validate="25%", test="25%")
    for part in (spans.early, spans.calibration):
        seen = np.concatenate([times[(times >= first) & (times <= last)] for first, last in part])
        shares = np.bincount(pd.DatetimeIndex(seen).month % 12 // 3, minlength=4) / len(seen)
        assert shares.min() > 0.12


@pytest.mark.parametrize(("leads", "blocks"), [(1, 12), (6, 8), (12, 4), (13, 2), (70, 2)])
def test_blocks_are_three_times_as_long_as_the_leads_or_the_span_is_halved(leads: int, blocks: int) -> None:
    spans = split(YEARS[:800], leads, train=("2001-01-01", "2001-12-31"), validate="144D", test="30D", gap="70D")
    turns = [number.bit_count() % 2 for number in range(blocks)]
    assert len(spans.early) + len(spans.calibration) == 1 + sum(one != two for one, two in itertools.pairwise(turns))
    assert spans.early[0][1] - spans.early[0][0] + np.timedelta64(1, "D") == np.timedelta64(144 // blocks, "D")


def test_a_sealed_split_never_opens_the_test_span_and_does_not_even_hold_it() -> None:
    spans = split(YEARS, **DATES)
    sealed = spans.sealed()
    assert (sealed.train, sealed.validate, sealed.early) == (spans.train, spans.validate, spans.early)
    for choice in ("linear", "linear"):
        with pytest.raises(ForecastError, match=r"within a search\n.*choose on validation"):
            sealed.open_test(choice)
    with pytest.raises(ForecastError, match="a choice before the test span is read"):
        _ = sealed.test
    assert "2008" not in str(vars(sealed))
    assert spans.open_test("linear")[0] == day("2008-01-01")  # the whole one is as it was


def test_the_test_span_is_refused_until_one_choice_opens_it_and_to_any_other() -> None:
    spans = split(YEARS, **DATES)
    assert "2008" not in repr(spans)
    with pytest.raises(ForecastError, match=r"a choice before the test span is read[\s\S]+open_test"):
        _ = spans.test
    opened = spans.open_test("linear")
    assert spans.test == opened == spans.open_test("linear")
    with pytest.raises(ForecastError, match=r"one choice, 'linear'[\s\S]+'lstm'[\s\S]+read once, at the end"):
        spans.open_test("lstm")
    assert spans.test == opened


def test_impossible_splits_are_answered_in_words() -> None:
    with pytest.raises(ForecastError, match=r"train to end before validate begins[\s\S]+2007-06-30[\s\S]+mend"):
        split(YEARS, train=("2001-01-01", "2007-06-30"), validate="731D", test="366D")
    with pytest.raises(ForecastError, match=r"validate to end before test begins"):
        split(YEARS, train=DATES["train"], validate=("2007-01-01", "2008-01-01"), test="366D")
    with pytest.raises(ForecastError, match=r"split.test to hold a step[\s\S]+2012[\s\S]+2008-12-31[\s\S]+ingest"):
        split(YEARS, **DATES | {"test": ("2012-01-01", "2012-12-31")})
    with pytest.raises(ForecastError, match=r"split.validate as dates such as[\s\S]+2007-01-32"):
        split(YEARS, **DATES | {"validate": ("2007-01-32", "2007-12-31")})
    with pytest.raises(ForecastError, match=r"split.test as dates such as[\s\S]+'soon'"):
        split(YEARS, test="soon")
    with pytest.raises(ForecastError, match=r"split.test as a positive span[\s\S]+'0%'"):
        split(YEARS, test="0%")
    with pytest.raises(ForecastError, match=r"at least 1 step to train with 50 steps left out[\s\S]+100 steps in all"):
        split(YEARS[:100], 50)


def test_gaps_up_to_the_bound_are_bridged_and_longer_ones_break() -> None:
    observed = np.array([0, 1, 1, 0, 1, 0, 0, 1, 0], dtype=bool)
    assert stretches(observed) == [(1, 3), (4, 5), (7, 8)]
    assert stretches(observed, 1) == [(1, 5), (7, 8)]
    assert stretches(observed, 2) == [(1, 8)]
    assert stretches(~observed[1:3]) == []


@given(st.lists(st.booleans(), max_size=40), st.integers(0, 4), st.integers(1, 4), st.integers(1, 3))
def test_windows_are_all_those_that_no_long_gap_breaks(
    flags: list[bool], max_gap: int, context: int, leads: int
) -> None:
    observed = np.array(flags, dtype=bool)
    unbroken = stretches(observed, max_gap)
    found = windows(unbroken, context, leads).tolist()
    steps = {step for start, stop in unbroken for step in range(start, stop)}
    expected = [
        start for start in range(len(flags)) if all(start + offset in steps for offset in range(context + leads))
    ]
    assert found == expected
    for start in found:
        runs = [len(list(run)) for seen, run in itertools.groupby(flags[start : start + context + leads]) if not seen]
        assert max(runs, default=0) <= max_gap


def test_series_laid_by_their_ends_keep_their_last_steps() -> None:
    values = np.array([[1.0, np.nan, 5.0], [2.0, 4.0, np.nan], [3.0, np.nan, np.nan]])
    times = np.arange("2001-01-01", "2001-01-04", dtype="datetime64[D]").astype("datetime64[ns]")
    coords = {"time": times, "series": ["a", "b", "c"]}
    data = xr.Dataset({"y": (("time", "series"), values, {"units": "1"})}, coords, {"title": "three"})
    laid = ends_together(data, ["y"])
    np.testing.assert_array_equal(laid["y"], [[1.0, np.nan, np.nan], [2.0, np.nan, np.nan], [3.0, 4.0, 5.0]])
    assert laid.attrs == {"title": "three", "axis": "integer"} and laid["y"].attrs == {"units": "1"}
    assert axes.label(laid["time"].values[-1], "integer") == "step 2"


def test_maps_are_not_laid_by_their_ends() -> None:
    data = xr.Dataset({"y": (("time", "lat", "lon"), np.zeros((2, 2, 2)))})
    with pytest.raises(
        ForecastError, match=r"(?s)expected series for \[task\] align = 'end'.*got maps.*leave align out"
    ):
        ends_together(data, ["y"])


def test_spans_are_counted_in_steps_and_may_touch() -> None:
    times = axes.integer_times(np.arange(20))
    wanted = SimpleNamespace(train=None, validate_=3, test=4, gap=None)
    spans = Split.from_config(wanted, times, 4, DAY, least=0)
    read = [axes.label(time, "integer") for time in (*spans.train, *spans.validate, *spans.open_test("lstm"))]
    assert read == ["step 0", "step 12", "step 13", "step 15", "step 16", "step 19"]
