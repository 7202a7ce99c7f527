"""The first look at a table: shape, names, times, roles, horizon and split are seen, said, and can be read back."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast.errors import ForecastError
from forecast.stages.starter import start

CHANCE = np.random.default_rng(0)
DAYS = pd.date_range("2015-01-01", periods=120)


def begin(folder: Path, frame: pd.DataFrame, name: str = "a.csv", **written: Any) -> tuple[dict[str, Any], str]:
    """Return the pipeline that is written for a frame, and all that was said."""
    frame.to_csv(folder / name, **{"index": False, **written})
    starter = start("mine", [folder / name])
    return tomllib.loads(starter.text), "\n".join(starter.guesses)


def gamma(count: int) -> np.ndarray:
    return np.round(CHANCE.gamma(4, size=count), 2)


def shops() -> pd.DataFrame:
    """Sales of two shops and two goods, with a column of every role."""
    frames = []
    for shop, town in ((1, "Oslo"), (2, "Rome")):
        for good in ("BREAD", "MILK"):
            rows = pd.DataFrame({"date": DAYS, "shop_nbr": shop, "family": good, "sales": gamma(120)})
            more = {"onpromotion": CHANCE.integers(0, 2, 120), "rain": gamma(120), "area": shop * 10.5, "town": town}
            frames.append(rows.assign(**more))
    return pd.concat(frames)


def test_every_column_of_a_long_table_gets_its_role(tmp_path: Path) -> None:
    found, said = begin(tmp_path, shops())
    source, task = found["source"], found["task"]
    assert (source["time"], source["id"]) == ("date", ["shop_nbr", "family"])
    assert source["columns"] == ["sales", "onpromotion", "rain"]
    assert task["targets"] == ["sales"] and task["known"] == ["onpromotion"] and task["covariates"] == ["rain"]
    assert task["static"] == source["attributes"] == ["shop_nbr", "family", "town", "area"]
    assert task["scaling"] == "series" and task["horizon"] == 14 and found["split"] == {"validate": 28, "test": 14}
    assert [model["type"] for model in found["models"]] == ["lstm", "mlp"]
    for words in ("a row for each shop_nbr and family and time", "target sales", "onpromotion: give their values"):
        assert words in said
    assert (
        "4 series of 120 (1:BREAD) steps; missing between a series' first and last: sales none" in said
        and "constant within each series: shop_nbr" in said
    )


def test_values_that_go_on_after_the_target_are_known_beforehand(tmp_path: Path) -> None:
    frame = pd.DataFrame({"date": DAYS, "demand": gamma(120), "plan": gamma(120), "wind": gamma(120)})
    frame.loc[110:, ["demand", "wind"]] = np.nan
    found, said = begin(tmp_path, frame)
    assert found["task"]["known"] == ["plan"] and found["task"]["covariates"] == ["wind"]
    assert "known beforehand: plan\n" in said


@pytest.mark.parametrize(
    ("rule", "count", "horizon"),
    [
        ("30min", 400, 96),
        ("h", 400, 48),
        ("D", 120, 14),
        ("7D", 80, 8),
        ("7D", 120, 13),
        ("MS", 90, 18),
        ("QS", 40, 8),
        ("YS", 30, 6),
        ("YS", 12, 4),
    ],
)
def test_the_horizon_is_the_usual_one_of_the_step_and_shorter_for_short_series(
    tmp_path: Path, rule: str, count: int, horizon: int
) -> None:
    frame = pd.DataFrame({"when": pd.date_range("1980-01-01", periods=count, freq=rule), "y": gamma(count)})
    found, said = begin(tmp_path, frame)
    assert found["task"]["horizon"] == horizon and f"horizon {horizon} steps" in said
    assert ("would be usual" in said) == (count == 12)


def test_few_long_series_are_judged_over_several_horizons(tmp_path: Path) -> None:
    found, _ = begin(tmp_path, pd.DataFrame({"time": pd.date_range("2001", periods=700), "y": gamma(700)}))
    assert found["split"] == {"validate": 70, "test": 70}  # 700 // (10 x 14) = 5 horizons


def test_a_row_a_series_is_laid_by_its_end(tmp_path: Path) -> None:
    rows = [[f"Y{count}", *gamma(count), *[None] * (40 - count)] for count in (20, 31, 40)]
    found, said = begin(tmp_path, pd.DataFrame(rows, columns=[f"V{number}" for number in range(1, 42)]))
    assert found["source"]["shape"] == "rows" and found["source"]["id"] == "V1" and found["task"]["align"] == "end"
    assert "its steps are the columns V2 to V41" in said and "67% of the series end early" in said


def test_columns_alike_are_series_of_a_wide_table(tmp_path: Path) -> None:
    wide = pd.DataFrame({f"MT_{number}": gamma(400) for number in range(5)})
    wide.index = pd.date_range("2011", periods=400, freq="15min")
    found, said = begin(tmp_path, wide, index=True)
    assert found["source"]["shape"] == "wide" and found["source"]["time"] == "unnamed_0"
    assert found["task"]["targets"] == ["value"] and "each of its 5 columns is a series" in said


def test_numbered_steps_take_the_season_that_they_show(tmp_path: Path) -> None:
    wave = np.sin(np.arange(240) * 2 * np.pi / 12) + 0.1 * CHANCE.normal(size=240)
    found, said = begin(tmp_path, pd.DataFrame({"x": wave}))
    assert found["source"]["time"] == "" and found["task"]["horizon"] == 12
    assert "no column holds times" in said and "seasons found before the last 48 steps: 12" in said


@pytest.mark.parametrize(
    ("frame", "written", "source", "words"),
    [
        (
            pd.DataFrame({"Tag": DAYS.strftime("%d.%m.%Y"), "Last": gamma(120)}),
            {"sep": ";", "decimal": ","},
            {"separator": ";", "decimal": ",", "time": "Tag", "time_format": "%d.%m.%Y"},
            "fields are parted by ';'",
        ),
        (
            pd.DataFrame({"Date": DAYS.strftime("%m/%d/%Y"), "Close": gamma(120)}),
            {},
            {"time": "Date", "time_format": "%m/%d/%Y"},
            "if day and month are exchanged",
        ),
        (
            pd.DataFrame({"YEAR": np.arange(1700.0, 1760), "spots": gamma(60)}),
            {},
            {"frequency": "year"},
            "1700 to 1759",
        ),
        (
            pd.DataFrame({"year": (1959 + np.arange(60) / 12).round(4), "co2": gamma(60)}),
            {},
            {"frequency": "month"},
            "step 1 month, 1959-01 to 1963-12",
        ),
        (
            pd.DataFrame({"at": DAYS + pd.to_timedelta(CHANCE.integers(0, 80_000, 120), "s"), "y": gamma(120)}),
            {},
            {"frequency": "day"},
            "uneven stamps are brought to a frequency: day",
        ),
        (
            pd.DataFrame(
                [
                    (f"s{n}", day, n)
                    for n in range(7)
                    for day in pd.date_range(f"2011-01-0{n + 1}", periods=40, freq="7D")
                ],
                columns=["series", "time", "value"],
            ).assign(value=gamma(280)),
            {},
            {"frequency": "week", "id": "series"},
            "single series have one value a week",
        ),
    ],
)
def test_times_are_understood_as_people_write_them(
    tmp_path: Path, frame: pd.DataFrame, written: Any, source: Any, words: str
) -> None:
    found, said = begin(tmp_path, frame, **written)
    assert source.items() <= found["source"].items() and words in said


@pytest.mark.parametrize(
    ("years", "name", "scaling"), [(3, "temp", "climatology"), (1, "temp", "series"), (3, "flow", "series")]
)
def test_years_of_a_known_quantity_stay_weather(tmp_path: Path, years: int, name: str, scaling: str) -> None:
    hours = pd.date_range("2001", periods=365 * 8 * years + 8, freq="3h")
    found, said = begin(tmp_path, pd.DataFrame({"time": hours, name: gamma(len(hours))}))
    assert found["task"].get("scaling", "climatology") == scaling
    assert ("anomalies from its climatology" in said) == (scaling == "climatology")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("time,x\n2001-01-01,1\n2001-01-01,2\n", r"tell the series(.|\n)*several rows of one time(.|\n)*source.id"),
        ("time,note\n2001-01-01,a\n2001-01-02,b\n", r"a table with columns of numbers(.|\n)*time, note"),
        ("1,2,3,4,5,6,7\n1,2,3,4,5,6,7\n", r"names the series of each row(.|\n)*set source.id"),
    ],
)
def test_a_table_that_tells_too_little_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ForecastError, match=words):
        start("mine", [tmp_path / "a.csv"])
