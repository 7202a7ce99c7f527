"""The doctor at the command line: a table, advice, and where the numbers went."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Call


def test_the_models_of_a_pipeline_are_examined(here: Path, forecast: Call) -> None:
    said = forecast("doctor", "tiny.toml", width=100)
    assert said.code == 0 and "The doctor's findings" in said.out and "rnn" in said.out and "\n- " in said.out
    for words in ("reach,", "growth", "radius", "half-life,", "clipped", "doctor_rnn.png", "mlflow ui"):
        assert words in said.out, words
    run = next(line.split()[1].rstrip(",") for line in said.lines if line.startswith("run "))
    (one,) = json.loads(forecast("doctor", run, "--model", "rnn", "--json").out)
    assert (one["name"], one["run_id"], one["gradient_by_lag"][0]) == ("rnn", run, 1) and one["advice"]
    assert {"doctor/growth", "doctor/radius/layer0.candidate", "doctor/clipped"} <= one["metrics"].keys()
    assert Path(one["figure"]).is_file()


def test_an_unknown_run_is_refused_in_three_parts(here: Path, forecast: Call) -> None:
    said = forecast("doctor", "f" * 32)
    assert said.code == 2 and "expected a run of the tracking store" in said.err and "got 'ffff" in said.err
    assert "do copy the id" in said.err and "Traceback" not in said.err
    assert "a run id, or the name of a pipeline" in forecast("doctor", "weather").err
