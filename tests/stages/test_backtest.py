"""A backtest is what would have been: learned from nothing later, forecast as live, judged on what nothing chose."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.backtest import at_references, references
from forecast.baselines import BASELINES, STATISTICS
from forecast.cli import backtest as command
from forecast.errors import ForecastError
from forecast.predict import Forecaster, forecaster, predict
from forecast.registry import member
from forecast.stages import backtest as stage
from forecast.stages.compare import compare
from forecast.stages.ingest import ingest
from forecast.stages.problem import Problem, pose
from forecast.stages.train import train
from forecast.stages.workspace import silent
from tests.stages.conftest import Place, place_at

TEXT = """
name = "shops"
baselines = [{baselines}]
[source]
type = "series_table"
paths = ["shops.csv"]
id = "shop"
[task]
targets = ["sold"]
scaling = "series"
seasons = [7]
horizon = 4
quantiles = [0.1, 0.5, 0.9]
members = 4
[split]
validate = 16
test = 12
"""
NETWORK = """
[training]
epochs = 1
[[models]]
type = "gru"
hidden = 4
"""


def shops(folder: pytest.TempPathFactory, baselines: list[str], more: str = "") -> Place:
    """Return a pipeline of 22 shops over 90 days, unlike in size and length, ingested."""
    place = place_at(folder.mktemp("shops"), TEXT.format(baselines=json.dumps(baselines)[1:-1]) + more)
    rng, rows = np.random.default_rng(0), []
    for shop in range(22):
        time = pd.date_range("2001-01-01", periods=90)[shop:]
        week = np.exp(shop / 5) * (5 + np.sin(2 * np.pi * time.dayofweek / 7) + rng.normal(size=len(time)).cumsum() / 9)
        rows.append(pd.DataFrame({"shop": f"s{shop}", "time": time, "sold": week}))
    place.write(pd.concat(rows))
    ingest(place)
    return place


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Return a pipeline of two baselines, trained and compared."""
    place = shops(tmp_path_factory, ["persistence", "linear"])
    train(place)
    compare(place)
    return place


@pytest.fixture(scope="module")
def everyone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Problem, list[Forecaster]]:
    """Return a problem, and our own baselines of series and a network that learned what was known at step 60."""
    kinds = {name: member("baseline", BASELINES, name).kinds for name in BASELINES if name not in STATISTICS}
    place = shops(tmp_path_factory, [name for name, kind in kinds.items() if "series" in kind], NETWORK)
    problem = pose(place)
    problem.observed.load()
    then = stage.known(place, problem, problem.observed["time"].values[60], None)
    return problem, [forecaster(one) for one in stage.learned(place, then, silent)]


@settings(max_examples=6, deadline=None)
@given(at=st.integers(60, 85), seed=st.integers(0, 10**6), lost=st.booleans())
def test_changing_the_future_moves_no_forecast(
    everyone: tuple[Problem, list[Forecaster]], at: int, seed: int, lost: bool
) -> None:
    problem, many = everyone
    assert {"persistence", "seasonal_naive", "drift", "linear", "gru"} <= {one.name for one in many}
    other = problem.observed.copy(deep=True)
    size = other["sold"][at + 1 :].shape
    other["sold"][at + 1 :] = np.nan if lost else 1e6 * np.random.default_rng(seed).normal(size=size)
    reference = problem.observed["time"].values[[at]]
    for one in many:
        before, after = (at_references(one, data, reference)["sold"] for data in (problem.observed, other))
        np.testing.assert_array_equal(before, after, err_msg=one.name)


@settings(max_examples=6, deadline=None)
@given(at=st.integers(45, 85), back=st.none() | st.integers(30, 60))
def test_changing_the_future_changes_nothing_that_is_learned_from(
    everyone: tuple[Problem, list[Forecaster]], place: Place, at: int, back: int | None
) -> None:
    problem, _ = everyone
    other = problem.observed.copy(deep=True)
    other["sold"][at + 1 :] *= -7
    last = problem.observed["time"].values[at]
    one, two = (stage.known(place, posed, last, back) for posed in (problem, replace(problem, observed=other)))
    xr.testing.assert_identical(one.observed, two.observed)
    assert one.split == two.split and one.observed["time"].values[-1] == one.split.validate[1] == last
    assert one.observed.sizes["time"] == min(at + 1, back or 90)


