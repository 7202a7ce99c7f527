"""Workers: processes that run the cases of a study side by side, one thread each.

A worker's settings must stand before torch is loaded, so this page imports none of it: the study is loaded by name. A
worker is deaf to Ctrl-C, which its parent hears, and ends with its parent, however that one ends.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from threading import Thread
from typing import Any

from forecast.errors import ForecastError
from forecast.process import cpu_seconds, settle
from forecast.registry import member
from forecast.studies.base import Case, Study, opened

Options = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Outcome:
    """What came of one case.

    Attributes:
        values: what the study's ``run`` returned.
        cpu_seconds: what it cost.
    """

    values: Mapping[str, Any]
    cpu_seconds: float


def outcomes(
    study: str, options: Options, cases: Sequence[Case], workers: int, done: Callable[[Case, Outcome], None]
) -> None:
    """Run cases side by side.

    Args:
        study: "module:Class" of the study.
        options: its own, in pairs, as written by a user.
        cases: of the study.
        workers: processes.
        done: called with each case and its outcome, in the order of the cases.

    Raises:
        ForecastError: a case refused its input, or a worker was ended from outside.
        Exception: a case failed; a note names it.
    """
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(min(workers, len(cases)), multiprocessing.get_context("spawn"), begin)
    try:
        with _deaf():
            futures = [pool.submit(work, study, options, case) for case in cases]
        for case, future in zip(cases, futures, strict=True):
            try:
                outcome = future.result()
            except ForecastError as error:
                raise ForecastError(error.expected, f"{error.got} (case: {case})", error.remedy) from error
            except BrokenProcessPool as error:
                remedy = "give it fewer workers; a script that starts studies needs `if __name__ == '__main__':`"
                raise ForecastError("workers that live to the end", f"one ended near {case}", remedy) from error
            except Exception as error:
                error.add_note(f"in the case: {case}")
                raise
            done(case, outcome)
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in set(multiprocessing.active_children()) - others:
            worker.terminate()
        raise
    pool.shutdown()


@contextmanager
def _deaf() -> Iterator[None]:
    """Block Ctrl-C: processes started meanwhile never hear it, this one hears it afterwards."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def begin() -> None:
    """Settle a worker: one thread, and gone when its parent is."""
    settle(threads=1)
    Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def work(study: str, options: Options, case: Case) -> Outcome:
    """Run one ``case`` of a ``study`` with its ``options``, in a worker."""
    experiment = _opened(study, options)
    begun = cpu_seconds()
    values = experiment.run(case)
    return Outcome(values, cpu_seconds() - begun)


@cache
def _opened(study: str, options: Options) -> Study:
    return opened(member("study", {"study": study}, "study"), dict(options))
