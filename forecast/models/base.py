"""The contract of a model: ``model(x, future, state) -> (y, state)``, every step forecasting every lead.

Suffixes of tensors: B streams, T steps, C input channels, L leads, F future features, K outputs a lead, H W the grid.

    series  x_BTC    -> y_BTLK        maps  x_BTCHW -> y_BTLKHW

``y[:, t, l]`` is the forecast, in scaled units, for step ``t + 1 + l`` made when step ``t`` is the last one seen.
``future`` holds what is known beforehand of the steps ahead (calendar), shape BTLF, or is None.
``state`` is a dict of tensors, batch first; None means the initial state. Passing the state from one chunk to the
next gives what one unbroken pass gives (BiLSTM exempt: it is not ``aligned``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

State = dict[str, Tensor]


@dataclass(frozen=True)
class Shape:
    """What a model must fit: sizes that come from the data and the task, never from a user.

    Attributes:
        inputs: input channels C.
        leads: leads L.
        outputs: outputs K a lead (targets x quantiles, or targets).
        future: future features F (0: none).
        grid: (H, W) for maps, None for series.
        periodic: whether the last axis of the grid closes the circle.
    """

    inputs: int
    leads: int
    outputs: int = 1
    future: int = 0
    grid: tuple[int, int] | None = None
    periodic: bool = False


class Options(BaseModel):
    """Options of a model as a user writes them; each member extends it, unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Model(nn.Module, ABC):
    """A network that carries its state.

    Attributes:
        Options: the pydantic class of the member's own options.
        kinds: the kinds of data it takes, of "series" and "map".
        aligned: whether ``y`` at every step is a forecast (False: only the last step of a chunk is, since earlier
            steps have seen later ones).
    """

    Options: ClassVar[type[Options]] = Options
    kinds: ClassVar[tuple[str, ...]] = ("series",)
    aligned: ClassVar[bool] = True

    def __init__(self, shape: Shape, options: Any) -> None:
        super().__init__()
        self.shape, self.options = shape, options

    @abstractmethod
    def forward(self, x: Tensor, future: Tensor | None = None, state: State | None = None) -> tuple[Tensor, State]:
        """See the module's page: x (B, T, C[, H, W]) -> y (B, T, L, K[, H, W]) and the state after step T."""


def detach(state: State) -> State:
    """Cut the state out of the graph: gradients stop here, values go on."""
    return {name: tensor.detach() for name, tensor in state.items()}


def reset(state: State, fresh_B: Tensor) -> State:
    """Return the state with the streams marked in ``fresh_B`` (bool, shape (B,)) set to zero, the initial state."""
    return {
        name: torch.where(fresh_B.reshape(-1, *[1] * (tensor.dim() - 1)), torch.zeros_like(tensor), tensor)
        for name, tensor in state.items()
    }
