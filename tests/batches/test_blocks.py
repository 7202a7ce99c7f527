"""Block reads: the same numbers as values in memory, few blocks read, windows shuffled block by block."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.archive import Archive
from forecast.batches import Frames, Streams, frames
from forecast.batches.blocks import Blocks
from forecast.scaling import Scaling
from tests.batches.made import daily_maps, hourly


def both(observed: xr.Dataset, targets: list[str], covariates: list[str], memory: int) -> tuple[Frames, Frames]:
    """The same frames in memory and read by blocks."""
    scaling = Scaling.fit(observed.isel(time=slice(0, 60)), [*targets, *covariates])
    whole = frames(observed, scaling, targets, covariates, leads=3)
    return whole, frames(observed, scaling, targets, covariates, leads=3, memory=memory)


@pytest.fixture(scope="module")
def pairs() -> list[tuple[Frames, Frames]]:
    holed = hourly(200)
    holed["dew"][30:90, 1] = np.nan
    return [
        both(holed, ["t2m"], ["dew"], 64 * 32 * 3),
        both(daily_maps(200).astype("float32"), ["slp"], [], 64 * 24 * 3),
    ]


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), rows=st.integers(1, 5), steps=st.integers(1, 9))
def test_they_give_the_numbers_of_frames_in_memory(
    pairs: list[tuple[Frames, Frames]], seed: int, rows: int, steps: int
) -> None:
    rng = np.random.default_rng(seed)
    for whole, blocks in pairs:
        assert isinstance(blocks.values, Blocks) and 1 < blocks.block < 10
        tape = torch.from_numpy(rng.integers(0, len(whole.lengths), rows))
        start = torch.from_numpy(rng.integers(0, 200, rows))
        for name in ("inputs", "truth"):
            more = ([(20, 90), (110, 190)],) if name == "truth" else ()
            found, expected = (getattr(one, name)(tape, start, steps, *more) for one in (blocks, whole))
            torch.testing.assert_close(found, expected, rtol=0, atol=0, equal_nan=True)


def test_what_they_are_is_what_frames_in_memory_are(pairs: list[tuple[Frames, Frames]]) -> None:
    for whole, blocks in pairs:
        for name in ("grid", "channels", "future", "mask", "targets", "leads"):
            assert getattr(blocks, name) == getattr(whole, name)
        assert blocks.lengths.tolist() == whole.lengths.tolist() and whole.block is None
        assert blocks.values.shape == whole.values.shape and len(blocks.values) == len(whole.values)


def test_streams_over_them_are_those_over_frames_in_memory(pairs: list[tuple[Frames, Frames]]) -> None:
    for whole, blocks in pairs:
        for one, two in zip(*(Streams(tapes, None, 4, 7, spin_up=5) for tapes in (whole, blocks)), strict=True):
            torch.testing.assert_close(one.x, two.x, rtol=0, atol=0)
            torch.testing.assert_close(one.y, two.y, rtol=0, atol=0, equal_nan=True)


def test_their_fingerprint_is_that_of_their_values(pairs: list[tuple[Frames, Frames]]) -> None:
    data = daily_maps(200).astype("float32")
    changed = data.copy(deep=True)
    changed["slp"][150, 0, 0] += 1
    _, again = both(data, ["slp"], [], 64 * 24 * 3)
    _, other = both(changed, ["slp"], [], 64 * 24 * 3)
    assert again.digest() == pairs[1][1].digest() != other.digest()


def test_only_a_part_of_the_memory_is_kept_and_the_oldest_block_goes_first(pairs: list[tuple[Frames, Frames]]) -> None:
    values = pairs[1][1].values
    assert isinstance(values, Blocks)
    kept, zero = values._kept, torch.tensor([0])
    for at in range(200):
        values[zero, torch.tensor([at])]
    assert len(kept) == 32 and values.steps == 3
    values[zero, torch.tensor([199 - 31 * 3])]
    values[zero, torch.tensor([0])]
    assert next(reversed(kept)) == 0 and (199 - 31 * 3) // 3 in kept and (199 - 31 * 3) // 3 + 1 not in kept


def test_data_that_fit_are_held_in_memory() -> None:
    data = daily_maps(20)
    assert isinstance(both(data, ["slp"], [], data["slp"].nbytes)[1].values, torch.Tensor)
    assert isinstance(both(data, ["slp"], [], data["slp"].nbytes - 1)[1].values, Blocks)


def test_shuffled_windows_keep_to_their_blocks_so_that_each_is_read_once(pairs: list[tuple[Frames, Frames]]) -> None:
    whole, blocks = pairs[1]
    windows = np.array([(start, start + 4) for start in range(190)])
    laid = Streams(blocks, windows, 1, 4, whole=True).dealt(7)
    starts = [laid._deal.begin[number] for number in range(len(laid))]
    owners = [start // blocks.block for start in starts]
    assert sorted(starts) == list(range(190)) and owners != sorted(owners)
    assert 1 + sum(one != two for one, two in itertools.pairwise(owners)) == len(set(owners))
    assert any(two < one for one, two in itertools.pairwise(starts) if one // 3 == two // 3)
    mixed = Streams(whole, windows, 1, 4, whole=True).dealt(7)._deal.begin // blocks.block
    assert 1 + (np.diff(mixed) != 0).sum() > 2 * len(set(owners))


def test_an_archive_is_left_unread_but_for_the_blocks_asked_for(tmp_path: Path) -> None:
    data, archive = daily_maps(200).astype("float32"), Archive(tmp_path)
    archive.append(data)
    stored, zero = archive.load(), torch.tensor([0])
    whole, _ = both(data, ["slp"], [], 64 * 24 * 3)
    lazy = frames(stored, Scaling.fit(stored.isel(time=slice(0, 60)), ["slp"]), ["slp"], leads=3, memory=64 * 24 * 3)
    torch.testing.assert_close(lazy.inputs(zero, zero, 5), whole.inputs(zero, zero, 5), rtol=0, atol=0)
    assert isinstance(lazy.values, Blocks) and not stored["slp"].variable._in_memory
