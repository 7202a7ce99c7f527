"""Ridge regression of the steps ahead on features of now, direct for every lead, from sums kept once.

    B_l = (G + p m I)^-1 C_l,   G = mean of x x',   C_l = mean of x(t) y(t + l)',   m = mean of the diagonal of G

(Hoerl and Kennard 1970, Technometrics 12, 55-67). All candidates are judged on the validation span from its sums

    mean |y - x B|^2 = B' Gv B - 2 B' Cv + mean y^2

in the eigenvectors of G, so that a penalty costs one product and a choice of columns one decomposition. Each lead is
averaged over the pairs that it has, so that a missing target costs one pair and not the whole row.

Letters of shapes: T time, F features, L leads, K targets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

PENALTIES = (1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0)


@dataclass(frozen=True)
class Sums:
    """Sums over reference times; those of several series add up.

    Attributes:
        gram: sum of x x', shape (F, F).
        cross: sum of x y', shape (L, F, K).
        power: sum of y^2, shape (L, K).
        rows: number of reference times in ``gram``.
        pairs: number of pairs of each lead, shape (L,).
    """

    gram: np.ndarray
    cross: np.ndarray
    power: np.ndarray
    rows: int
    pairs: np.ndarray

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.gram + other.gram,
            self.cross + other.cross,
            self.power + other.power,
            self.rows + other.rows,
            self.pairs + other.pairs,
        )


def sums(x_TF: np.ndarray, y_TK: np.ndarray, known_T: np.ndarray, leads: int, start: int, stop: int) -> Sums:
    """Sum over the references whose targets lie in ``start <= step < stop`` (the reference may be the step before).

    Args:
        x_TF: features, finite wherever ``known_T``.
        y_TK: targets, finite wherever ``known_T``.
        known_T: steps that were observed: a reference and a target must be.
        leads: number of leads L.
        start: first step that may be a target.
        stop: one past the last.
    """
    reference = np.arange(max(start - 1, 0), stop - 1)
    reference = reference[known_T[reference]]
    x = x_TF[reference]
    cross, power, pairs = [], [], []
    for lead in range(1, leads + 1):
        paired = (reference + lead >= start) & (reference + lead < stop)
        paired[paired] = known_T[reference[paired] + lead]
        y = y_TK[reference[paired] + lead]
        cross.append(x[paired].T @ y)
        power.append((y**2).sum(axis=0))
        pairs.append(len(y))
    return Sums(x.T @ x, np.stack(cross), np.stack(power), len(reference), np.array(pairs))


def losses(train: Sums, judge: Sums, columns: np.ndarray) -> np.ndarray:
    """Return the mean squared error on ``judge`` of the ridge fitted on ``train``, shape (penalty, lead).

    Args:
        train: sums of the training span.
        judge: sums of the span that judges; leads without a pair there are NaN.
        columns: features used.
    """
    eigenvalue, vector = scipy.linalg.eigh(train.gram[np.ix_(columns, columns)] / max(train.rows, 1))
    cross_LFK = vector.T @ (train.cross[:, columns] / np.maximum(train.pairs, 1)[:, None, None])
    judge_gram = vector.T @ (judge.gram[np.ix_(columns, columns)] / max(judge.rows, 1)) @ vector
    with np.errstate(invalid="ignore", divide="ignore"):
        judge_cross = vector.T @ (judge.cross[:, columns] / judge.pairs[:, None, None])
        power = judge.power.sum(axis=1) / judge.pairs
    found = []
    for penalty in PENALTIES:
        b = cross_LFK / _shifted(eigenvalue, penalty)[:, None]
        found.append((b * (judge_gram @ b - 2 * judge_cross)).sum(axis=(1, 2)) + power)
    return np.stack(found)


def solve(train: Sums, lead: int, columns: np.ndarray, penalty: float) -> np.ndarray:
    """Return the coefficients (F, K) of one lead (0 is the first), zero outside ``columns``.

    Args:
        train: sums from which it learns.
        lead: which lead.
        columns: positions of the features that are used.
        penalty: share of the mean eigenvalue added to each.
    """
    eigenvalue, vector = scipy.linalg.eigh(train.gram[np.ix_(columns, columns)] / max(train.rows, 1))
    right = vector.T @ (train.cross[lead][columns] / max(train.pairs[lead], 1))
    coefficient = np.zeros(train.cross.shape[1:])
    coefficient[columns] = vector @ (right / _shifted(eigenvalue, penalty)[:, None])
    return coefficient


def choose(
    learn: Sums, judge: Sums, whole: Sums, columns: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, list[tuple[int, float]]]:
    """Choose columns and penalty for each lead, and fit them.

    Args:
        learn: sums from which the candidates learn.
        judge: sums of the span that judges; a lead without a pair there takes the choice of the other leads.
        whole: sums from which the chosen one learns.
        columns: the choices of features.

    Returns:
        Coefficients (lead, F, K), zero for features not chosen; the judged loss (lead,), NaN where none could be;
        and the choice of each lead, (position in ``columns``, penalty).
    """
    loss = np.concatenate([losses(learn, judge, chosen) for chosen in columns])
    judged = np.isfinite(loss).all(axis=0)
    overall = loss[:, judged].sum(axis=1, keepdims=True)
    best = np.argmin(np.where(judged, loss, overall), axis=0)
    pick = [(int(number) // len(PENALTIES), PENALTIES[number % len(PENALTIES)]) for number in best]
    coefficient = [solve(whole, lead, columns[c], penalty) for lead, (c, penalty) in enumerate(pick)]
    return np.stack(coefficient), loss[best, np.arange(len(best))], pick


def _shifted(eigenvalue: np.ndarray, penalty: float) -> np.ndarray:
    """Return the eigenvalues plus the penalty; features that never vary get coefficient 0, not a division by 0."""
    floor = max(float(eigenvalue.mean()), np.finfo(float).tiny)
    return np.maximum(eigenvalue, 0.0) + penalty * floor
