"""Streams: what is dealt to whom, where it begins fresh, and that no chunk crosses a gap or looks ahead."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from forecast.batches import Sequences, Streams
from forecast.errors import ForecastError
from tests.batches.dealing import lines
from tests.batches.made import counting


def test_one_stream_walks_through_its_stretch_in_order() -> None:
    streams = Streams(counting(), [(0, 12)], streams=1, chunk=4)
    assert len(streams) == 3
    assert [chunk.x[0, :, 0].tolist() for chunk in streams] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert [chunk.fresh.tolist() for chunk in streams] == [[True], [False], [False]]
    assert streams[0].y[0, :, :, 0].tolist() == [[1, 2], [2, 3], [3, 4], [4, 5]]
    assert torch.isnan(streams[2].y[0, :, :, 0]).nonzero().tolist() == [[2, 1], [3, 0], [3, 1]]


def test_streams_share_the_tapes_in_equal_runs() -> None:
    streams = Streams(counting(tapes=2), [(0, 12)], streams=4, chunk=3)
    assert streams[0].x[:, 0, 0].tolist() == [0, 6, 100, 106]
    assert streams[1].x[:, 0, 0].tolist() == [3, 9, 103, 109]
    assert streams[0].fresh.all() and not streams[1].fresh.any()


def test_a_chunk_never_crosses_a_gap() -> None:
    streams = Streams(counting(), [(0, 5), (7, 12)], streams=1, chunk=4)
    assert [chunk.x[0, 0, 0].item() for chunk in streams] == [0, 4, 7, 11]
    assert [chunk.fresh.item() for chunk in streams] == [True, False, True, False]
    assert torch.isnan(streams[1].y[0, 1:]).all() and torch.isfinite(streams[1].y[0, 0]).all()


def test_targets_stay_within_the_steps_that_count() -> None:
    streams = Streams(counting(), [(0, 8)], streams=1, chunk=8)
    assert torch.isnan(streams[0].y[0, :, :, 0]).nonzero().tolist() == [[6, 1], [7, 0], [7, 1]]
    later = Streams(counting(), [(0, 12)], streams=1, chunk=12, valid=(9, 11))[0].y
    both = Streams(counting(), [(0, 12)], streams=1, chunk=12, valid=[(2, 3), (9, 11)])[0].y
    assert later[torch.isfinite(later)].tolist() == [9, 9, 10, 10]
    assert both[torch.isfinite(both)].tolist() == [2, 2, 9, 9, 10, 10]


def test_spin_up_steps_are_read_and_do_not_count() -> None:
    streams = Streams(counting(), [(2, 12)], streams=2, chunk=4, spin_up=3)
    assert streams[0].x[:, 0, 0].tolist() == [2, 4]  # the second begins 3 steps before its piece [7, 12)
    assert torch.isnan(streams[0].y[1, :3]).all() and streams[0].y[1, 3, 0, 0] == 8


def test_few_data_make_fewer_streams() -> None:
    assert len(Streams(counting(), [(0, 12)], streams=16, chunk=6)[0].x) == 2


def test_no_stretch_is_refused() -> None:
    with pytest.raises(ForecastError, match="at least one unbroken stretch"):
        Streams(counting(), [])


@settings(max_examples=60, deadline=None)
@given(
    tapes=some.integers(1, 3),
    lengths=some.lists(some.integers(1, 24), min_size=1, max_size=4),
    streams=some.integers(1, 6),
    chunk=some.integers(1, 9),
    offset=some.integers(0, 500),
    spin_up=some.integers(0, 5),
)
def test_every_step_has_its_targets_once_whatever_the_deal(
    tapes: int, lengths: list[int], streams: int, chunk: int, offset: int, spin_up: int
) -> None:
    stretches, start = [], 0
    for length in lengths:
        stretches.append((start, start + length))
        start += length + 1
    data = counting(tapes, start + 1, leads=1)
    dealt = Streams(data, stretches, streams, chunk, spin_up=spin_up, valid=(0, start + 1)).dealt(offset)
    seen = []
    for piece in dealt:
        there = torch.isfinite(piece.y[:, :, 0, 0])
        assert torch.equal(piece.y[:, :, 0, 0][there], piece.x[:, :, 0][there] + 1)
        seen += piece.x[:, :, 0][there].tolist()
    assert sorted(seen) == [100 * s + t for s in range(tapes) for a, b in stretches for t in range(a, b)]


@settings(max_examples=30, deadline=None)
@given(chunk=some.integers(1, 9), streams=some.integers(1, 5), offset=some.integers(0, 60))
def test_a_stream_that_is_not_fresh_goes_on_where_it_stopped(chunk: int, streams: int, offset: int) -> None:
    dealt = Streams(counting(steps=60), [(0, 25), (30, 60)], streams, chunk).dealt(offset)
    for before, after in zip([dealt[i] for i in range(len(dealt) - 1)], list(dealt)[1:], strict=True):
        going = ~after.fresh
        assert torch.equal(after.x[going, 0, 0], before.x[going, -1, 0] + 1)


@settings(max_examples=60, deadline=None)
@given(
    lengths=some.lists(some.integers(1, 20), min_size=1, max_size=6),
    streams=some.integers(1, 5),
    chunk=some.integers(1, 8),
    whole=some.booleans(),
    marks=some.booleans(),
)
def test_the_deal_is_the_one_written_out_step_by_step(
    lengths: list[int], streams: int, chunk: int, whole: bool, marks: bool
) -> None:
    code = np.concatenate([100 * tape + np.arange(length) for tape, length in enumerate(lengths)])
    stretches = [(tape, 0, length) for tape, length in enumerate(lengths)]
    if marks:
        halves = [(tape, *part) for tape, _, n in stretches for part in ((0, n // 2), (n // 2, n))]
        stretches = [(tape, start, stop) for tape, start, stop in halves if start < stop]
    dealt = Streams(Sequences(code, code, lengths), stretches, streams, chunk, whole=whole)
    expected = lines(stretches, streams, chunk, whole)
    assert len(dealt[0].fresh) == len(expected) and len(dealt) == max(map(len, expected)) // chunk
    for number, piece in enumerate(dealt):
        for stream, line in enumerate(expected):
            steps = line[number * chunk : (number + 1) * chunk] or [None] * chunk
            wanted = [math.nan if step is None else 100 * step.tape + step.at for step in steps]
            assert piece.y[stream, :, 0, 0].tolist() == pytest.approx(wanted, nan_ok=True)
            known = [value for value in wanted if not math.isnan(value)]
            assert piece.x[stream, : len(known), 0].tolist() == known
            assert bool(piece.fresh[stream]) == (steps[0] is None or steps[0].begins)
        assert piece.begins == bool(piece.fresh.any()) and piece.there == int(torch.isfinite(piece.y).sum())


def test_a_deal_is_a_few_numbers_whatever_the_length() -> None:
    deals = [Streams(Sequences(np.zeros(n), np.zeros(n)), None, 4, 10)._deal for n in (100, 1_000_000)]
    assert [len(deal.tape) for deal in deals] == [4, 4] and [deal.longest for deal in deals] == [3, 25_000]
