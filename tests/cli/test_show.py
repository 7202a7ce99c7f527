"""What the terminal shows is never cut off, and JSON is JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

from forecast.cli import show

HEADS = ["forecaster", "skill vs persistence", "a column [degF]", "last"]
ROWS = [["damped_persistence", 1.0, "[bold]24.8 to 41.3[/]", None], ["gru", -2.345, "1 to 2", 7]]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_table_shows_every_cell_whole_at_any_width(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(show.console, "width", width)
    show.table("t [hPa]", HEADS, ROWS)
    out = capsys.readouterr().out.replace("\N{NO-BREAK SPACE}", " ")
    for text in (
        "t [hPa]",
        "damped_persistence",
        "persistence",
        "[degF]",
        "24.8 to 41.3",
        "1.00",
        "-2.35",
        "7.00",
        "–",
    ):
        assert text in out
    assert "…" not in out


def test_a_table_that_is_too_wide_goes_on_below_with_its_first_column(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(show.console, "width", 50)
    show.table("t", HEADS, ROWS)
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 50
    assert out.count("damped_persistence") == 2 and out.count("24.8") == 1


def test_json_has_no_nan_and_plain_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    show.as_json({"a": [np.float32(0.5), float("nan"), np.inf, np.int64(3)], 1: np.datetime64("2020-01-01"), "n": None})
    found = json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(name))
    assert found == {"a": [0.5, None, None, 3], "1": "2020-01-01", "n": None}


def test_bars_and_errors_leave_standard_output_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with show.progress() as report:
        report("train", 1, 2)
        report("train", 2, 2)
    said = capsys.readouterr()
    assert said.out == "" and "2/2" in said.err
    with show.progress(quiet=True) as report:
        report("train", 2, 2)
    assert capsys.readouterr().err == ""


def test_plain_text_is_not_read_as_markup(capsys: pytest.CaptureFixture[str]) -> None:
    show.say("temp [degF] in [red]")
    show.facts("found [m]", {"targets": "slp [Pa]"})
    assert capsys.readouterr().out.splitlines()[0] == "temp [degF] in [red]"
