"""A table of series from file to issue: seasons, spans in steps, judged and learned again, what is known beforehand."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast import checkpoint, config
from forecast.batches import Panel
from forecast.errors import ForecastError
from forecast.schema import LEAD, SERIES, TIME
from forecast.stages import panels, records
from forecast.stages.check import check
from forecast.stages.compare import compare
from forecast.stages.fit import framed, streams
from forecast.stages.ingest import ingest
from forecast.stages.issue import issue
from forecast.stages.problem import pose
from forecast.stages.train import train
from forecast.stages.verify import verify
from forecast.stages.workspace import Workspace

MONTHS, SHOPS, HORIZON = 60, 6, 4
TEXT = f"""
name = "shops"
[source]
type = "series_table"
paths = ["shops.csv"]
id = "shop"
time = "month"
frequency = "month"
units = {{ sales = "1", offer = "1" }}
[task]
targets = ["sales"]
known = ["offer"]
scaling = "series"
horizon = {HORIZON}
members = 5
[split]
validate = {HORIZON}
test = {HORIZON}
[training]
epochs = 2
streams = 4
[[models]]
type = "gru"
hidden = 4
"""


def table() -> pd.DataFrame:
    """Return monthly sales of shops that opened one after another, a season each, and offers known in advance."""
    rng, rows = np.random.default_rng(0), []
    months = pd.period_range("2001-01", periods=MONTHS + HORIZON, freq="M")
    for shop in range(SHOPS):
        offer = rng.integers(0, 2, len(months))
        swing = 1 + 0.3 * np.sin(2 * np.pi * np.arange(len(months)) / 12 + shop)
        sales = 100 * (shop + 1) * swing + 20 * offer + rng.normal(0, 2, len(months))
        sales[MONTHS:] = np.nan
        frame = pd.DataFrame({"shop": f"s{shop}", "month": months.astype(str), "sales": sales, "offer": offer})
        rows.append(frame[2 * shop :])
    return pd.concat(rows)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("panel")
    table().to_csv(folder / "shops.csv", index=False)
    (folder / "shops.toml").write_text(TEXT)
    place = Workspace(folder / "home", config.load(folder / "shops.toml"))
    ingest(place)
    train(place)
    compare(place)
    yield place


def test_months_seasons_and_spans_in_steps_are_found(workspace: Workspace) -> None:
    problem = pose(workspace)
    assert problem.panel and problem.seasons == (12,) and problem.observed["sales"].attrs["season"] == 12
    assert problem.leads == HORIZON and problem.origins == HORIZON and problem.refit
    spans = problem.split
    ends = [str(time)[:7] for time in (spans.train[1], *spans.validate, *spans.open_test("any"))]
    assert ends == ["2005-04", "2005-05", "2005-08", "2005-09", "2005-12"], "known months ahead are not scored"


def test_each_series_is_read_from_its_own_beginning(workspace: Workspace) -> None:
    problem = pose(workspace)
    data, _ = framed(workspace.pipeline, problem)
    assert isinstance(data, Panel) and data.begin.tolist() == [2 * shop for shop in range(SHOPS)]
    settings = workspace.pipeline.training_of(workspace.pipeline.models[0], panels.usual(problem))
    walk = streams(problem, data, [problem.split.train], settings)
    assert walk.stretches.tolist() == [[shop, 2 * shop, MONTHS - 2 * HORIZON] for shop in range(SHOPS)]
    early = streams(problem, data, problem.split.early, settings)
    assert early.valid == ((MONTHS - 2 * HORIZON, MONTHS - 2 * HORIZON + HORIZON // 2),)


def test_windows_cover_each_series_from_its_end_backwards(workspace: Workspace) -> None:
    problem = pose(workspace)
    data, _ = framed(workspace.pipeline, problem)
    usual = panels.usual(problem) | {"mode": "windows", "k1": 20, "k2": 20, "spin_up": 8}
    settings = workspace.pipeline.training_of(workspace.pipeline.models[0], usual)
    pieces = streams(problem, data, [problem.split.train], settings).stretches
    last = pieces[pieces[:, 0] == 5][:, 1:].tolist()
    assert last == [[32, 52], [20, 40], [10, 30]], "windows of 20 steps, 12 apart, the first where the series begins"


def test_what_validation_judges_has_not_learned_from_it(workspace: Workspace) -> None:
    entry = records.read(workspace).entries["gru"]
    judged, used = (checkpoint.load(workspace.folder / path) for path in (entry["judged"]["path"], entry["path"]))
    assert judged.settings["train"][1].startswith("2005-04") and used.settings["train"][1].startswith("2005-08")
    assert judged.version == entry["judged"]["version"] != used.version == entry["version"]
    xr.testing.assert_identical(judged.datasets["calibration:sales"], used.datasets["calibration:sales"])


def test_what_is_known_beforehand_moves_the_forecast_and_later_targets_do_not(workspace: Workspace) -> None:
    from forecast.backtest import at_references
    from forecast.predict import forecaster

    problem = pose(workspace)
    one = forecaster(checkpoint.load(workspace.folder / records.read(workspace).entries["gru"]["path"]))
    at = problem.observed[TIME].values[[MONTHS - HORIZON - 1]]
    after = problem.observed[TIME] > at[0]
    plain = at_references(one, problem.observed, at)["sales"]
    later = problem.observed.assign(sales=problem.observed["sales"].where(~after, 1e6))
    xr.testing.assert_identical(at_references(one, later, at)["sales"], plain)
    offers = problem.observed.assign(offer=problem.observed["offer"].where(~after, 1.0))
    moved = at_references(one, offers, at)["sales"]
    assert (abs(moved - plain).max(SERIES) > 0).all(), "an offer at any lead moves every lead's forecast"


def test_an_issue_goes_on_from_the_last_observed_month(workspace: Workspace) -> None:
    issued = issue(workspace)
    assert issued.forecast.attrs["axis"] == "month" and issued.forecast.sizes[LEAD] == HORIZON
    assert str(issued.forecast["forecast_reference_time"].values[0])[:7] == "2005-12"
    assert np.isfinite(issued.forecast["sales_quantile"].values).all()
    assert verify(workspace).note == "1 issued, 0 of them with a valid time observed by 2005-12"


def test_check_says_how_networks_learn_and_why(workspace: Workspace) -> None:
    facts = check(workspace).facts
    assert facts["seasons"] == "12 steps" and facts["scored from"] == "every 4 steps"
    assert facts["known beforehand"] == "offer" and facts["leads"] == "4, the last after 4 months"
    assert facts["learning"] == "stateful: 6 series of up to 52 steps, each read whole"


def test_maps_have_no_scaling_by_series(tmp_path: Path) -> None:
    text = 'name = "maps"\n[source]\ntype = "simulated"\nyears = 3\n[task]\nscaling = "series"\n'
    (tmp_path / "maps.toml").write_text(text)
    with pytest.raises(ForecastError, match=r"(?s)series for .task. scaling = 'series'.*got maps.*leave scaling out"):
        check(Workspace(tmp_path, config.load(tmp_path / "maps.toml")))


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("validate = 4", "validate = 3", "validation span of at least the 4 steps of the horizon.*got 3.*shorten"),
        ("hidden = 4", 'residual = "damped"', "gru without a residual on a table.*residual = 'damped'.*leave it out"),
    ],
)
def test_what_cannot_be_judged_or_would_be_ignored_is_refused(
    workspace: Workspace, before: str, after: str, words: str
) -> None:
    place = workspace.home.parent / "wrong.toml"
    place.write_text(TEXT.replace(before, after, 1))
    with pytest.raises(ForecastError, match=f"(?s){words}"):
        check(Workspace(workspace.home, config.load(place)))


def test_series_that_came_after_the_training_are_named(workspace: Workspace, tmp_path: Path) -> None:
    shutil.copytree(workspace.home.parent, tmp_path / "grown")
    grown = table()
    new = grown[grown["shop"] == "s0"].assign(shop="s9")
    pd.concat([grown, new]).to_csv(tmp_path / "grown" / "shops.csv", index=False)
    place = Workspace(tmp_path / "grown" / "home", config.load(tmp_path / "grown" / "shops.toml"))
    ingest(place)
    assert "s9 came after the training and are not forecast: train again" in issue(place).degraded


def test_what_is_known_or_looked_at_may_add_to_a_forecast_of_short_series(workspace: Workspace) -> None:
    problem = pose(workspace)
    one = workspace.pipeline.models[0]
    assert panels.wrapped(one, problem)[1]["added"]
    assert not panels.wrapped(one, dataclasses.replace(problem, known=()))[1]["added"]
