"""How simple forecasts have erred of late on each stream: what a network weighs them by.

Simple forecasts are each level with the steady season, the reference level alone, the mean over the last season with
that season's deviations (together the seasonal naive forecast), and each trend upon the reference level. Each is judged
one step ahead and ``far`` steps ahead; its error moves by max(g, 1 / (k + 2)) of what came, k the times judged before,
from a first guess on.

Suffixes: N streams, T steps, R simple forecasts.
"""

from __future__ import annotations

import torch
from torch import Tensor

from forecast.models.base import State
from forecast.models.smoothing import REFERENCE, Said, Smoothing

GAINS = (0.15, 0.1)  # g one step ahead and far ahead
FIRST = 0.8  # the first guess, scaled units
FAR = 4  # steps, where there is no season


class Record:
    """The record of the simple forecasts of a ``smoothing``.

    Attributes:
        count: R.
        far: steps that the second judgement looks ahead: the longest season, or as far as leads go.
        prior: the first guess of every error.
        sizes: name -> shape of each part of the state of one stream.
    """

    prior = FIRST

    def __init__(self, smoothing: Smoothing) -> None:
        self.far = min(smoothing.leads, smoothing.longest if smoothing.seasons else FAR)
        self.seasonal = bool(smoothing.seasons)
        self.count = smoothing.levels + smoothing.trends + (2 if self.seasonal else 0)
        self.sizes: dict[str, tuple[int, ...]] = {
            "near": (1, self.count),
            "far": (self.far, self.count),
            "error": (2, self.count),
            "judged": (2,),
        }

    def run(self, values: Tensor, seen: Tensor, said: Said, reach: Tensor, state: State) -> tuple[Tensor, State]:
        """Judge what was said before by what came.

        Args:
            values: (N, T).
            seen: bool (N, T).
            said: of the same steps.
            reach: (L, K), of slopes.
            state: with what was said before.

        Returns:
            errors (N, T, 2, R), and the next state.
        """
        near = torch.cat([state["near"], self._forecasts(said, reach, 1)], dim=1)
        far = torch.cat([state["far"], self._forecasts(said, reach, self.far)], dim=1)
        steps = values.shape[1]
        came = values.reshape(len(values), steps, 1, 1)
        missed = (came - torch.stack([near[:, :steps], far[:, :steps]], dim=2)).abs()
        judged = torch.stack([said.age > 1, said.age > self.far], dim=2) & seen.unsqueeze(2)
        error, count, errors, least = state["error"], state["judged"], [], values.new_tensor(GAINS)
        for one, counts in zip(missed.unbind(1), judged.unbind(1), strict=True):
            gain = torch.maximum(least, 1 / (count + 2)) * counts
            error, count = error + gain.unsqueeze(2) * (one - error), count + counts
            errors.append(error)
        after = {"near": near[:, steps:], "far": far[:, steps:], "error": error, "judged": count}
        return torch.stack(errors, dim=1), after

    def _forecasts(self, said: Said, reach: Tensor, lead: int) -> Tensor:
        """Return the simple forecasts of one lead, from 1, (N, T, R)."""
        level = said.levels[:, :, REFERENCE : REFERENCE + 1]
        trends = level + reach[lead - 1] * said.slopes
        if not self.seasonal:
            return torch.cat([said.levels, trends], dim=2)
        season = said.seasons[:, :, lead - 1]
        steady, mean = season[:, :, 1:2], said.levels[:, :, -1:]
        return torch.cat([said.levels + steady, trends + steady, level, mean + season[:, :, 4:5]], dim=2)
