"""`forecast tune` on the terminal and as JSON, what it writes, and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from forecast.cli import show
from tests.cli.conftest import Call


def test_a_search_tells_what_was_tried_and_writes_a_pipeline_that_can_be_checked(here: Path, forecast: Call) -> None:
    said = forecast("tune", "tiny.toml", "--trials", 2, "--keep", "layers", width=120)
    assert said.code == 0, said.err
    out = said.out.replace("\N{NO-BREAK SPACE}", " ")
    assert "Tuned: rnn" in out and "0, as it stood" in out and "2 trials of 2: 2 complete" in out
    assert "wrote tiny.tuned.toml" in said.out and "forecast run tiny.tuned.toml" in said.out
    assert "layers" not in said.out
    assert forecast("check", "tiny.tuned.toml").code == 0
    again = json.loads(forecast("tune", "tiny.toml", "--trials", 2, "--keep", "layers", "--json").out)
    (found,) = again["found"]
    assert again["output"] == "tiny.tuned.toml" and found["before"] == 2
    assert [one["state"] for one in found["tried"]] == ["complete", "complete"]
    assert found["best"]["loss"] == min(one["loss"] for one in found["tried"])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--model", "gru"], r"a model of the pipeline to tune: rnn\n.*'gru'\n.*name one of them"),
        (["--keep", "hiden"], r"keys of rnn that are searched: (.|\n)*'hiden'"),
        (["--output", "tiny.toml"], r"has written, or a new one\n.*tiny.toml, a file of yours\n.*another --output"),
        (["--output", "no/such/x.toml"], r"an output in a folder that is there"),
    ],
)
def test_bad_input_is_refused_in_three_parts(here: Path, forecast: Call, words: list[str], expected: str) -> None:
    said = forecast("tune", "tiny.toml", *words, width=show.WIDE)
    assert said.code == 2 and said.out == ""
    assert re.search(expected, said.err), said.err
