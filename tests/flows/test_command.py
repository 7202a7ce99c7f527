"""The flows' command line: from any folder, in three parts when it refuses, never a schedule that cannot fire."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows import chains, pipeline
from forecast.errors import ForecastError, Unavailable
from tests import tiny


@pytest.mark.parametrize("arguments", [[], ["daily"], ["weekly", "tiny.toml"], ["sine", "tiny.toml"], ["serve"]])
def test_an_unknown_flow_is_refused_with_the_known(arguments: list[str]) -> None:
    with pytest.raises(
        ForecastError, match=r"ingest, train, compare, issue, verify, all, daily, serve(.|\n)*pipeline.toml"
    ):
        pipeline.main(arguments)


def test_a_flow_runs_from_any_folder_and_ends_with_what_it_did(home: Path, tmp_path: Path) -> None:
    file = os.path.relpath(home / "tiny.toml", tmp_path)
    done = tiny.python("-m", "flows.pipeline", "ingest", file, cwd=tmp_path, **_server(tmp_path))
    assert done.returncode == 0 and done.stdout.startswith("tiny: data version ")
    assert f"next: python -m flows.pipeline train {file}" in done.stdout and "archived 800 new" in done.stderr


def test_a_refusal_ends_the_command_with_three_parts_and_status_2(home: Path, tmp_path: Path) -> None:
    done = tiny.python("-m", "flows.pipeline", "issue", str(home / "tiny.toml"), cwd=tmp_path, **_server(tmp_path))
    assert done.returncode == 2 and done.stdout == ""
    assert "\nexpected a champion\n     got none has been promoted\n      do run" in done.stderr
    assert "Traceback" not in done.stderr


def _server(folder: Path) -> dict[str, str]:
    return {"PREFECT_API_URL": str(PREFECT_API_URL.value()), "FORECAST_HOME": str(folder / "data")}


def test_a_missing_pipeline_is_refused_before_prefect_is_asked() -> None:
    with pytest.raises(ForecastError, match=r"a pipeline file(.|\n)*none.toml"):
        pipeline.main(["daily", "none.toml"])


def test_a_schedule_without_a_server_is_refused(home: Path) -> None:
    words = r"PREFECT_API_URL(.|\n)*never fire(.|\n)*prefect server start"
    with temporary_settings(restore_defaults={PREFECT_API_URL}), pytest.raises(ForecastError, match=words):
        pipeline.serve(str(home / "tiny.toml"), str(home))


def test_a_server_that_does_not_answer_is_said_so_at_once(home: Path) -> None:
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        for call in (lambda: pipeline.serve(str(home / "tiny.toml"), ""), lambda: pipeline.main(["sine"])):
            with pytest.raises(Unavailable, match=r"answers at http://127.0.0.1:9/api(.|\n)*prefect server start"):
                call()


def test_a_bad_cron_is_refused(tmp_path: Path) -> None:
    file = tiny.write(tmp_path)
    file.write_text(file.read_text().replace("0 6 * * *", "at six"))
    with pytest.raises(ForecastError, match=r"cron of five fields(.|\n)*'at six'(.|\n)*\[schedule\]"):
        pipeline.serve(str(file), str(tmp_path))


def test_a_schedule_runs_the_day_one_at_a_time_and_is_found_from_any_folder(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict = {}
    monkeypatch.setattr(chains.daily, "serve", lambda **options: given.update(options))
    pipeline.serve(str(home / "tiny.toml"), "/data")
    assert given["name"] == "tiny" and given["limit"] == 1
    assert given["schedule"].cron == "0 6 * * *" and given["schedule"].timezone == "UTC"
    assert given["parameters"] == {"pipeline": str(home / "tiny.toml"), "home": "/data"}
    assert given["entrypoint_type"].value == "module_path"
