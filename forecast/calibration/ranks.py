"""Order statistics of errors: conformal quantiles of what many cells have in common.

The q-th quantile of n exchangeable errors is the floor((n + 1) q)-th smallest below the median and the
ceil((n + 1) q)-th above, so that they are covered at least as often as promised (Vovk, Gammerman & Shafer 2005; Lei et
al. 2018, J. Amer. Stat. Assoc. 113, 1094-1111). Cells of one day are not exchangeable with those of another: pooled
over cells, n stays the number of days, and the share of the pooled errors that is left outside is that of n days
(Dunn, Wasserman & Ramdas 2023, J. Amer. Stat. Assoc. 118, 2491-2502, on groups).
"""

from __future__ import annotations

import numpy as np


def conformal(errors: np.ndarray, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the conformal quantiles of errors, and which levels lie beyond the outermost of them.

    Args:
        errors: (n, cell), NaN where unknown; all cells are one group.
        levels: in (0, 1), shape (quantile,).

    Returns:
        Quantiles (quantile,), ascending with the levels, NaN without errors; and bool (quantile,).
    """
    known = np.isfinite(errors)
    n = int(known.any(axis=1).sum())
    ordered = np.sort(errors[known])
    if not n:
        return np.full(len(levels), np.nan), np.zeros(len(levels), dtype=bool)
    count = len(ordered)

    def rank(above: np.ndarray) -> np.ndarray:  # how many are left at or beyond: 0.95 * 20 is not 19 in binary
        return np.ceil(np.round(above * (n + 1) / n * count, 9))

    last, first = rank(levels), count + 1 - rank(1 - levels)
    last, first = np.where(levels < 0.5, first, last), np.where(levels > 0.5, last, first)
    beyond = (first < 1) | (last > count)
    first, last = (np.clip(place, 1, count).astype(int) - 1 for place in (first, last))
    return (ordered[first] + ordered[last]) / 2, beyond


def middles(errors: np.ndarray, count: int) -> np.ndarray:
    """Return the errors' plain quantiles at the ``shares`` of ``count`` members, (count,); NaN without errors.

    Args:
        errors: (n, cell), NaN where unknown.
        count: how many; each stands for an equal part of the errors, so nothing is pushed outwards.
    """
    known = errors[np.isfinite(errors)]
    return np.quantile(known, shares(count), method="hazen") if known.size else np.full(count, np.nan)


def shares(count: int) -> np.ndarray:
    """Return the levels of ``count`` members, the middles of equally likely parts: (i - 1/2) / count.

    No other choice of so many values has a lower expected CRPS (Broecker 2012, Q. J. R. Meteorol. Soc. 138, 1611-1617).
    """
    return (np.arange(count) + 0.5) / count
