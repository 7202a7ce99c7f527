"""One search: trials that Optuna proposes, a journal in a folder, and locks that die with the process that held them.

The journal (Optuna's JournalStorage) gets a line for every step of every trial, so several processes can share a
search. Each holds a lock for the trial it is at. A trial that is begun and whose lock is free was left by a process
that was killed: whoever comes next takes that same trial up again, so that none is lost and none is done twice.

Proposals come from the tree-structured Parzen estimator (Bergstra et al. 2011, NeurIPS 24), its seed being the search's
and the number of the trial: they follow from the trials before, not from how often the search was begun. A trial is
given up early by the median rule (Golovin et al. 2017, Google Vizier, section 3.2): at some epoch its lowest loss so
far is above the median of the others' losses there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock, Timeout
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from forecast.errors import ForecastError
from forecast.tuning.spaces import Choice, Range, Space

Pruned = optuna.TrialPruned
STARTUP = 4  # trials that end before any is given up
STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}


@dataclass(frozen=True)
class Tried:
    """One trial as the journal has it.

    Attributes:
        number: from 0.
        state: complete, pruned (given up early), failed, running, or waiting.
        loss: what it reached; of a pruned one the last that it told, of a failed one None.
        values: name in the search space -> what was tried.
        curve: epoch -> loss.
        notes: what was written down with it.
    """

    number: int
    state: str
    loss: float | None
    values: dict[str, Any]
    curve: dict[int, float]
    notes: dict[str, Any]


class Search:
    """A search in a folder, made or gone on with.

    Args:
        folder: of this search alone: of this space, on these data, for this measure.
        axes: the search space.
        first: the values of the first trial.
        warmup: epochs that no trial is given up in.
        seed: of the proposals.
    """

    def __init__(self, folder: Path, axes: Space, first: Mapping[str, Any], *, warmup: int, seed: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.folder, self.axes, self._seed = folder, axes, seed
        self._turn = FileLock(folder / "turn.lock")
        with self._turn:
            journal, lock = folder / "journal.log", _Lock(folder / "journal.lock")
            lock.mend(journal)
            storage = JournalStorage(JournalFileBackend(str(journal), lock))  # type: ignore[arg-type]
            pruner = optuna.pruners.MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=warmup + 1)
            self._study = optuna.create_study(
                storage=storage, study_name=folder.name, pruner=pruner, direction="minimize", load_if_exists=True
            )
            if not self._study.trials:
                self._study.enqueue_trial({name: _written(axes[name], value) for name, value in first.items()})

    def next(self, most: int) -> Attempt | None:
        """Begin a trial, or take up again one whose process was killed; None where ``most`` are done or under way.

        Args:
            most: trials of the whole search, whichever process did them.
        """
        with self._turn:
            trials = self._study.get_trials(deepcopy=False)
            for one in trials:
                if one.state is TrialState.RUNNING and (lock := self._claimed(one.number)):
                    return self._attempt(optuna.Trial(self._study, one._trial_id), lock, again=True)
            begun = sum(one.state is not TrialState.WAITING for one in trials)
            if begun >= most:
                return None
            self._study.sampler = optuna.samplers.TPESampler(seed=self._seed * 1_000_003 + begun, constant_liar=True)
            trial = self._study.ask()
            lock = self._claimed(trial.number)
            assert lock is not None, "a number just given out is nobody else's"
            return self._attempt(trial, lock, again=False)

    def tried(self) -> list[Tried]:
        """Return all trials that were begun, the first first."""
        trials = self._study.get_trials(deepcopy=False)
        return [self._told(one) for one in trials if one.state is not TrialState.WAITING]

    def best(self) -> Tried:
        """Return the complete trial of the lowest loss.

        Raises:
            ForecastError: none is complete.
        """
        done = [one for one in self.tried() if one.state == "complete" and one.loss is not None]
        if not done:
            remedy = "run it again, which goes on from here, with more --minutes; or train for fewer epochs"
            raise ForecastError("a trial that came to its end", "none in the time given", remedy)
        return min(done, key=lambda one: (one.loss, one.number))

    def _claimed(self, number: int) -> FileLock | None:
        """Return the lock of a trial, held; None where another process holds it."""
        lock = FileLock(self.folder / f"{number}.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return None
        return lock

    def _attempt(self, trial: optuna.Trial, lock: FileLock, again: bool) -> Attempt:
        values = {}
        for name, axis in self.axes.items():
            if isinstance(axis, Choice):
                values[name] = _read(trial.suggest_categorical(name, [_written(axis, one) for one in axis.values]))
            else:
                values[name] = _round(trial.suggest_float(name, axis.low, axis.high, log=axis.log))
        told = self._study.get_trials(deepcopy=False)[trial.number].intermediate_values
        return Attempt(self._study, trial, values, lock, again, dict(told))

    def _told(self, one: FrozenTrial) -> Tried:
        values = {name: _read(value) if isinstance(value, str) else _round(value) for name, value in one.params.items()}
        loss = one.value if one.state in (TrialState.COMPLETE, TrialState.PRUNED) else None
        return Tried(one.number, STATES[one.state], loss, values, dict(one.intermediate_values), dict(one.user_attrs))


class Attempt:
    """A trial under way, as ``Search.next`` gives it out: Optuna's ``trial`` of a ``study``, its ``lock`` held.

    Attributes:
        number: from 0.
        values: name in the search space -> what is tried.
        again: whether a process that was killed began it.
        curve: epoch -> loss, so far.
    """

    def __init__(
        self,
        study: optuna.Study,
        trial: optuna.Trial,
        values: dict[str, Any],
        lock: FileLock,
        again: bool,
        curve: dict[int, float],
    ) -> None:
        self._study, self._trial, self._lock = study, trial, lock
        self.number, self.values, self.again, self.curve = trial.number, values, again, curve

    def tell(self, epoch: int, loss: float) -> None:
        """Write down the ``loss`` after an ``epoch``.

        Raises:
            Pruned: others did better by then; the trial is to be given up.
        """
        if epoch not in self.curve:
            self.curve[epoch] = loss
            self._trial.report(loss, epoch)
        if self._trial.should_prune():
            raise Pruned

    def end(self, loss: float | None = None, *, pruned: bool = False, **notes: Any) -> None:
        """Close the trial: complete with its ``loss``, ``pruned``, or, with neither, failed.

        Args:
            loss: what it reached.
            pruned: it was given up early.
            notes: what to write down with it, plain JSON.
        """
        for name, note in notes.items():
            self._trial.set_user_attr(name, note)
        state = TrialState.PRUNED if pruned else TrialState.FAIL if loss is None else TrialState.COMPLETE
        self._study.tell(self.number, loss if state is TrialState.COMPLETE else None, state)
        self.leave()

    def leave(self) -> None:
        """Let go of the trial, ended or not; one that is not is taken up again by whoever comes next."""
        self._lock.release()


class _Lock:
    """The lock of a journal; the system frees it when its process ends, however that ends. Optuna's own stay behind."""

    def __init__(self, path: Path) -> None:
        self._lock = FileLock(path)

    def acquire(self) -> bool:
        self._lock.acquire()
        return True

    def release(self) -> None:
        self._lock.release()

    def mend(self, journal: Path) -> None:
        """Take away a last line that was cut short (full disk, power cut): the next one would be glued to it."""
        with self._lock:
            content = journal.read_bytes() if journal.is_file() else b""
            if content and not content.endswith(b"\n"):
                journal.write_bytes(content[: content.rfind(b"\n") + 1])


def _written(axis: Choice | Range, value: Any) -> Any:
    """Return a value as Optuna keeps it: of a choice as JSON, spelled as the choice has it."""
    return json.dumps(axis.values[axis.values.index(value)]) if isinstance(axis, Choice) else value


def _round(value: float) -> float:
    """Return a number as a person can write it down: what is tried is what the file will say."""
    return float(f"{value:.4g}")


def _read(text: str) -> Any:
    value = json.loads(text)
    return tuple(value) if isinstance(value, list) else value
