"""Sums are exact: any order, any split, any machine gives the same bits, and they are the true sum rounded."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forecast.verification.exact import exact, exact_by, number

NUMBERS = st.lists(st.floats(-1e30, 1e30).filter(lambda x: x == 0 or abs(x) > 1e-20), min_size=1, max_size=40)


@given(NUMBERS, st.randoms())
def test_a_sum_is_the_true_one_whatever_the_order_and_the_parts(numbers, shuffle):
    whole = exact(np.array(numbers))
    shuffled = list(numbers)
    shuffle.shuffle(shuffled)
    cut = shuffle.randrange(len(shuffled) + 1)
    parts = exact(np.array(shuffled[:cut])) + exact(np.array(shuffled[cut:]))
    assert number(parts) == number(whole)
    true = sum(map(Fraction, numbers))
    assert abs(Fraction(float(number(whole))) - true) <= abs(true) * Fraction(2) ** -52 + Fraction(2) ** -120


def test_what_floats_lose_is_kept():
    numbers = np.array([1e16, 1.0, -1e16, 1e-9])
    assert numbers.sum() != 1 + 1e-9
    assert number(exact(numbers)) == 1 + 1e-9 == math.fsum(numbers)


def test_rows_are_summed_by_themselves():
    np.testing.assert_array_equal(number(exact(np.array([[1.5, 2.5], [-3.0, 0.25]]))), [4.0, -2.75])
    assert number(exact(np.zeros((3, 0)))).tolist() == [0.0, 0.0, 0.0]


def test_an_infinite_number_makes_its_sum_infinite_and_no_other():
    found = number(exact(np.array([[1.0, np.inf], [1.0, 2.0]])))
    assert found.tolist() == [np.inf, 3.0]
    assert number(exact(np.array([1e39]))) == np.inf


def test_groups_have_the_sums_of_their_own():
    values, group = np.array([[0.1, 0.2], [0.3, 1e20]]), np.array([[0, 2], [0, 2]])
    expected = [exact(values[group == at]) for at in range(3)]
    np.testing.assert_array_equal(exact_by(values, group, 3), np.stack(expected, axis=1))
