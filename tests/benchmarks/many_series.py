"""Many series: 100,000 of up to 1,000 steps ingested, one more day appended, all loaded; seconds and peak memory.

Each series is noise around a level, float32, and begins somewhere in the first half of the axis; one value in a hundred
is missing. Every measure is taken in a fresh process: seconds of the processor and by the clock, and the kernel's own
peak of resident memory (``getrusage``), the Dataset that is ingested or loaded included. ``--series`` and ``--steps``
say otherwise.
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
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast.config import Pipeline
from forecast.sources.base import Source
from forecast.stages.ingest import ingest
from forecast.stages.workspace import Workspace

DAYS = 10
PIPELINE = {"name": "many", "source": {"type": "series_table", "path": "-"}, "task": {"horizon": "7D"}}


class Made(Source):
    """A table of many series.

    Args:
        steps: of the axis.
        series: how many.
    """

    def __init__(self, steps: int, series: int) -> None:
        super().__init__()
        self.steps, self.series = steps, series

    def fetch(self, start: Any = None, end: Any = None) -> xr.Dataset:
        """Return all of it; ``start`` and ``end`` are not looked at."""
        rng = np.random.default_rng(0)
        values = np.empty((self.steps, self.series), "float32")
        begin = rng.integers(0, self.steps // 2, self.series)
        for step in range(self.steps):
            values[step] = 100 + rng.standard_normal(self.series, "float32")
            values[step, (begin > step) | (rng.random(self.series, "float32") < 0.01)] = np.nan
        return _dataset("2001-01-01", values)


def _dataset(first: str, values: np.ndarray) -> xr.Dataset:
    ids = np.char.add("series_", np.arange(values.shape[1]).astype(str))
    coords = {"time": pd.date_range(first, periods=len(values)), "series": ids}
    return xr.Dataset({"y": (("time", "series"), values, {"units": "1"})}, coords, {"title": "noise"})


def _ingest(workspace: Workspace, steps: int, series: int) -> None:
    workspace.__dict__["source"] = Made(steps, series)
    begun = time.perf_counter()
    made = workspace.source.fetch()
    print(f"   (the source alone: {time.perf_counter() - begun:.1f} s)")
    workspace.source.fetch = lambda *span: made  # type: ignore[method-assign]
    print(f"   {ingest(workspace).receipt}")


def _append(workspace: Workspace, steps: int, series: int) -> None:
    values = np.random.default_rng(1).standard_normal((1, series), "float32")
    taken = []
    for day in range(DAYS):
        first = pd.Timestamp("2001-01-01") + pd.Timedelta(days=steps + day)
        taken.append(_seconds(lambda first=first: workspace.archive.append(_dataset(str(first), values + 100))))
    print(f"   {DAYS} days one by one: median {median(taken):.2f} s, longest {max(taken):.2f} s a day")
    again = _seconds(lambda: workspace.archive.append(_dataset(str(first), values + 100)))
    print(f"   the last of them again, nothing written: {again:.2f} s")


def _load(workspace: Workspace, steps: int, series: int) -> None:
    data: list[xr.Dataset] = []
    whole = _seconds(lambda: data.append(workspace.archive.load().load()))
    one = _seconds(lambda: workspace.archive.load().isel(series=series // 2).load())
    ten = _seconds(lambda: workspace.archive.load().isel(time=slice(-10, None)).load())
    held = data[0].nbytes / 1e9
    print(f"   {dict(data[0].sizes)}, {held:.2f} GB: {whole:.1f} s; one series {one:.2f} s; ten steps {ten:.2f} s")


def _seconds(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def main(arguments: list[str]) -> None:
    """Take each measure in a process of its own."""
    parser = argparse.ArgumentParser(prog="many_series", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--series", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=1_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--stage", choices=(stages := {"ingest": _ingest, "append": _append, "load": _load}))
    given = parser.parse_args(arguments)
    if given.stage:
        begun = time.perf_counter()
        stages[given.stage](Workspace(given.folder, Pipeline(**PIPELINE)), given.steps, given.series)  # type: ignore[arg-type]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
        used = f"{time.perf_counter() - begun:.1f} s, {time.process_time():.1f} of a CPU"
        print(f"{given.stage}: {used}, peak {peak:.2f} GB resident", flush=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        for stage in stages:
            command = [sys.executable, "-m", "tests.benchmarks.many_series", "--stage", stage, "--folder", folder]
            subprocess.run([*command, f"--series={given.series}", f"--steps={given.steps}"], check=True)
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        print(f"the folder: {size / 1e9:.2f} GB")


if __name__ == "__main__":
    main(sys.argv[1:])
