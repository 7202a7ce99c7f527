"""Spectra: how the recurrent weights, and whole stretches of steps, stretch a small change of the state.

The spectral radius of W_hh is the largest modulus of its eigenvalues. That of the product of step Jacobians,
P = J_T ... J_1, J_t = d s_{t+1} / d s_t, is given as its T-th root: the factor by which a small change of the state
grows a step, the exponential of the leading Lyapunov exponent in the long run (Benettin et al. 1980, Meccanica 15).

P is never formed. Some rows V are pulled through all its factors; for a state of no more numbers than rows that is all
of P, else subspace iteration (Rayleigh-Ritz) does it: pull, take the eigenvalues of (V P) V^T, orthonormalise, again.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from forecast.diagnosis.passage import Passage, scaled
from forecast.models.base import Model

PASSES = 3, 8  # of the iteration, at least and at most; three do where T is some tens of steps
SETTLED = 3e-3  # relative change of the factor a step between two passes at which it ends: three in a thousand


def radius(weight: Tensor) -> float:
    """Return the spectral radius of a square matrix."""
    return float(torch.linalg.eigvals(weight.detach().double()).abs().max())


def radii(model: Model) -> dict[str, float]:
    """Return the spectral radius of each of a model's recurrent matrices, by name."""
    return {name: radius(weight) for name, weight in model.recurrent_weights().items()}


def growth(seen: Passage, rows: int = 16, seed: int = 0) -> float:
    """Return the factor a step of the product of step Jacobians, the median over windows.

    Args:
        seen: windows and their states.
        rows: vectors that are pulled back at once; exact for states of up to as many numbers.
        seed: of the vectors.
    """
    windows, size = len(seen.x), seen.size
    count = min(rows, size)
    drawn = torch.randn(windows, size, count, generator=torch.Generator().manual_seed(seed))
    vectors = _orthonormal(drawn.to(seen.x.dtype))
    factor, before = math.nan, math.nan
    for number in range(1 if count == size else PASSES[1]):
        pulled, logs_B = _through(seen, vectors)
        ritz = torch.einsum("rbn,sbn->brs", pulled, vectors).double()
        largest = torch.linalg.eigvals(ritz).abs().amax(dim=1)
        factor, before = float(((logs_B + largest.log()) / seen.steps).exp().median()), factor
        if number + 1 >= PASSES[0] and abs(factor - before) <= SETTLED * factor:
            break
        vectors = _orthonormal(pulled.permute(1, 2, 0))
    return factor


def _through(seen: Passage, vectors_RBN: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows times P, scaled, and the logarithm of the scale of each window, float64."""
    logs = torch.zeros(vectors_RBN.shape[1], dtype=torch.float64)
    for number in range(seen.steps - 1, -1, -1):
        vectors_RBN = seen.pull(number, vectors_RBN)
        length = vectors_RBN.double().norm(dim=(0, 2))
        logs = logs + length.log()
        vectors_RBN = scaled(vectors_RBN, length)
    return vectors_RBN, logs


def _orthonormal(columns_BNR: Tensor) -> Tensor:
    """Return orthonormal rows (R, B, N) that span the columns (B, N, R)."""
    return torch.linalg.qr(columns_BNR)[0].permute(2, 0, 1)
