"""Reber's grammars: strings, what may come next, and the best that can be said without a memory."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from forecast.errors import ForecastError
from forecast.models.base import Shape, create
from forecast.models.mlp import MLP
from forecast.studies.grammar import REBER, SYMBOLS, Grammar, embedded, lesson, memoryless, wrong

INNER, OUTER = Grammar(REBER), Grammar(embedded(REBER))


def test_after_each_symbol_stands_what_may_come_next() -> None:
    assert INNER.legal("BTSXSE") == ["TP", "SX", "SX", "SX", "E", ""]
    assert INNER.legal("BPTVPXVVE") == ["TP", "TV", "TV", "PV", "SX", "TV", "PV", "E", ""]


def test_the_outer_symbol_comes_back_at_the_end_and_nothing_else_may() -> None:
    assert OUTER.legal("BTBPVVETE") == ["TP", "B", "TP", "TV", "PV", "E", "T", "E", ""]
    assert OUTER.legal("BPBPVVEPE")[6] == "P"
    with pytest.raises(ForecastError, match="one of T at place 7\n.*'P' in BTBPVVEPE\n.*draw strings of this grammar"):
        OUTER.legal("BTBPVVEPE")
    with pytest.raises(ForecastError, match="expected one of no symbols at place 6"):
        INNER.legal("BTSXSEE")


def test_the_chance_that_enough_symbols_follow_is_that_of_the_automaton() -> None:
    chance = INNER.survival(7)
    # The shortest strings, BTXSE and BPVVE, come with 1/8 each; of 6 there are BTSXSE, BPTVVE and BPVPSE, 1/16 each.
    assert [chance[n, 0] for n in range(8)] == pytest.approx([1, 1, 1, 1, 1, 1, 3 / 4, 9 / 16])
    assert chance[1].tolist() == [1] * 7 + [0]


def test_long_strings_are_drawn_as_often_as_they_are_among_the_long_ones() -> None:
    generator = np.random.default_rng(0)
    firsts = Counter(INNER.draw(1, 6, generator)[0] for _ in range(1000))
    # Among the strings of 6 or more, 3/4 of all, BTSXSE and BPTVVE have 1/16 each: 1/12.
    assert firsts["BTSXSE"] / 1000 == pytest.approx(1 / 12, abs=0.03)
    assert firsts["BPTVVE"] / 1000 == pytest.approx(1 / 12, abs=0.03)


def test_drawn_strings_are_long_enough_different_legal_and_equal_for_equal_seeds() -> None:
    seen = INNER.draw(50, 30, np.random.default_rng(1))
    new = INNER.draw(50, 30, np.random.default_rng(1), without=seen)
    assert seen == INNER.draw(50, 30, np.random.default_rng(1))
    assert len(set(seen) | set(new)) == 100 and min(map(len, seen)) >= 30
    for string in OUTER.draw(20, 40, np.random.default_rng(2)):
        assert len(string) >= 40 and OUTER.legal(string)[-1] == "" and string[1] == string[-2]


def test_without_a_memory_the_commoner_set_is_the_best_answer() -> None:
    # T is followed by SX once and by TV twice (B T X S E; B P T T V V E); V by PV, then E: one of each pair is lost.
    assert memoryless(["BTXSE", "BPTTVVE"], INNER) == (1 + 1) / 2
    assert memoryless(["BTXSE"], INNER) == 0


def test_a_lesson_has_the_codes_and_a_bit_for_each_symbol_that_may_come_next() -> None:
    given = lesson(["BTXSE", "BPVVE"], INNER)
    rows = torch.arange(2)
    assert given.lengths.tolist() == [4, 4]
    assert given.inputs(rows, rows * 0, 4)[1, :, 0].tolist() == [SYMBOLS.index(symbol) for symbol in "BPVV"]
    bits = given.truth(rows, rows * 0, 4, (0, 4))[0, :, 0]
    assert ["".join(s for s, bit in zip(SYMBOLS, row, strict=True) if bit) for row in bits] == ["TP", "SX", "SX", "E"]


def test_a_thinned_lesson_asks_for_every_set_about_as_often_as_for_the_rarest() -> None:
    strings = OUTER.draw(100, 40, np.random.default_rng(0))
    sets = [legal for string in strings for legal in OUTER.legal(string)[:-1]] * 8
    given = lesson(strings, OUTER, generator=np.random.default_rng(1), copies=8)
    asked = given.truth(torch.arange(800), torch.zeros(800, dtype=torch.long), 200, (0, 200))[:, :, 0].isfinite()
    kept = np.concatenate([row[:length] for row, length in zip(asked[:, :, 0].numpy(), given.lengths, strict=True)])
    often = Counter(legal for legal, there in zip(sets, kept, strict=True) if there)
    least = min(Counter(sets).values())
    assert set(often) == set(sets) and all(abs(n / least - 1) < 0.2 for n in often.values())


def test_a_position_is_wrong_if_any_symbol_is() -> None:
    model = create(MLP, Shape(1, 1, 7, targets=0, symbols=7), {"context": 1, "residual": "none", "dropout": 0.0})
    given = lesson(["BTXSE", "BTSXSE"], INNER)
    with torch.no_grad():
        model.head.linear.weight.zero_()
        model.head.linear.bias.copy_(torch.tensor([1.0 if symbol in "SX" else -1.0 for symbol in SYMBOLS]))
    assert wrong(model, given).tolist() == [[True, False, False, True, False], [True, False, False, False, True]]
