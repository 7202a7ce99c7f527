"""Sequences of unequal length, end to end: what is gathered, where each begins fresh, files as a source."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from forecast.batches import Frames, Sequences, Streams
from forecast.errors import ForecastError


def three(**more: object) -> Sequences:
    """Lengths 2, 4, 1; the input at step t of sequence s is 10 s + t, the target its negative."""
    values = np.array([0, 1, 10, 11, 12, 13, 20], dtype="float32")
    return Sequences(values, -values, [2, 4, 1], **more)  # type: ignore[arg-type]


def test_a_row_reads_its_own_sequence_and_the_last_step_repeats() -> None:
    rows = torch.tensor([0, 1, 2]), torch.tensor([0, 1, 0])
    assert three().inputs(*rows, 3)[:, :, 0].tolist() == [[0, 1, 1], [11, 12, 13], [20, 20, 20]]
    found = three().truth(*rows, 3, (0, 4))[:, :, 0, 0]
    assert found[1].tolist() == [-11, -12, -13] and torch.isnan(found).sum(1).tolist() == [1, 0, 2]


def test_targets_are_aligned_and_a_missing_one_stays_missing() -> None:
    both = Sequences(np.zeros((3, 2)), np.array([[1.0, 2.0], [math.nan, 3.0], [4.0, 5.0]]), dtype=torch.float64)
    found = both.truth(torch.tensor([0]), torch.tensor([0]), 3, (0, 3))
    assert found.shape == (1, 3, 1, 2) and found.dtype == torch.float64
    assert torch.isnan(found[0, :, 0]).tolist() == [[False, False], [True, False], [False, False]]


def test_a_step_may_have_targets_of_several_leads() -> None:
    targets = np.arange(12.0).reshape(2, 3, 2)
    both = Sequences(np.zeros(2), targets)
    assert (both.leads, both.outputs) == (3, 2)
    found = both.truth(torch.tensor([0]), torch.tensor([1]), 2, (0, 2))
    assert found[0, 0].tolist() == targets[1].tolist() and torch.isnan(found[0, 1]).all()


def test_whole_sequences_fill_one_chunk_each_and_begin_fresh() -> None:
    streams = Streams(three(), streams=2, chunk=4, whole=True)
    assert [chunk.x[:, 0, 0].tolist() for chunk in streams] == [[0, 10], [0, 20]]
    assert all(chunk.fresh.all() for chunk in streams) and [chunk.there for chunk in streams] == [6, 1]


def test_a_long_sequence_takes_several_chunks_and_the_others_wait_without_targets() -> None:
    streams = Streams(three(), streams=3, chunk=2, whole=True)
    assert [chunk.fresh.tolist() for chunk in streams] == [[True, True, True], [True, False, True]]
    assert [chunk.there for chunk in streams] == [2 + 2 + 1, 2]


def test_shuffling_gives_every_sequence_once_in_an_order_of_its_own() -> None:
    streams = Streams(Sequences(np.arange(60), np.arange(60), [3] * 20), streams=4, chunk=3, whole=True)
    orders = [[int(v) for chunk in streams.dealt(seed) for v in chunk.y[:, 0, 0, 0]] for seed in (0, 7, 7, 8)]
    assert orders[0] != orders[1] == orders[2] != orders[3]
    assert all(sorted(order) == list(range(0, 60, 3)) for order in orders)


def test_each_stream_has_the_context_of_its_sequence() -> None:
    streams = Streams(three(context=torch.tensor([[0.0], [1.0], [2.0]])), streams=2, chunk=4, whole=True)
    assert streams[0].context is not None and streams[0].context.tolist() == [[0], [1]]


def test_codes_of_symbols_become_floats() -> None:
    both = Sequences(np.array([3, 1, 2], dtype="uint8"), np.array([1, 2, 0], dtype="int64"))
    assert both.inputs(torch.tensor([0]), torch.tensor([1]), 2).tolist() == [[[1.0], [2.0]]]
    assert both.truth(torch.tensor([0]), torch.tensor([0]), 1, (0, 3)).dtype == torch.float32


def test_stretches_of_a_sequence_are_reset_marks() -> None:
    streams = Streams(three(), [(1, 0, 2), (1, 2, 4)], streams=1, chunk=2)
    assert [chunk.fresh.tolist() for chunk in streams] == [[True], [True]]
    assert [chunk.x[0, 0, 0].item() for chunk in streams] == [10, 12]


def test_a_file_gives_what_memory_gives(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(500, 2)).astype("float32")
    np.save(tmp_path / "values.npy", values)
    mapped = np.load(tmp_path / "values.npy", mmap_mode="r")
    pairs = [
        (Sequences(values, values[:, :1], [200, 300]), Sequences(mapped, mapped[:, :1], [200, 300])),
        (Frames(torch.from_numpy(values[None]), 1, 1), Frames(mapped[None], 1, 1)),  # type: ignore[arg-type]
    ]
    for memory, file in pairs:
        assert memory.digest() == file.digest()
        for one, other in zip(Streams(memory, None, 3, 7), Streams(file, None, 3, 7), strict=True):
            assert torch.equal(one.x, other.x) and torch.equal(one.y.nan_to_num(9.0), other.y.nan_to_num(9.0))


def test_the_digest_sees_one_value_and_one_length() -> None:
    values = np.zeros(6)
    other = values.copy()
    other[5] = 1e-12
    found = {Sequences(v, values, n).digest() for v, n in ((values, [3, 3]), (other, [3, 3]), (values, [2, 4]))}
    assert len(found) == 3


@pytest.mark.parametrize(("inputs", "lengths"), [(6, [2, 3]), (6, [6, 0]), (5, [3, 3])])
def test_lengths_that_do_not_fit_are_refused(inputs: int, lengths: list[int]) -> None:
    with pytest.raises(ForecastError, match=r"cut by lengths of at least 1 step(.|\n)*mend the lengths"):
        Sequences(np.zeros(inputs), np.zeros(6), lengths)


def test_a_context_without_a_row_for_each_sequence_is_refused() -> None:
    with pytest.raises(ForecastError, match=r"a context \(3, D\)(.|\n)*\(2, 4\)"):
        three(context=torch.zeros(2, 4))


def test_values_with_more_dimensions_are_refused() -> None:
    with pytest.raises(ForecastError, match=r"\(N, channels\) or \(N,\)(.|\n)*\(2, 3, 4\)"):
        Sequences(np.zeros((2, 3, 4)), np.zeros(2))


def test_a_stretch_that_its_tape_does_not_hold_is_refused() -> None:
    with pytest.raises(ForecastError, match=r"stretches that their tapes hold(.|\n)*\(0, 0, 3\)"):
        Streams(three(), [(0, 0, 3)])
