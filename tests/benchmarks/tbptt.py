"""Truncated BPTT: our loop beside hand-written ones, by CPU time an update; and memory as the record grows."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from forecast.batches import Frames, Sequences, Streams
from forecast.models import MODELS
from forecast.models.base import Model, Shape, create, detach
from forecast.process import settle
from forecast.registry import member
from forecast.training.balance import damped
from forecast.training.settings import Training
from forecast.training.tbptt import train

CHUNK, STREAMS, UPDATES, EPOCHS, PAIRS = 25, 16, 100, 8, 9
LENGTHS = (10_000, 1_000_000, 10_000_000)
LEAN = {"average": 0.0, "weight_decay": 0.0}  # what the loops by hand do without
SPARE = 64  # MiB that the longest record may need beyond the shortest


def _record(steps: int) -> Frames:
    generator = torch.Generator().manual_seed(0)
    return Frames(torch.randn(1, steps, 1, generator=generator).cumsum(1) / 30, targets=1, leads=1)


def _network() -> Model:
    options = {"hidden": 32, "dropout": 0.0, "residual": "none"}
    return create(member("model", MODELS, "lstm"), Shape(inputs=1, leads=1), options, 0)


def _settings(chunk: int, streams: int, epochs: int, **more: float) -> Training:
    return Training(k1=chunk, k2=chunk, streams=streams, epochs=epochs, patience=epochs, shift=False, threads=1, **more)  # type: ignore[arg-type]


def _ours(record: Frames, **more: float) -> float:
    """Return the CPU seconds of a whole ``train``, its set-up included."""
    tape, model = Streams(record, None, STREAMS, CHUNK), _network()
    begun = time.process_time()
    train(model, tape, None, _settings(CHUNK, STREAMS, EPOCHS, **more))
    return time.process_time() - begun


def _cut(record: Frames) -> list[tuple[Tensor, Tensor]]:
    """Return inputs and targets of each update, cut beforehand."""
    values = record.values[0, : UPDATES * CHUNK * STREAMS + 1, 0]
    inputs, targets = (part.reshape(STREAMS, UPDATES, CHUNK).transpose(0, 1) for part in (values[:-1], values[1:]))
    return [(x[:, :, None].clone(), y[:, :, None].clone()) for x, y in zip(inputs, targets, strict=True)]


def _by_hand(record: Frames, model: nn.Module, step: Callable[..., tuple[Tensor, object]]) -> float:
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    pieces = _cut(record)
    begun = time.process_time()
    for _ in range(EPOCHS):
        state: object = None
        for x, target in pieces:
            y, state = step(x, state)
            loss = (y - target).square().mean()
            optimiser.zero_grad()
            loss.backward()
            clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
    return time.process_time() - begun


def _same_network(record: Frames) -> float:
    model = _network()

    def step(x: Tensor, state: dict[str, Tensor] | None) -> tuple[Tensor, object]:
        y, after = model(x, None, state)
        return y[:, :, 0], detach(after)

    return _by_hand(record, model, step)


def _bare_torch(record: Frames) -> float:
    model = nn.ModuleDict({"lstm": nn.LSTM(1, 32, batch_first=True), "head": nn.Linear(32, 1)})

    def step(x: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, object]:
        h, (last, cell) = model["lstm"](x, state)
        return model["head"](h), (last.detach(), cell.detach())

    return _by_hand(record, model, step)


def _set_up(record: Frames) -> float:
    begun = time.process_time()
    damped(Streams(record, None, STREAMS, CHUNK))
    return time.process_time() - begun


def speed() -> None:
    """Interleave our loop with two by hand and print what an update costs each."""
    torch.set_num_threads(1)
    record = _record(UPDATES * CHUNK * STREAMS + 1)
    ways: dict[str, Callable[[Frames], float]] = {
        "by hand, nn.LSTM and nn.Linear": _bare_torch,
        "by hand, our network": _same_network,
        "train(), average and decay off": lambda record: _ours(record, **LEAN),
        "train(), as it comes": _ours,
    }
    for way in ways.values():
        way(record)  # the first optimiser of a process imports for a second
    rounds = [{name: way(record) for name, way in ways.items()} for _ in range(PAIRS)]
    print(
        f"LSTM of 32 units, {STREAMS} streams, k1 = k2 = {CHUNK}, AdamW, clipped by norm; CPU time an update, median of"
    )
    print(f"{PAIRS} interleaved rounds of {EPOCHS * UPDATES} updates; its ratio to each loop by hand, round by round")
    print(f"{'':34}{'µs':>8}{'bare':>8}{'ours':>8}")
    bare, ours = list(ways)[:2]
    for name in ways:
        cost = 1e6 * median(one[name] for one in rounds) / (EPOCHS * UPDATES)
        ratios = (median(one[name] / one[other] for one in rounds) for other in (bare, ours))
        print(f"{name:34}{cost:>8.0f}" + "".join(f"{ratio:>8.2f}" for ratio in ratios))
    fit = median(_set_up(record) for _ in range(PAIRS))
    print(f"set-up: the fit of damped persistence, once a training, {1e6 * fit / UPDATES:.0f} µs a chunk\n")


def _grow(path: str, kind: str) -> None:
    """In a child: train once over the file, print the peak memory, MiB."""
    values = np.load(path, mmap_mode="r")
    tapes = Frames(values[None], 1, 1) if kind == "frames" else Sequences(values[:-1], values[1:])  # type: ignore[arg-type]
    train(_network(), Streams(tapes, None, STREAMS, 100), None, _settings(100, STREAMS, 1))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _write(path: Path, steps: int) -> None:
    """Write a record of red noise, piece by piece."""
    file = np.lib.format.open_memmap(path, "w+", "float32", (steps, 1))
    generator = np.random.default_rng(0)
    for start in range(0, steps, 1_000_000):
        piece = file[start : start + 1_000_000]
        piece[:] = generator.normal(size=piece.shape)
    file.flush()


def memory() -> bool:
    """Print the peak memory of a process that trains once over a record in a file; say whether it stays flat."""
    print(f"one epoch, k1 = k2 = 100, {STREAMS} streams of one series in a file: peak memory of the process, MiB")
    print(f"{'steps':>12}{'file':>9}{'Frames':>11}{'':>9}{'Sequences':>11}")
    first: dict[str, float] = {}
    spare = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for steps in LENGTHS:
            path, line = Path(folder) / f"{steps}.npy", f"{steps:>12,}{4 * steps / 2**20:>9.1f}"
            _write(path, steps)
            for kind in ("frames", "sequences"):
                command = [sys.executable, "-m", "tests.benchmarks.tbptt", str(path), kind]
                peak = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
                growth = peak - first.setdefault(kind, peak)
                line, spare = f"{line}{peak:>11.1f}{growth:>+9.1f}", max(spare, growth)
            print(line, flush=True)
    print(f"the longest needs at most {spare:.1f} MiB more than the shortest; promised: {SPARE}")
    return spare < SPARE


if __name__ == "__main__":
    settle()
    if len(sys.argv) > 1:
        _grow(*sys.argv[1:])
        sys.exit()
    speed()
    sys.exit(not memory())
