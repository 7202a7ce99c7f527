"""Series in the archive: ragged on disk, dense for who loads them, whatever pieces they came in."""

from __future__ import annotations

from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.archive import Archive, Receipt

STEPS, IDS = 12, ["a", "b", "c", "d", "e"]
TIMES = pd.date_range("2001-01-01", periods=STEPS)
SMALL = {"ragged.CHUNK": 3, "ragged.BLOCK": 30, "series.SMALL": 4, "merge.SEEN_CELLS": 4}


def piece(values: Any, first: int = 0, ids: list[str] | None = None) -> xr.Dataset:
    """Return values (time, series) from a step on; of the second variable only where the first ones' are even."""
    values = np.asarray(values, "float32")
    coords = {"time": TIMES[first : first + len(values)], "series": ids or IDS[: values.shape[1]]}
    other = np.where(values % 2 == 0, values / 8, np.nan)
    data = {"y": (("time", "series"), values, {"units": "1"}), "z": (("time", "series"), other, {"units": "K"})}
    return xr.Dataset(data, coords, {"title": "pieces"})


class Oracle:
    """The same on one dense table of all steps and series that will ever be."""

    def __init__(self) -> None:
        blank = piece(np.full((STEPS, len(IDS)), np.nan))
        self.ids: list[str] = []
        self.data, self.end = blank, 0

    def append(self, ds: xr.Dataset) -> tuple[int, int, int, int, int]:
        came = ds.reindex_like(self.data)
        known, fresh = self.data.notnull().to_array(), came.notnull().to_array()
        fill = (fresh & ~known).any(["variable", "series"]).values
        fixed = (fresh & known & (came != self.data).to_array()).any(["variable", "series"]).values
        had, step = known.any(["variable", "series"]).values, np.arange(STEPS)
        asked = np.isin(TIMES, ds["time"])
        if not self.ids:
            self.begin, self.ids = int(np.argmax(fill)), list(ds["series"].values)
        seen = fresh.any(["variable", "time"])
        self.ids += [one for one in ds["series"].values if seen.sel(series=one) and one not in self.ids]
        end, after = self.end, step >= self.end
        span = (step >= min(int(np.argmax(asked)), end if end else STEPS)) & (step <= np.flatnonzero(asked)[-1])
        self.data = came.fillna(self.data).assign_attrs(ds.attrs)
        observed = np.flatnonzero(self.data.notnull().to_array().any(["variable", "series"]))
        self.begin, self.end = int(observed[0]), int(observed[-1]) + 1
        late, missing = fill & ~fixed & ~after, span & ~had & ~fill
        new = (fill & after).sum(), fixed.sum(), (asked & had & ~fill & ~fixed).sum()
        return tuple(map(int, (*new, late.sum(), missing.sum())))  # type: ignore[return-value]

    @property
    def table(self) -> xr.Dataset:
        return self.data.isel(time=slice(self.begin, self.end)).sel(series=self.ids)


def counts(receipt: Receipt) -> tuple[int, int, int, int, int]:
    return receipt.new, receipt.corrected, receipt.unchanged, receipt.late, receipt.missing


@st.composite
def pieces(draw: st.DrawFn) -> xr.Dataset:
    ids = draw(st.permutations(IDS))[: draw(st.integers(1, len(IDS)))]
    first = draw(st.integers(0, STEPS - 2))
    last = draw(st.integers(first + 1, STEPS - 1))
    seed, share = draw(st.integers(0, 99)), draw(st.sampled_from([0.0, 0.3, 0.8]))
    rng = np.random.default_rng(seed)
    values = np.where(rng.random((last - first + 1, len(ids))) < share, np.nan, rng.integers(0, 4, (1, len(ids))))
    values[0, 0] = 2.0
    kept = np.arange(len(values)) != draw(st.integers(2, STEPS))
    return piece(values, first, ids).isel(time=kept)


@settings(max_examples=12, deadline=None)
@given(st.lists(pieces(), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_random_pieces_in_any_order_with_corrections_are_one_dense_table(parts: list[xr.Dataset], rng: Any) -> None:
    with TemporaryDirectory() as folder:
        archive, oracle = Archive(folder), Oracle()
        patches = [patch(f"forecast.archive.{name}", value) for name, value in SMALL.items()]
        for one in patches:
            one.start()
        try:
            past: dict[str, xr.Dataset] = {}
            for part in parts:
                receipt = archive.append(part)
                assert counts(receipt) == oracle.append(part)
                past[receipt.version] = oracle.table
            for version in {receipt.version, rng.choice(list(past))}:
                loaded, table = archive.load(version), past[version]
                steps = sorted(rng.sample(range(loaded.sizes["time"]), 1 + rng.randrange(loaded.sizes["time"])))
                series = rng.sample(range(loaded.sizes["series"]), 1 + rng.randrange(loaded.sizes["series"]))
                for some in ({"time": steps, "series": series}, {"time": 0, "series": -1}):
                    xr.testing.assert_identical(loaded.isel(some).load(), table.isel(some))
                xr.testing.assert_identical(loaded.load(), table)
        finally:
            for one in patches:
                one.stop()
