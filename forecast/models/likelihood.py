"""Likelihoods: distributions whose parameters a network says, and what a value that came costs under them.

After DeepAR (Salinas, Flunkert, Gasthaus & Januschowski 2020, International Journal of Forecasting 36(3), 1181-1191,
section 3.1). A target has P outputs a lead, o_1 ... o_P; z is a scaled value, y = (a + b z)^(1 / p), with the sign of
a + b z, the value in its own unit (scaling/series.py).

    student_t           z = location + scale T,  T ~ t(df)
                        location = o_1, scale = 1e-3 + exp(o_2), df = 2 + exp(o_3), never above 405: nearly normal
    negative_binomial   P(y) = Gamma(y + r) / (y! Gamma(r)) (r / (r + m))^r (m / (r + m))^y,  y = 0, 1, 2, ...
                        m = (b (1e-6 + softplus(o_1 + a / b)))^(1 / p), the variance is m + m^2 / r
                        1 / r = (1e-6 + softplus(o_2)) / sqrt((|a| + b)^(1 / p)): large counts vary by a smaller share

so that the first output lies where the value does, in scaled units, and takes a start (heads.Start). Everything is
reckoned in float64: differences of log gamma lose too much in float32.

Suffixes: B rows, T steps, L leads, K targets, P parameters, Q levels.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import torch
from scipy import special
from torch import Tensor
from torch.nn import functional

from forecast.errors import ForecastError

NARROWEST = 1e-3  # scale of student_t, scaled units: a series that never moves is not certain
LEAST = 1e-6  # mean and dispersion of counts
STEEPEST, FLATTEST = -10.0, 6.0  # of log(df - 2)
WIDEST = 20.0  # of log scale, either way
WHOLE = 0.01  # how far from a whole number a count in float32 may be


class Likelihood(ABC):
    """One distribution.

    Attributes:
        parameters: P.
        grain: distance between neighbouring values, in their own unit; 0: any value may come.
    """

    parameters: ClassVar[int]
    grain: ClassVar[float] = 0.0

    @abstractmethod
    def cost(self, o: Tensor, z: Tensor, back: Tensor | None = None) -> Tensor:
        """Return -log of the density, or of the probability, of what came, (B, T, L, K), float64.

        Args:
            o: outputs (B, T, L, K, P).
            z: scaled values (B, T, L, K), no NaN.
            back: (B, K, 3), a, b and p of each target, which counts need.

        Raises:
            ForecastError: what came cannot come under the distribution, or ``back`` is needed and not there.
        """

    @abstractmethod
    def quantile(self, o: Tensor, levels: Tensor, back: Tensor | None = None) -> Tensor:
        """Return quantiles in scaled units, (B, T, L, K, Q), float64; ascending where the levels are.

        Args:
            o: outputs (B, T, L, K, P), out of the graph.
            levels: in (0, 1), to be broadcast to (B, T, L, K, Q).
            back: as above.
        """


class StudentT(Likelihood):
    """Student's t: heavy tails, so that one wild value does not teach a wide scale."""

    parameters = 3

    def cost(self, o: Tensor, z: Tensor, back: Tensor | None = None) -> Tensor:
        """See the contract."""
        location, scale, df = self._parameters(o)
        reach = torch.hypot(torch.ones_like(df), (z.double() - location) / (scale * df.sqrt()))
        size = torch.lgamma(df / 2) - torch.lgamma((df + 1) / 2) + torch.log(df * math.pi) / 2 + scale.log()
        return size + (df + 1) * reach.log()

    def quantile(self, o: Tensor, levels: Tensor, back: Tensor | None = None) -> Tensor:
        """See the contract."""
        location, scale, df = (part.unsqueeze(-1) for part in self._parameters(o))
        return location + scale * torch.as_tensor(special.stdtrit(df.numpy(), levels.double().numpy()))

    @staticmethod
    def _parameters(o: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        location, scale, df = o.double().unbind(-1)
        return location, NARROWEST + scale.clamp(-WIDEST, WIDEST).exp(), 2 + df.clamp(STEEPEST, FLATTEST).exp()


class NegativeBinomial(Likelihood):
    """Counts that vary more than Poisson's: 0 is a value like any other, and nothing lies below it."""

    parameters = 2
    grain = 1.0

    def cost(self, o: Tensor, z: Tensor, back: Tensor | None = None) -> Tensor:
        """See the contract."""
        way = _way_back(back)
        count = _counts(way, z)
        mean, dispersion = self._parameters(o, *way)
        r, odds = 1 / dispersion, dispersion * mean
        ways = torch.lgamma(count + r) - torch.lgamma(r) - torch.lgamma(count + 1)
        return r * odds.log1p() - count * (odds.log() - odds.log1p()) - ways

    def quantile(self, o: Tensor, levels: Tensor, back: Tensor | None = None) -> Tensor:
        """See the contract: the least count whose probability, with those below, reaches the level."""
        way = _way_back(back)
        mean, dispersion = (part.unsqueeze(-1).numpy() for part in self._parameters(o, *way))
        count = torch.as_tensor(_least(levels.double().numpy(), 1 / dispersion, 1 / (1 + dispersion * mean)))
        a, b, p = (part.unsqueeze(-1) for part in way)
        return (count**p - a) / b

    @staticmethod
    def _parameters(o: Tensor, a: Tensor, b: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean, in counts, and dispersion 1 / r."""
        place, dispersion = o.double().unbind(-1)
        mean = (b * (LEAST + functional.softplus(place + a / b))) ** (1 / p)
        return mean, (LEAST + functional.softplus(dispersion)) / (a.abs() + b) ** (0.5 / p)


def _way_back(back: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Return a, b and p, (B, 1, 1, K)."""
    if back is None or not back.isfinite().all():
        remedy = 'set [task] scaling = "series", or choose [training] loss = "student_t" or "pinball"'
        raise ForecastError("counts that are scaled series by series", "another scaling", remedy)
    a, b, p = back.double()[:, None, None].unbind(-1)
    return a, b, p


def _counts(way: tuple[Tensor, Tensor, Tensor], z: Tensor) -> Tensor:
    """Return the whole numbers that scaled values are, but for their float32.

    Raises:
        ForecastError: one is none.
    """
    a, b, p = way
    plain = a + b * z.double()
    values = plain.sign() * plain.abs() ** (1 / p)
    counts = values.detach().round()
    strange = ((values - counts).abs() > WHOLE + 1e-6 * counts) | (counts < 0)
    if strange.any():
        remedy = 'choose [training] loss = "student_t" or "pinball"'
        raise ForecastError("counts, 0, 1, 2 ..., for negative_binomial", f"{values[strange][0].item():g}", remedy)
    return counts


def _least(level: np.ndarray, r: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Return the negative binomial's quantiles: the least counts with P(count or less) >= level.

    The same as scipy.stats.nbinom.ppf, whose import takes longer than that of all else that training needs but torch.
    """
    count = np.ceil(special.nbdtrik(level, r, chance)).clip(0)
    before = (count - 1).clip(0)
    return np.where(special.betainc(r, before + 1, chance) >= level, before, count)


LIKELIHOODS = {"student_t": StudentT(), "negative_binomial": NegativeBinomial()}
