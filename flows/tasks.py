"""Each stage as a Prefect task. Only paths, names and ids pass between tasks, never data.

A task that runs twice changes nothing that the first run did: the archive and the store see to it.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from prefect import get_run_logger, task

from forecast import config
from forecast.errors import ForecastError, Unavailable
from forecast.stages.compare import compare as compare_stage
from forecast.stages.ingest import ingest as ingest_stage
from forecast.stages.issue import issue as issue_stage
from forecast.stages.study import study as study_stage
from forecast.stages.train import train as train_stage
from forecast.stages.verify import verify as verify_stage
from forecast.stages.workspace import Workspace

# A source on the network fails now and then: a blink is over in half a minute, an outage often in five.
RETRIES, DELAYS = 2, [30.0, 300.0]


def _short(record: logging.LogRecord) -> bool:
    """Leave the traceback of a refusal out of the log: its three parts say it all."""
    if record.exc_info and isinstance(record.exc_info[1], ForecastError):
        record.exc_info = None
    return True


for _name in ("prefect.task_runs", "prefect.flow_runs"):
    logging.getLogger(_name).addFilter(_short)


def may_pass(task: Any, run: Any, state: Any) -> bool:
    """Say whether a failed task is worth another try: a network or a disk may mend, a refused input will not.

    Args:
        task: the task (Prefect passes it).
        run: its run.
        state: the state that it failed with.
    """
    try:
        state.result()
    except Exception as error:
        return isinstance(error, Unavailable | OSError) and not isinstance(error, FileNotFoundError)
    return False


def _workspace(pipeline: str, home: str) -> Workspace:
    return Workspace(Path(home), config.load(pipeline))


@task(retries=RETRIES, retry_delay_seconds=DELAYS, retry_condition_fn=may_pass)
def ingest(pipeline: str, home: str) -> str:
    """Bring the archive up to date; return the data version."""
    done = ingest_stage(_workspace(pipeline, home)).receipt
    counts = {"new": done.new, "corrected": done.corrected, "late": done.late, "unchanged": done.unchanged}
    said = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    get_run_logger().info("archived %s; data version %s", said, done.version)
    return done.version


@task
def train(pipeline: str, home: str) -> str:
    """Learn every forecaster anew; return MLflow's id of the parent run."""
    done = train_stage(_workspace(pipeline, home))
    names = ", ".join(entry.name for entry in done.entries)
    get_run_logger().info("trained %s on data version %s", names, done.data_version)
    return done.parent_run


@task
def compare(pipeline: str, home: str) -> str:
    """Score every forecaster and promote the champion; return its name."""
    done = compare_stage(_workspace(pipeline, home))
    get_run_logger().info("champion: %s (%s)", done.champion, done.reason)
    return done.champion


@task
def issue(pipeline: str, home: str) -> str:
    """Issue the champion's forecast; return its id."""
    done = issue_stage(_workspace(pipeline, home))
    for sentence in done.degraded:
        get_run_logger().warning("degraded: %s", sentence)
    get_run_logger().info("issued %s: %s", done.forecast_id, done.state)
    return done.forecast_id


@task
def verify(pipeline: str, home: str) -> str:
    """Score what was issued; return how much of it could be scored, in words."""
    done = verify_stage(_workspace(pipeline, home))
    get_run_logger().info("verified: %s", done.note)
    return done.note


@task
def sine(home: str, seeds: int) -> str:
    """Run the sine study; return the path of its figure."""
    done = study_stage(Path(home), "sine", seeds=seeds)
    get_run_logger().info("%s: %s", done.title, done.rows)
    return str(done.figure)