@pytest.mark.parametrize("name", STATISTICS)
def test_changing_the_future_moves_no_forecast_of_the_statisticians(place: Place, name: str) -> None:
    pytest.importorskip("statsforecast")
    one, truth = member("baseline", BASELINES, name)(), pose(place).observed["sold"].isel(series=[0, 3]).load()
    truth.attrs["season"] = 1
    one.fit(truth[:40], 4)
    changed = truth.copy(deep=True)
    changed[61:] *= -7
    before, after = (one.forecast(data, truth["time"].values[[60]]) for data in (truth, changed))
    np.testing.assert_array_equal(before, after)
    assert before.notnull().all()


def test_a_forecast_is_the_live_one_of_what_was_learned_then(place: Place) -> None:
    problem = pose(place)
    span = problem.split.open_test("any")
    at = references(problem.observed, span, 4, 4)
    central, quantiles, _ = stage._forecasts(place, problem, [at[:2], at[2:]], None, silent)
    for number, reference in enumerate(at):
        then = stage.known(place, problem, at[0] if number < 2 else at[2], None)
        seen = problem.observed.sel(time=slice(None, reference))
        for one in map(forecaster, stage.learned(place, then, silent)):
            live, _ = predict(one, seen, reference)
            np.testing.assert_array_equal(central["sold"][one.name][number], live["sold"][0])
            np.testing.assert_array_equal(quantiles["sold"][one.name][number], live["sold_quantile"][0])


def test_the_validation_span_is_judged_until_a_champion_was_chosen(place: Place) -> None:
    chosen = stage.backtest(place)
    assert chosen.which == "test" and chosen.span == "2001-03-20T00:00 to 2001-03-31T00:00"
    assert chosen.refits == ["2001-03-19T00:00"]
    other = Place(place.home, place.pipeline.model_copy(update={"baselines": ("persistence", "drift")}))
    before = stage.backtest(other, refit=2)  # another configuration: nothing was chosen for it
    assert before.which == "validation" and before.span == "2001-03-04T00:00 to 2001-03-19T00:00"
    assert before.refits == ["2001-03-03T00:00", "2001-03-11T00:00"]
    assert json.loads(before.path.read_text()) == before.as_dict()


def test_learning_again_is_promoting_nothing_and_a_window_forgets(place: Place) -> None:
    champions, kept = place.store.champions(), sorted(place.models.rglob("*"))
    again, short = stage.backtest(place, refit=1), stage.backtest(place, window="40")
    assert len(again.refits) == 3 and place.store.champions() == champions and sorted(place.models.rglob("*")) == kept
    mase = [done.panels["sold"].whole["mase"].sel(forecaster="linear").item() for done in (again, short)]
    assert mase[0] != mase[1]
    persistence = [done.panels["sold"].whole["mase"].sel(forecaster="persistence").item() for done in (again, short)]
    assert persistence[0] == persistence[1]  # learns nothing


def test_a_window_is_steps_days_or_years(place: Place) -> None:
    problem = pose(place)
    assert [stage.steps_of(text, problem) for text in ("40", "10D", "2Y", "36h")] == [40, 10, 730, 2]
    for text in ("soon", "1h", "0"):
        with pytest.raises(ForecastError, match=rf"(?s)--window as steps.*{text}.*leave it out"):
            stage.steps_of(text, problem)
    with pytest.raises(ForecastError, match=r"(?s)--refit of 1 origin or more.*0.*leave it out"):
        stage.backtest(place, refit=0)


def test_the_command_prints_the_scores_or_json(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    file = place.home.parent / "pipeline.toml"
    command.backtest(file, None, None, place.home, False)
    said = capsys.readouterr().out
    assert "sold: 22 series, test span" in said and "learned 1 times, with what was known at 2001-03-19" in said
    command.backtest(file, 2, "60", place.home, True)
    plain = json.loads(capsys.readouterr().out)
    assert plain["which"] == "test" and plain["overall"]["sold"]["linear"]["mase"] > 0 and len(plain["refits"]) == 2


def test_stations_are_backtested_by_rmse(trained: Place) -> None:
    alone = Place(trained.home, trained.pipeline.model_copy(update={"models": (), "baselines": ("persistence",)}))
    done = stage.backtest(alone, refit=60)
    assert done.which == "validation" and not done.panels and len(done.refits) > 1
    assert float(done.tables["t2m"]["rmse"][0, 0]) > 0
