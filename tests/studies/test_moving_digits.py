"""Moving digits: what is drawn moves as it should, and what is scored was never seen."""

from __future__ import annotations

import numpy as np
import pytest

from forecast.studies import moving_digits
from forecast.studies.base import Case
from forecast.studies.moving_digits import AHEAD, DIGIT, READ, SIDE, MovingDigits, MovingDigitsOptions, drawn


def test_a_digit_keeps_its_ink_moves_evenly_and_bounces_off_the_walls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving_digits, "DIGITS", 1)
    frames = drawn(50, "train", 1)
    assert frames.shape == (50, READ + AHEAD, SIDE, SIDE)
    ink = frames.sum(axis=(2, 3))
    np.testing.assert_allclose(ink, np.repeat(ink[:, :1], READ + AHEAD, axis=1), rtol=1e-5)
    middle = np.einsum("nfyx,y->nf", frames, np.arange(SIDE)) / ink
    speed = np.diff(middle, axis=1)
    assert np.abs(speed).max() <= 3 + 1e-3  # 2 pixels a frame, each place rounded to a pixel
    turned = (np.sign(speed[:, :-1]) * np.sign(speed[:, 1:]) < 0).any(axis=1)
    assert 0.1 < turned.mean() < 0.9
    assert (np.abs(np.diff(middle, n=2, axis=1)[~turned]) <= 2 + 1e-3).all()


def test_equal_seeds_draw_the_same_and_the_test_has_digits_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    np.testing.assert_array_equal(drawn(3, "test", 5), drawn(3, "test", 5))
    assert not np.array_equal(drawn(3, "test", 5), drawn(3, "test", 6))
    numbered = np.arange(1, 101)[:, None, None] * np.ones((1, DIGIT, DIGIT)) / 100 * 16
    monkeypatch.setattr(moving_digits, "load_digits", lambda: type("Bunch", (), {"images": numbered}))
    assert drawn(200, "train", 0).max() <= 0.8 + 1e-6
    test = drawn(200, "test", 0)
    assert test[test > 0].min() > 0.8


def test_persistence_is_worse_than_the_mean_after_five_frames() -> None:
    last = MovingDigits(MovingDigitsOptions()).references()[0].values
    assert 0.5 < last["error_1"] < 1.5 < last["error_5"]


def test_a_small_training_is_scored_and_drawn() -> None:
    study = MovingDigits(MovingDigitsOptions(sequences=16, epochs=1))
    case = Case("CNN on 1 frame", 0)
    found = study.run(case)
    assert all(0 < found[name] < 3 for name in study.measures)
    assert len(found["error"]) == AHEAD
    pictures = study.pictures({case: found})
    assert pictures is not None
    assert pictures["picture"].dims == ("row", "frame", "y", "x")
    assert list(pictures["row"].values) == ["what came", "CNN on 1 frame"]
    np.testing.assert_array_equal(pictures["picture"][0, 1], np.asarray(found["truth"])[READ - 1])
    assert study.pictures({}) is None
