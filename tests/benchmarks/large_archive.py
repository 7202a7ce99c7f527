"""An archive larger than memory: statistics in one pass, 200 training steps, random windows; seconds and peak memory.

The archive (hourly, two variables on 64 x 128 cells, noise with a season and a day; 20 GB unless ``--gigabytes`` says
otherwise) is written by slices through the archive's own writer, into ``--folder`` or a temporary one. Then each
measure is taken in a fresh process, whose peak is the kernel's own (``getrusage``; the page cache is not in it).
Seconds are the processor's, so that other work on the machine does not count. In a folder of yours the archive stays,
and is used again.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import xarray as xr
import zarr

from forecast.archive import Archive
from forecast.batches import Frames, Streams, frames
from forecast.models import MODELS
from forecast.models.base import create
from forecast.registry import member
from forecast.scaling import Scaling
from forecast.snapshots import Snapshots, seconds
from forecast.stages.fit import shape_of
from forecast.training.settings import Training
from forecast.training.tbptt import train
from forecast.windows import windows

VARIABLES = {"t2m": ("K", 280.0, 10.0), "msl": ("Pa", 101_000.0, 900.0)}
LAT, LON = np.linspace(-88.6, 88.6, 64), np.arange(128) * 360 / 128
STEP_BYTES = 4 * len(VARIABLES) * len(LAT) * len(LON)
SLICE = 4096  # steps that are written at a time: 256 MiB
CONTEXT, LEADS, STREAMS, STEPS = 8, 4, 16, 200
MEMORY = int(2e9)
STATISTICS = "scaling.nc"


def generate(folder: Path, gigabytes: float) -> None:
    """Write noise with a season and a day until the archive holds so many bytes of values.

    The first steps are appended, which lays the archive out; the others, known to be new, are put behind them without
    being compared with what stands there.
    """
    archive, rng = Archive(folder / "archive"), np.random.default_rng(0)
    bank = rng.standard_normal((SLICE + 1024, len(LAT), len(LON)), dtype="float32")
    total = round(gigabytes * 1e9 / STEP_BYTES)
    archive.append(_made(0, 2 * 24, bank, rng))
    for start in range(2 * 24, total, SLICE):
        more = _made(start, min(SLICE, total - start), bank, rng)
        with Snapshots(folder / "archive").write() as session:
            group = zarr.open_group(session.store, mode="a")
            for name in ("arrival", *more.variables):
                array = group[str(name)]
                if isinstance(array, zarr.Array) and (array.metadata.dimension_names or ("",))[0] == "time":
                    array.resize((start + more.sizes["time"], *array.shape[1:]))
                    if name != "arrival":
                        values = more[name].values
                        array[start:] = seconds(values) if name == "time" else values
            session.commit(f"{more.sizes['time']} new")


def _made(start: int, steps: int, bank: np.ndarray, rng: np.random.Generator) -> xr.Dataset:
    at, variables = start + np.arange(steps), {}
    wave = np.cos(2 * np.pi * at / (24 * 365.25)) + 0.3 * np.cos(2 * np.pi * at / 24)
    for name, (units, mean, spread) in VARIABLES.items():
        first = int(rng.integers(0, 1024))
        values = bank[first : first + steps] * np.float32(spread / 2)
        values += (mean + spread * wave).astype("float32")[:, None, None]
        variables[name] = (("time", "lat", "lon"), values, {"units": units})
    coords = {"time": pd.Timestamp("1980-01-01") + pd.to_timedelta(at, "h"), "lat": LAT, "lon": LON}
    return xr.Dataset(variables, coords, {"title": "noise with a season", "simulated": "yes"})


def statistics(folder: Path) -> None:
    """Climatology, harmonics, hours and spread of every variable in one pass."""
    observed = Archive(folder / "archive").load()
    begun = time.process_time()
    scaling = Scaling.fit(observed, list(VARIABLES))
    seconds = time.process_time() - begun
    scaling.to_dataset().to_netcdf(folder / STATISTICS)
    size = sum(observed[name].nbytes for name in VARIABLES)
    print(f"{size / 1e9:.1f} GB, {observed.sizes['time']} steps: {seconds:.1f} CPU s, {size / 1e6 / seconds:.0f} MB/s")


def training(folder: Path) -> None:
    """200 updates of a ConvLSTM on windows drawn at random over the whole archive."""
    data = _frames(folder)
    settings = Training(k1=CONTEXT, k2=CONTEXT, streams=STREAMS, epochs=1, spin_up=0, balance=False, shift=False)
    starts = windows([(0, data.values.shape[1])], CONTEXT, LEADS)
    drawn = np.sort(np.random.default_rng(1).choice(starts, STREAMS * STEPS, replace=False))
    pieces = np.stack([drawn, drawn + CONTEXT], axis=1)
    model = create(member("model", MODELS, "convlstm"), shape_of(data), {"hidden": [8], "kernel": 3}, 0)
    learn = Streams(data, pieces, STREAMS, CONTEXT, whole=True)
    begun = time.process_time()
    done = train(model, learn, None, settings)
    seconds = time.process_time() - begun
    reached = f"steps {drawn[0]} to {drawn[-1] + CONTEXT} of {data.values.shape[1]}"
    print(f"{len(learn)} updates of {STREAMS} windows, {reached}: {seconds:.1f} CPU s, loss {done.train[-1]:.3f}")


def draws(folder: Path) -> None:
    """Random windows by block reads, and the same ones cut out of the file one by one."""
    data, zero = _frames(folder), torch.tensor([0])
    starts = windows([(0, data.values.shape[1])], CONTEXT, LEADS)
    whole = np.stack([starts, starts + CONTEXT], axis=1)
    laid = Streams(data, whole, 1, CONTEXT, whole=True).dealt(1)
    order = laid._deal.begin[: 20 * (data.block or 1)]
    steps = torch.arange(CONTEXT + LEADS)[None]
    taken = [_timed(lambda start=start: data.values[zero[:, None], start + steps]) for start in order]
    print(f"{_told(taken)}  a window of {CONTEXT + LEADS} steps by blocks of {data.block} steps, scaled")
    batches = [_timed(lambda number=number: laid[number]) for number in range(2 * (data.block or 1) // STREAMS)]
    print(f"{_told(batches)}  a chunk of training: input channels, and truth at every step and lead")
    observed = Archive(folder / "archive").load()[list(VARIABLES)]
    drawn = np.random.default_rng(2).choice(starts, 50)
    naive = [
        _timed(lambda start=start: observed.isel(time=slice(start, start + CONTEXT + LEADS)).load()) for start in drawn
    ]
    print(f"{_told(naive)}  the same window by xarray's isel, unscaled")


def _frames(folder: Path) -> Frames:
    scaling = Scaling.from_dataset(xr.load_dataset(folder / STATISTICS))
    observed = Archive(folder / "archive").load()
    return frames(observed, scaling, ["t2m"], ["msl"], LEADS, mask=False, memory=MEMORY)


def _timed(call: Callable[[], object]) -> tuple[float, float]:
    """Return the milliseconds of the processor and of the clock that a call takes."""
    before = time.process_time(), time.perf_counter()
    call()
    return 1000 * (time.process_time() - before[0]), 1000 * (time.perf_counter() - before[1])


def _told(taken: list[tuple[float, float]]) -> str:
    used, clock = np.array(taken).T
    told = f"mean {used.mean():.2f} ms, median {np.median(used):.2f}, 99 % under {np.quantile(used, 0.99):.2f}"
    return f"{told} (by the clock: mean {clock.mean():.2f}, median {np.median(clock):.2f})"


def main(arguments: list[str]) -> None:
    """Generate, then take each measure in a process of its own."""
    parser = argparse.ArgumentParser(prog="large_archive", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=20.0)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--stage", choices=["generate", "statistics", "training", "draws"])
    given = parser.parse_args(arguments)
    if given.stage:
        begun = time.perf_counter()
        stages = {"statistics": statistics, "training": training, "draws": draws}
        generate(given.folder, given.gigabytes) if given.stage == "generate" else stages[given.stage](given.folder)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
        used = f"{time.perf_counter() - begun:.0f} s, {time.process_time():.0f} of a CPU"
        print(f"   {given.stage}: {used}, peak {peak:.2f} GB resident", flush=True)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        made = Archive(folder / "archive").version
        for stage in (*(() if made else ("generate",)), "statistics", "training", "draws"):
            command = [
                sys.executable,
                "-m",
                "tests.benchmarks.large_archive",
                "--stage",
                stage,
                "--folder",
                str(folder),
            ]
            subprocess.run([*command, "--gigabytes", str(given.gigabytes)], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
