"""Each command says what it did and what to do next; as JSON it says nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import xarray as xr

from forecast.cli import app
from tests.cli.conftest import Call

COMMANDS = [command.callback.__name__ for command in app.registered_commands if command.callback]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(forecast: Call, command: str) -> None:
    said = forecast(command, "--help")
    assert said.code == 0 and f"Usage: forecast {command}" in said.out
    callbacks = {one.callback.__name__: one.callback for one in app.registered_commands if one.callback}
    promise = " ".join((callbacks[command].__doc__ or "").split("\n\n")[0].split())
    assert promise and promise in " ".join(said.out.split()) and "Args:" not in said.out


def test_the_version_is_told(forecast: Call) -> None:
    assert forecast("--version").out == "forecast 0.1.0\n"


def test_a_run_shows_comparison_issue_and_what_to_do_next(home: Path) -> None:
    said, told = (home / "said.txt").read_text(), (home / "told.txt").read_text()
    for words in ("archived: 800 new", "Trained and calibrated", "RMSE [°C]", "champion:", "issued tiny-", "next:"):
        assert words in said
    for name in ("persistence", "damped_persistence", "climatology", "seasonal_naive", "linear", "rnn"):
        assert name in said
    assert "…" not in said and f"--home {home / 'data'}" in said
    assert "train rnn" in told and "WARNING" not in told and "Traceback" not in told


def test_what_a_run_proposes_next_works(home: Path, forecast: Call) -> None:
    lines = (home / "said.txt").read_text().splitlines()
    query = next(line.split() for line in lines if line.strip().startswith("forecast query"))
    words = query[1 : query.index("--home") + 2]
    assert "--at" in words and forecast(*words).code == 0


def test_the_same_observations_again_are_nothing_new(here: Path, forecast: Call) -> None:
    said = forecast("ingest", "tiny.toml")
    assert said.code == 0 and "nothing new: all 800 steps" in said.out and "forecast train tiny.toml" in said.out


def test_a_pipeline_is_checked_without_a_run(here: Path, forecast: Call, tmp_path: Path) -> None:
    said = forecast("check", "tiny.toml", "--home", tmp_path / "none")
    assert said.code == 0 and "temp [degC]" in said.out and "forecast run tiny.toml" in said.out
    assert not (tmp_path / "none").exists()


def test_the_champion_is_issued_and_verified(here: Path, forecast: Call) -> None:
    issued = forecast("issue", "tiny.toml", "--at", "2022-02-01")
    assert issued.code == 0 and "issued tiny-20220131T0000" in issued.out
    assert "forecast query tiny --at north" in issued.out
    verified = forecast("verify", "tiny.toml")
    assert "RMSE [degC] of issued forecasts" in verified.out and "2 issued, 1 of them" in verified.out
    rows = json.loads(forecast("verify", "tiny.toml", "--json").out)["rows"]
    assert {row["forecaster"] for row in rows} >= {"issued forecast", "persistence"}
    assert all(row["scored"] == 2 for row in rows)


@pytest.mark.parametrize("command", ["check", "ingest", "compare", "issue", "verify"])
def test_json_is_all_that_is_on_standard_output(here: Path, forecast: Call, command: str) -> None:
    said = forecast(command, "tiny.toml", "--json")
    assert said.code == 0 and json.loads(said.out) and "━" not in said.err


def test_training_again_tells_each_forecaster(here: Path, forecast: Call) -> None:
    entries = json.loads(forecast("train", "tiny.toml", "--json").out)["entries"]
    assert [entry["family"] for entry in entries] == ["baseline"] * 5 + ["model"]
    assert entries[-1]["name"] == "rnn" and entries[-1]["parameters"] > 0


def test_the_starter_file_passes_the_check(forecast: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = forecast("init", "--name", "maps")
    assert said.code == 0 and "wrote pipeline.toml" in said.out and "forecast check pipeline.toml" in said.out
    assert 'name = "maps"' in (tmp_path / "pipeline.toml").read_text()


@pytest.mark.parametrize("width", [80, 100])
def test_a_place_is_answered_with_interval_baselines_and_skill(here: Path, forecast: Call, width: int) -> None:
    said = forecast("query", "tiny", "--at", "north", "--tomorrow", width=width)
    assert said.code == 0 and "air temperature [degC], 2022-03-1" in said.out and "5% to 95%" in said.out
    for words in ("persis-", "climat-", "linear", "skill", " to ", " %", "next:"):
        assert words in said.out.replace("\N{NO-BREAK SPACE}", " ")
    assert "…" not in said.out and max(map(len, said.lines)) <= max(width, 90)


def test_one_column_can_be_asked_for(here: Path, forecast: Call) -> None:
    said = forecast("query", "tiny.toml", "--at", "south", "--variable", "temp_quantile_0.05")
    assert said.code == 0 and "temp_quantile_0.05" in said.out and "persis" not in said.out


def test_an_answer_is_a_file_in_each_format(here: Path, forecast: Call, tmp_path: Path) -> None:
    csv = forecast("query", "tiny", "--at", "north", "--format", "csv")
    assert csv.out.startswith("valid_time,lead_hours,temp") and len(csv.lines) == 3
    assert json.loads(forecast("query", "tiny", "--at", "north", "--json").out)["units"]["temp"] == "degC"
    said = forecast("query", "tiny", "--at", "north", "--format", "netcdf", "--output", tmp_path / "a.nc")
    assert said.out == "" and "wrote" in said.err
    with xr.open_dataset(tmp_path / "a.nc") as answer:
        assert answer["temp"].sizes == {"lead": 2}
    assert forecast("query", "tiny", "--at", "north", "--output", tmp_path / "a.csv").code == 0
    assert (tmp_path / "a.csv").read_text().startswith("valid_time,lead_hours,temp")


def test_without_a_place_a_file_holds_the_whole_issue_or_all_of_them(
    here: Path, forecast: Call, tmp_path: Path
) -> None:
    assert forecast("query", "tiny", "--output", tmp_path / "all.csv").code == 0
    assert (tmp_path / "all.csv").read_text().count("\n") == 5  # a head, two leads of two stations
    assert "wrote" in forecast("query", "tiny", "--cube", "--output", tmp_path / "cube.nc").err
    with xr.open_dataset(tmp_path / "cube.nc", decode_timedelta=True) as cube:
        assert cube["temp_quantile"].dims == ("forecast_reference_time", "lead", "quantile", "series")
