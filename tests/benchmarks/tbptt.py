"""Truncated BPTT: our loop beside a hand-written one with the same network; and memory as the record grows."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from statistics import median

import torch
from torch.nn.utils import clip_grad_norm_

from forecast.batches import Frames, Streams
from forecast.models import MODELS
from forecast.models.base import Model, Shape, create, detach
from forecast.process import settle
from forecast.registry import member
from forecast.training.settings import Training
from forecast.training.tbptt import train

CHUNK, STREAMS, STEPS, EPOCHS, PAIRS = 24, 8, 24_000, 3, 7
LENGTHS = (10_000, 100_000, 1_000_000)


def _frames(steps: int) -> Frames:
    generator = torch.Generator().manual_seed(0)
    return Frames(torch.randn(1, steps, 1, generator=generator).cumsum(1) / 30, targets=1, leads=1)


def _network() -> Model:
    options = {"hidden": 32, "dropout": 0.0, "residual": "none"}
    return create(member("model", MODELS, "lstm"), Shape(inputs=1, leads=1), options, 0)


def _ours(frames: Frames, epochs: int, chunk: int, streams: int) -> float:
    settings = Training(k1=chunk, k2=chunk, streams=streams, epochs=epochs, patience=epochs, shift=False, threads=1)
    tape = Streams(frames, [(0, frames.values.shape[1])], streams, chunk)
    model = _network()
    begun = time.perf_counter()
    train(model, tape, None, settings)
    return time.perf_counter() - begun


def _by_hand(frames: Frames, epochs: int) -> float:
    model = _network()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    values = frames.values[0, : STEPS // STREAMS * STREAMS, 0].reshape(STREAMS, -1)
    begun = time.perf_counter()
    for _ in range(epochs):
        state = None
        for start in range(0, values.shape[1] - CHUNK, CHUNK):
            y, state = model(values[:, start : start + CHUNK, None], None, state)
            loss = (y[:, :, 0, 0] - values[:, start + 1 : start + CHUNK + 1]).square().mean()
            optimiser.zero_grad()
            loss.backward()
            clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            state = detach(state)
    return time.perf_counter() - begun


def _peak(steps: int) -> float:
    """Return the peak memory of a process that trains once over a record, MiB."""
    done = subprocess.run([sys.executable, "-m", __spec__.name, str(steps)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    """Interleave the two loops, then grow the record; in a child (with a length): train once, print the peak."""
    if len(sys.argv) > 1:
        _ours(_frames(int(sys.argv[1])), 1, 100, 1)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    torch.set_num_threads(1)
    frames = _frames(STEPS)
    _ours(frames, 1, CHUNK, STREAMS), _by_hand(frames, 1)  # the first optimiser of a process imports for a second
    pairs = [(_ours(frames, EPOCHS, CHUNK, STREAMS), _by_hand(frames, EPOCHS)) for _ in range(PAIRS)]
    updates = EPOCHS * (STEPS // STREAMS // CHUNK)
    ours, hand = (1000 * median(column) / updates for column in zip(*pairs, strict=True))
    print(f"LSTM of 32 units, {STREAMS} streams, k1 = k2 = {CHUNK}: ms an update (median of {PAIRS} runs, interleaved)")
    print(f"{'our loop':16}{ours:>8.2f}\n{'by hand':16}{hand:>8.2f}")
    print(f"ratio {median(first / second for first, second in pairs):.2f}")
    peaks = [_peak(steps) for steps in LENGTHS]
    print("one epoch, k1 = k2 = 100, one stream: peak memory of the process, MiB")
    for steps, peak in zip(LENGTHS, peaks, strict=True):
        print(
            f"{steps:>12,} steps{peak:>10.1f}{peak - peaks[0]:>+10.1f}   (the record itself: {4 * steps / 2**20:.1f})"
        )


if __name__ == "__main__":
    settle()
    main()
