"""The champion is chosen on the validation span; the test span is opened once, after that; scores are what they say."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import xarray as xr

from forecast import checkpoint
from forecast.errors import ForecastError
from forecast.predict import forecaster
from forecast.stages import compare as stage
from forecast.stages import gate, logbook, records
from forecast.stages.comparison import Comparison
from forecast.stages.problem import pose
from forecast.windows import Split
from tests.stages.conftest import TEXT, Place, place_at
from tests.worlds import forecasts, observations


def test_the_champion_is_chosen_on_validation_and_the_test_span_is_opened_once_after_it(
    trained: Place, compared: tuple[Place, Comparison], monkeypatch: pytest.MonkeyPatch
) -> None:
    story: list[Any] = []
    run, decide, unlock = stage.backtest, gate.decide, Split.open_test

    def backtest(one: Any, observed: xr.Dataset, span: Any, origins: int | None) -> Any:
        story.append(("forecast", span))
        return run(one, observed, span, origins)

    def decided(*given: Any) -> gate.Verdict:
        story.append("decide")
        return decide(*given)

    def opened(split: Split, choice: str) -> Any:
        story.append(("open", choice))
        return unlock(split, choice)

    monkeypatch.setattr(stage, "backtest", backtest)
    monkeypatch.setattr(gate, "decide", decided)
    monkeypatch.setattr(Split, "open_test", opened)
    again = stage.compare(trained)
    problem = pose(trained)
    validate = ("forecast", problem.split.validate)
    test = ("forecast", unlock(problem.split, "any"))
    champion = compared[1].champion
    assert story == [*[validate] * 7, "decide", ("open", champion), *[test] * 7]
    xr.testing.assert_identical(again.test["t2m"], compared[1].test["t2m"])  # and the same once more
    assert len(trained.store.champions()) == 1


def test_scores_are_those_of_the_test_span(compared: tuple[Place, Comparison]) -> None:
    place, done = compared
    problem = pose(place)
    first, last = problem.split.open_test("any")
    truth = problem.observed["t2m"].load()
    axis = problem.observed.get_index("time")
    start, stop = axis.get_loc(first), axis.get_loc(last) + 1
    for lead in (1, 2, 3):
        error = truth.values[start:stop] - truth.values[start - lead : stop - lead]
        found = float(done.test["t2m"]["rmse"].sel(forecaster="persistence").isel(lead=lead - 1))
        assert found == pytest.approx(np.sqrt(np.nanmean(error**2)), rel=1e-9)
        assert int(done.test["t2m"]["scored"].isel(lead=lead - 1)) == 2 * (stop - start)
    assert set(done.test["t2m"].data_vars) >= {
        "rmse",
        "mae",
        "bias",
        "acc_pooled",
        "mase",
        "smape",
        "crps",
        "coverage",
        "skill",
    }
    assert done.span == f"{str(first)[:10]} to {str(last)[:10]}" and done.data_version == place.archive.version


def test_the_store_and_mlflow_hold_the_scores_and_the_champion(compared: tuple[Place, Comparison]) -> None:
    place, done = compared
    record, champion = records.read(place), place.store.champion()
    assert champion is not None and champion["name"] == done.champion
    assert champion["version"] == record.entries[done.champion]["version"]
    kept = place.store.scores()
    assert kept is not None and kept.attrs["champion"] == done.champion and kept.attrs["span"] == done.span
    assert kept["t2m_rmse"].dims == ("forecaster", "lead", "series")
    np.testing.assert_allclose(kept["t2m_rmse_pooled"], done.test["t2m"]["rmse"])
    by_cell = np.sqrt((kept["t2m_rmse"] ** 2).mean("series"))
    np.testing.assert_allclose(by_cell.values, kept["t2m_rmse_pooled"].values)  # both series have every day
    tracker = logbook.tracker(place)
    assert tracker.promoted("stations") == record.entries[done.champion]["registered"]
    runs = tracker.runs().set_index("name")
    assert runs["tags.role"].value_counts()["champion"] == 1 and runs.loc[done.champion, "tags.role"] == "champion"
    rmse = done.test["t2m"]["rmse"].sel(forecaster="lstm").values
    assert runs.loc["lstm", "metrics.test_rmse_t2m_first_lead"] == pytest.approx(rmse[0])
    assert runs.loc["lstm", "metrics.test_rmse_t2m"] == pytest.approx(np.sqrt(np.mean(rmse**2)))


def test_the_champion_is_set_against_the_best_of_the_other_kind(compared: tuple[Place, Comparison]) -> None:
    place, done = compared
    interval = done.intervals["t2m"]
    rmse = done.test["t2m"]["rmse"]
    families = {name: entry["family"] for name, entry in records.read(place).entries.items()}
    assert interval.attrs["a"] == done.champion and families[interval.attrs["b"]] != families[done.champion]
    difference = rmse.sel(forecaster=interval.attrs["a"]) - rmse.sel(forecaster=interval.attrs["b"])
    np.testing.assert_allclose(interval["difference"].values, difference.values)


def test_a_comparison_is_plain_json_by_lead(compared: tuple[Place, Comparison]) -> None:
    done = compared[1]
    plain = json.loads(json.dumps(done.as_dict()))
    assert plain["champion"] == done.champion and plain["data_version"] == done.data_version
    by_lead = plain["scores"]["t2m"]["lstm"]["rmse"]
    assert list(by_lead) == ["P0DT3H0M0S", "P0DT6H0M0S", "P0DT9H0M0S"]
    assert by_lead["P0DT3H0M0S"] == float(done.test["t2m"]["rmse"].sel(forecaster="lstm")[0])
    assert all(path.is_file() for path in done.figures)


def test_the_mean_over_leads_and_targets_is_geometric_so_that_no_unit_tips_it() -> None:
    truth = observations(np.zeros((6, 1)))
    one = forecasts(np.array([[[1.0], [4.0]]] * 3), truth)  # RMSE 1 and 4
    other = forecasts(np.array([[[3.0], [3.0]]] * 3), truth)  # RMSE 3 and 3
    span = (truth["time"].values[2], truth["time"].values[3])
    ranking = stage.rank({"slp": {"a": one, "b": other}}, truth.to_dataset(name="slp"), span)
    assert ranking == pytest.approx({"a": 2.0, "b": 3.0})
    both = xr.Dataset({"slp": truth, "t2m": truth})
    ranking = stage.rank({"slp": {"a": one, "b": other}, "t2m": {"a": one * 1000, "b": other * 1000}}, both, span)
    assert ranking["b"] / ranking["a"] == pytest.approx(1.5)
    perfect = stage.rank({"slp": {"a": one * 0, "b": other}}, truth.to_dataset(name="slp"), span)
    assert perfect["a"] == 0.0


def test_another_configuration_or_none_trained_is_refused(trained: Place, tmp_path: Any) -> None:
    with pytest.raises(ForecastError, match=r"(?s)trained models.*none in .*forecast train"):
        stage.compare(place_at(tmp_path))
    changed = Place(trained.home, trained.pipeline.model_copy(update={"baselines": ("persistence",)}))
    with pytest.raises(ForecastError, match=r"(?s)this very configuration.*now [0-9a-f]{12}.*forecast train"):
        stage.compare(changed)
    assert "lstm" in TEXT and forecaster(checkpoint.load(trained.models / "lstm.safetensors")).name == "lstm"


def test_a_checkpoint_that_a_cut_off_training_wrote_over_is_refused(place: Place) -> None:
    record = place.models / records.FILE
    record.write_text(json.dumps(json.loads(record.read_text()) | {"config": place.pipeline.digest()}))
    (place.models / "mlp.safetensors").write_bytes((place.models / "lstm.safetensors").read_bytes())
    with pytest.raises(ForecastError, match=r"of mlp[\s\S]+of a training that did not end[\s\S]+forecast train"):
        stage.compare(place)
