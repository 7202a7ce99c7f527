"""Tables of series are compared by MASE, every series alike, from the origins that the split asks for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast.cli import tables
from forecast.stages import logbook
from forecast.stages.compare import compare
from forecast.stages.comparison import Comparison
from forecast.stages.ingest import ingest
from forecast.stages.problem import pose
from forecast.stages.train import train
from tests.stages.conftest import Place, place_at

TEXT = """
name = "shops"
baselines = ["persistence", "seasonal_naive"]
[source]
type = "series_table"
paths = ["shops.csv"]
id = "shop"
[task]
targets = ["sold"]
scaling = "series"
seasons = [7]
horizon = 7
quantiles = [0.05, 0.1, 0.5, 0.9, 0.95]
members = 4
[split]
validate = 21
test = 14
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, Comparison]:
    """Return 25 shops of unlike size and length whose week repeats, and what two baselines make of them."""
    place = place_at(tmp_path_factory.mktemp("shops"), TEXT)
    rng, rows = np.random.default_rng(0), []
    for shop in range(25):
        time = pd.date_range("2001-01-01", "2001-05-10")[shop:]
        week = np.exp(shop / 5) * (5 + np.sin(2 * np.pi * time.dayofweek / 7) + 0.3 * rng.normal(size=len(time)))
        rows.append(pd.DataFrame({"shop": f"s{shop}", "time": time, "sold": week}))
    place.write(pd.concat(rows))
    ingest(place)
    train(place)
    return place, compare(place)


def test_the_lowest_mase_on_validation_is_champion(done: tuple[Place, Comparison]) -> None:
    assert done[1].champion == "seasonal_naive"
    assert done[1].span == "2001-04-27 to 2001-05-10"


def test_mase_is_that_of_two_origins_by_the_scale_of_all_that_came_before(done: tuple[Place, Comparison]) -> None:
    place, found = done
    truth = pose(place).observed["sold"].values.astype("float64")  # (time, series), a span of 14 steps
    scale = np.nanmean(abs(truth[7:-14] - truth[:-21]), axis=0)
    weekly = np.concatenate([truth[-21:-14], truth[-14:-7]])  # what seasonal naive says from either origin
    mase = (abs(truth[-14:] - weekly) / scale).mean(axis=0)
    one = found.panels["sold"]
    np.testing.assert_allclose(one.series["mase"].sel(forecaster="seasonal_naive"), mase, rtol=1e-5)
    assert float(one.whole["mase"].sel(forecaster="seasonal_naive")) == pytest.approx(mase.mean(), rel=1e-5)
    assert one.lead["scored"].values.tolist() == [50] * 7


def test_the_difference_has_an_interval_over_series(done: tuple[Place, Comparison]) -> None:
    interval, whole = done[1].intervals["sold"], done[1].panels["sold"].whole["mase"]
    assert interval.attrs["drawn"] == "series" and interval.attrs["a"] == "seasonal_naive"
    difference = whole.sel(forecaster="seasonal_naive") - whole.sel(forecaster="persistence")
    assert float(interval["whole_difference"]) == pytest.approx(float(difference))
    assert float(interval["whole_upper"]) < 0


def test_intervals_cover_about_what_they_promise(done: tuple[Place, Comparison]) -> None:
    whole = done[1].panels["sold"].whole
    for name, share in (("coverage_80", 0.8), ("coverage_90", 0.9)):
        np.testing.assert_allclose(whole[name], share, atol=0.1)  # of 50 errors a lead


def test_json_leads_with_the_scores_over_all_leads(done: tuple[Place, Comparison]) -> None:
    plain = json.loads(json.dumps(done[1].as_dict()))
    assert list(plain)[4] == "overall" and plain["overall"]["sold"]["series"] == 25
    scores = plain["overall"]["sold"]["persistence"]
    assert next(iter(scores)) == "mase" and {"smape", "wql", "msis", "coverage_80", "coverage_90"} <= set(scores)
    assert plain["differences"]["sold"]["whole_lower"] < plain["differences"]["sold"]["whole_upper"]
    assert next(iter(plain["scores"]["sold"]["persistence"]["mase"])) == "P1DT0H0M0S"


def test_the_store_keeps_rmse_as_ever_and_mase_beside_it(done: tuple[Place, Comparison]) -> None:
    place, found = done
    kept = place.store.scores()
    assert kept is not None and kept["sold_rmse"].dims == kept["sold_mase"].dims == ("forecaster", "lead", "series")
    np.testing.assert_allclose(kept["sold_rmse_pooled"], found.test["sold"]["rmse"])
    np.testing.assert_allclose(kept["sold_mase"].mean("series"), kept["sold_mase_mean"], rtol=1e-5)
    assert kept["sold_skill_pooled"].dims == ("baseline", "forecaster", "lead")
    runs = logbook.tracker(place).runs().set_index("name")
    mase = found.panels["sold"].whole["mase"].sel(forecaster="persistence")
    assert runs.loc["persistence", "metrics.test_mase_sold"] == pytest.approx(float(mase))


def test_figures_show_the_distribution_over_series_and_the_forecast_of_a_middling_one(
    done: tuple[Place, Comparison],
) -> None:
    assert {Path(path).stem for path in done[1].figures} >= {"sold_scores", "sold_forecast_and_truth", "sold_quantiles"}


def test_the_terminal_shows_mase_first(done: tuple[Place, Comparison], capsys: pytest.CaptureFixture[str]) -> None:
    tables.compared(done[1], False)
    said = capsys.readouterr().out
    assert "25 series" in said and "MASE of seasonal_naive - persistence = -" in said and "series drawn" in said
    heads = next(line for line in said.splitlines() if "sMAPE" in line)
    assert heads.index("MASE") < heads.index("sMAPE") < heads.index("WQL")
