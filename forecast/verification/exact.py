"""Sums that don't depend on order: numbers as integers in several limbs, so that months and machines add up to the bit.

Floating-point addition is not associative: the same errors summed by month, by machine or at once differ in the last
digits. Here a number is written in fixed point, from 2^-128 up to 2^127, as eight signed digits to the base 2^32, and
digits are summed as integers, which is associative. What lies below 2^-128 is rounded off, number by number; what
lies above 2^127, and what is infinite, is counted apart and makes the sum infinite.

Source: the long accumulator of Kulisch & Miranker (1986), SIAM Review 28, 1-40, cut to the range of scores.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

BITS, LOWEST, DIGITS = 32, -128, 8
LIMBS = DIGITS + 1  # the last one counts numbers that are out of range
LIMIT = 2.0 ** (LOWEST + BITS * DIGITS - 1)
BLOCK, MOST = 2**15, 2**20  # numbers worked on at once (they fit the cache), and at most in one sum of digits


def exact(values: np.ndarray) -> np.ndarray:
    """Return the sum over the last axis, exactly.

    Args:
        values: float64, shape (..., n); no NaN.

    Returns:
        int64, shape (LIMBS, ...); sums of such sums are sums again, in any order (of up to 2^30 of them).
    """
    *outer, length = values.shape
    rows = values.reshape(math.prod(outer), length)
    sums = np.zeros((LIMBS, len(rows)), dtype=np.int64)
    height = max(1, BLOCK // max(1, length))
    for first in range(0, len(rows), height):
        part = slice(first, first + height)
        for start in range(0, length, MOST):
            for at, digit in _digits(rows[part, start : start + MOST]):
                sums[at, part] += digit.sum(axis=-1).astype(np.int64)  # exact: at most 2^20 digits of 32 bits
    return canonical(sums.reshape(LIMBS, *outer))


def exact_by(values: np.ndarray, group: np.ndarray, count: int) -> np.ndarray:
    """Return the sum of each group, exactly.

    Args:
        values: float64, any shape; no NaN.
        group: whose sum each value goes to, integers in [0, count), the shape of ``values``.
        count: number of groups.

    Returns:
        int64, shape (LIMBS, count), as ``exact``.
    """
    flat, place = values.ravel(), group.ravel()
    sums = np.zeros((LIMBS, count), dtype=np.int64)
    for start in range(0, len(flat), BLOCK):
        part = slice(start, start + BLOCK)
        for at, digit in _digits(flat[part]):
            sums[at] += np.bincount(place[part], digit, count).astype(np.int64)
    return canonical(sums)


def canonical(sums: np.ndarray) -> np.ndarray:
    """Carry what a digit holds beyond 32 bits to the next: equal sums then have equal digits.

    Args:
        sums: int64, shape (LIMBS, ...).
    """
    carried = sums.copy()
    for at in range(DIGITS - 1):
        carried[at + 1] += carried[at] >> BITS
        carried[at] &= 2**BITS - 1
    return carried


def number(sums: np.ndarray) -> np.ndarray:
    """Return sums as float64, the same for the same sum however it came about; infinite where a number was.

    Args:
        sums: int64, shape (LIMBS, ...).
    """
    carried = canonical(sums)
    value = np.zeros(carried.shape[1:])
    for at in reversed(range(DIGITS)):
        value += carried[at] * 2.0 ** (LOWEST + BITS * at)
    return np.where(carried[-1] > 0, np.inf, value)


def _digits(values: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the digits of numbers from the highest that any has, and which are out of range as the last limb's."""
    largest = float(max(values.max(initial=0.0), -values.min(initial=0.0)))
    if not largest < LIMIT:
        wild = ~(np.abs(values) < LIMIT)
        yield DIGITS, wild.astype("float64")
        values = np.where(wild, 0.0, values)
        largest = float(np.abs(values).max())
    rest = values.astype("float64")
    for at in reversed(range(DIGITS)):
        unit = 2.0 ** (LOWEST + BITS * at)
        if largest < unit / 2:
            continue
        magic = 1.5 * 2.0**52 * unit  # adding it and taking it away rounds to whole units
        digit = rest + magic
        digit -= magic
        rest -= digit  # exact: the low bits of the same number
        digit /= unit
        yield at, digit
        if not rest.any():
            return
        largest = unit / 2
