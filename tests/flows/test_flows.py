"""Every flow walks its stages; what may pass is tried again, what was refused is not."""

from __future__ import annotations

import re
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows import chains, pipeline, tasks
from forecast.errors import ForecastError, Unavailable

Flow = Callable[..., Any]


@pytest.fixture(scope="module")
def run(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Flow:
    """Run a flow by name on the tiny pipeline, after ``all`` has run once."""
    data = str(tmp_path_factory.mktemp("data"))

    def call(name: str) -> str:
        return pipeline.run(name, str(home / "tiny.toml"), data)

    assert "tiny: issued tiny-20220310T0000-" in call("all")
    return call


def test_the_work_of_a_day_ends_with_what_it_did_and_what_to_do_next(run: Flow) -> None:
    did, step = run("daily").splitlines()
    assert did.startswith("tiny: issued tiny-20220310T0000-") and step == "next: forecast serve tiny"


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("ingest", r"data version \w+"),
        ("train", r"MLflow run [0-9a-f]{32}"),
        ("compare", r"champion \w+"),
        ("issue", r"issued tiny-\S+"),
        ("verify", r"verified 1 issued, 0 of them"),
    ],
)
def test_each_stage_is_a_flow_of_its_own(run: Flow, name: str, result: str) -> None:
    did, step = run(name).splitlines()
    assert re.match(rf"tiny: {result}", did) and step.startswith("next: ")


FEW = {"epochs": 1}


def test_the_sine_study_is_a_flow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stage = tasks.study_stage
    monkeypatch.setattr(tasks, "study_stage", lambda home, name, seeds: stage(home, name, seeds=seeds, options=FEW))
    assert Path(chains.sine(str(tmp_path), seeds=1)).stat().st_size > 10_000


class Faulty:
    """A stage that fails some times with an error, then works."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error, self.times, self.calls = error, times, 0

    def __call__(self, workspace: Any) -> Any:
        self.calls += 1
        if self.calls <= self.times:
            raise self.error
        return ingested


ingested = type("Ingested", (), {"receipt": type("Receipt", (), dict.fromkeys(("new", "corrected", "late"), 0))})
ingested.receipt.unchanged, ingested.receipt.version = 3, "V1"  # type: ignore[attr-defined]
SERVER_DOWN = urllib.error.URLError("no route to host")


@pytest.fixture
def ingest(monkeypatch: pytest.MonkeyPatch, home: Path, tmp_path: Path) -> Callable[[Faulty], Any]:
    """Run the task of ingest with a faulty stage; tries follow at once."""

    def call(stage: Faulty) -> Any:
        monkeypatch.setattr(tasks, "ingest_stage", stage)
        return tasks.ingest.with_options(retry_delay_seconds=0)(str(home / "tiny.toml"), str(tmp_path))

    return call


@pytest.mark.parametrize("error", [SERVER_DOWN, TimeoutError("slow"), Unavailable("an answer", "none", "wait")])
def test_a_fault_that_passes_is_tried_again(ingest: Callable[[Faulty], Any], error: Exception) -> None:
    stage = Faulty(error, times=2)
    assert ingest(stage) == "V1" and stage.calls == 3


@pytest.mark.parametrize("error", [ForecastError("a", "b", "c"), KeyError("bug"), FileNotFoundError("gone")])
def test_a_refused_input_is_not_tried_again(ingest: Callable[[Faulty], Any], error: Exception) -> None:
    stage = Faulty(error, times=1)
    with pytest.raises(type(error)):
        ingest(stage)
    assert stage.calls == 1


def test_a_fault_that_stays_ends_the_task_with_its_own_error(ingest: Callable[[Faulty], Any]) -> None:
    stage = Faulty(SERVER_DOWN, times=9)
    with pytest.raises(urllib.error.URLError, match="no route"):
        ingest(stage)
    assert stage.calls == 1 + tasks.RETRIES


def test_only_paths_names_and_ids_pass_between_tasks() -> None:
    stages = (tasks.ingest, tasks.train, tasks.compare, tasks.issue, tasks.verify)
    assert {tuple(task.fn.__annotations__.values()) for task in stages} == {("str", "str", "str")}
    assert not any(task.persist_result for task in stages)
