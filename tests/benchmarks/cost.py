"""Cost: an LSTM of ours beside those of darts and neuralforecast: process start to forecast, a training step, memory.

Equal for all: one series of hourly shape in a file, number of updates, batch, window, hidden units, leads, step size,
one layer, one thread, no validation, no logs. Each is written as its own documentation has it (peers/) and runs in a
process of its own, one library after the other, round by round; ratios are taken within a round. What differs: ours
judges the forecasts from every step of a window and keeps an average of the weights, as it comes; neuralforecast and
darts' BlockRNN judge those from the window's last step; darts' RNN forecasts step by step.

The peers live in environments of their own, named by their interpreters; one that is not named is left out:

    python -m venv darts && darts/bin/pip install torch==2.13.0 "darts==0.48.1" "pytorch-lightning==2.6.6" tensorboardX
    python -m venv nf && nf/bin/pip install torch==2.13.0 "neuralforecast==3.3.0"
    FORECAST_PEER_DARTS=darts/bin/python FORECAST_PEER_NEURALFORECAST=nf/bin/python python -m tests.benchmarks cost
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

ROOT, SCRIPTS = Path(__file__).parents[2], Path(__file__).parent / "peers"
WINDOW, LEADS, HIDDEN, BATCH = 48, 12, 32, 32
SHORT, LONG, EPOCH = 100, 600, 100  # updates of two runs, whose difference is a step's cost; of one of our epochs
STEPS = 10_000
LENGTHS = (10_000, 100_000, 1_000_000)
COVERING = 700  # updates whose windows together are as long as the longest series
ROUNDS = 5
HALF, SPARE = 0.5, 16  # what is promised: of a peer's time from start to forecast; MiB beside the longest series' file


@dataclass(frozen=True)
class Way:
    """One library: the interpreter, and the words after it."""

    name: str
    python: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Run:
    """One process: seconds on the clock and of the processor, peak memory in MiB, and the error of its forecast."""

    wall: float
    cpu: float
    peak: float
    error: float


def ways() -> list[Way]:
    """Return ours and the peers that are there; say which are not."""
    found = [Way("ours", sys.executable, (str(SCRIPTS / "ours.py"),))]
    darts = str(SCRIPTS / "with_darts.py")
    for variable, many in (
        ("FORECAST_PEER_DARTS", {"darts BlockRNN": (darts, "block"), "darts RNN": (darts, "rnn")}),
        ("FORECAST_PEER_NEURALFORECAST", {"neuralforecast": (str(SCRIPTS / "with_neuralforecast.py"),)}),
    ):
        if python := os.environ.get(variable):
            found += [Way(name, python, words) for name, words in many.items()]
        else:
            print(f"left out: {', '.join(many)}; {variable} names no interpreter (see the page of this benchmark)")
    return found


def series(steps: int) -> np.ndarray:
    """Return a day and a week of an hourly series with noise, and the steps that are to be forecast."""
    hour = np.arange(steps + LEADS)
    noise = 0.1 * np.random.default_rng(0).normal(size=len(hour))
    return (np.sin(2 * np.pi * hour / 24) + 0.5 * np.sin(2 * np.pi * hour / 168) + noise).astype("float32")


def run(way: Way, path: Path, updates: int, epoch: int) -> Run:
    """Run a library once, from the start of its process to its forecast.

    Args:
        way: the library.
        path: the series' file; its continuation lies beside it.
        updates: of the weights.
        epoch: updates in one of our epochs.
    """
    sizes = (updates, updates // epoch, WINDOW, LEADS, HIDDEN, BATCH)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    environment = {
        **os.environ,
        **threads,
        "PYTHONPATH": str(ROOT) if way.name == "ours" else "",
        "PYTHONWARNINGS": "ignore",
    }
    command = [way.python, *way.words, str(path), *map(str, sizes)]
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as told:
        begun = time.perf_counter()
        process = subprocess.Popen(command, env=environment, cwd=path.parent, stdout=said, stderr=told)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        told.seek(0)
        if process.returncode:
            raise RuntimeError(f"{way.name} failed:\n{told.read()[-2000:]}")
        answer = json.loads(said.read().splitlines()[-1])
    if answer["updates"] != updates:
        raise RuntimeError(f"{way.name} made {answer['updates']} updates, not {updates}")
    truth = np.load(path.with_suffix(".ahead.npy"))
    error = float(np.sqrt(np.mean((np.array(answer["forecast"]) - truth) ** 2)))
    return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, error)


def written(folder: Path, steps: int) -> Path:
    """Write a series and its continuation."""
    values, path = series(steps), folder / f"{steps}.npy"
    np.save(path, values[:-LEADS])
    np.save(path.with_suffix(".ahead.npy"), values[-LEADS:])
    return path


def speed(libraries: list[Way], folder: Path, rounds: int) -> bool:
    """Print what a forecast from scratch and what a training step cost; say whether ours took at most half."""
    path = written(folder, STEPS)
    for way in libraries:
        run(way, path, SHORT, EPOCH)  # the first one compiles
    short: list[dict[str, Run]] = []
    long: list[dict[str, Run]] = []
    for _ in range(rounds):
        for kept, updates in ((short, SHORT), (long, LONG)):
            kept.append({way.name: run(way, path, updates, EPOCH) for way in libraries})
    print(f"\nLSTM of {HIDDEN} units, window {WINDOW}, {LEADS} leads, batch {BATCH}, one thread, {STEPS:,} steps;")
    print(f"median of {rounds} interleaved rounds; in brackets ours over theirs, round by round")
    print(f"start to forecast: {SHORT} updates; a step: CPU time of {LONG} updates less that of {SHORT}, each")
    heads = ("wall s", "", "CPU s", "", "a step, ms", "", f"RMSE, {LONG}")
    print(f"{'':16}" + "".join(f"{head:>{6 if not head else 12}}" for head in heads))
    measures: list[Callable[[int, str], float]] = [
        lambda number, name: short[number][name].wall,
        lambda number, name: short[number][name].cpu,
        lambda number, name: 1e3 * (long[number][name].cpu - short[number][name].cpu) / (LONG - SHORT),
    ]
    half = True
    for way in libraries:
        line = f"{way.name:16}"
        for place, measure in enumerate(measures):
            ratio = median(measure(number, "ours") / measure(number, way.name) for number in range(rounds))
            line += f"{median(measure(number, way.name) for number in range(rounds)):>12.2f}"
            line += "      " if way.name == "ours" else f"{f'({ratio:.2f})':>6}"
            half = half and (way.name == "ours" or place == 2 or ratio <= HALF)
        print(f"{line}{median(one[way.name].error for one in long):>12.3f}", flush=True)
    print(f"asked of start to forecast: at most {HALF} of each; {'held' if half else 'NOT held'}")
    return half


def memory(libraries: list[Way], folder: Path) -> bool:
    """Print peak memory as the series grows; say whether ours stays flat."""
    print(f"\npeak memory of the process, MiB, as the series grows; {COVERING} updates over windows of all of it")
    print(f"{'steps':>16}" + "".join(f"{steps:>18,}" for steps in LENGTHS))
    flat = True
    for way in libraries:
        peaks = [run(way, written(folder, steps), COVERING, COVERING).peak for steps in LENGTHS]
        print(f"{way.name:16}" + "".join(f"{peak:>10.0f} {peak - peaks[0]:>+7.0f}" for peak in peaks), flush=True)
        flat = flat and (way.name != "ours" or peaks[-1] - peaks[0] < SPARE)
    print(f"promised of ours: at most {SPARE} MiB more for the longest; {'held' if flat else 'NOT held'}")
    return flat


def main(words: list[str]) -> int:
    """Measure; ``--rounds N`` for another number of rounds."""
    rounds = int(words[words.index("--rounds") + 1]) if "--rounds" in words else ROUNDS
    libraries = ways()
    with tempfile.TemporaryDirectory() as folder:
        fast = speed(libraries, Path(folder), rounds)
        return not (memory(libraries, Path(folder)) and fast)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
