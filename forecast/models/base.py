"""The contract of a model: ``model(x, future, state) -> (y, state)``, every step forecasting every lead.

Suffixes of tensors: B streams, T steps, C input channels, L leads, F future features, K outputs a lead, D context
features, H W the grid.

    series  x_BTC    -> y_BTLK        maps  x_BTCHW -> y_BTLKHW

``y[:, t, l]`` is the forecast, in scaled units, for step ``t + 1 + l`` made when step ``t`` is the last one seen.
``future`` holds what is known beforehand of the steps ahead (calendar), shape BTLF, or is None.
``state`` is a dict of tensors, batch first; None means the initial state, ``model.initial(B)``. Passing the state from
one chunk to the next gives what one unbroken pass gives (bidirectional models exempt: they are not ``aligned``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from torch import Tensor, nn

from forecast.errors import ForecastError

State = dict[str, Tensor]

AXES = ("stream", "step", "channel", "row", "column")  # of inputs


@dataclass(frozen=True)
class Shape:
    """What a model must fit: sizes that come from the data and the task, never from a user.

    Attributes:
        inputs: input channels C.
        leads: leads L.
        outputs: outputs K a lead (targets x quantiles, or x parameters of a ``likelihood``, target-major; or targets;
            or logits of classes or bits).
        future: future features F (0: none).
        grid: (H, W) for maps, None for series.
        periodic: whether the last axis of the grid closes the circle.
        targets: how many of the first input channels are the targets themselves (K is a multiple of it; 0: none are).
        symbols: size of an alphabet (0: none); the first channel then holds codes 0 ... symbols - 1, and no target.
        context: features D of a stream, from which its initial state follows (0: none).
        masked: whether some cells of the grid are left out; which, the model's buffer ``cells`` says.
        poles: what lies beyond the first and the last row of a closed circle: None: nothing is known, the grid ends; 0:
            a pole, then that row itself, half way round; 1: the row lies on the pole, beyond it the next one, half way
            round.
        likelihood: the distribution whose parameters are the outputs of a target, see likelihood.py; "": none.
    """

    inputs: int
    leads: int
    outputs: int = 1
    future: int = 0
    grid: tuple[int, int] | None = None
    periodic: bool = False
    targets: int = 1
    symbols: int = 0
    context: int = 0
    masked: bool = False
    poles: tuple[int | None, int | None] = (None, None)
    likelihood: str = ""

    @classmethod
    def restored(cls, plain: Mapping[str, Any]) -> Shape:
        """Return the shape whose ``plain`` this is, read from JSON or not."""
        sizes: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in plain.items()}
        return cls(**sizes)

    def plain(self) -> dict[str, Any]:
        """Return the sizes as JSON has them."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}


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
        taught: whether it is shown the truth while training (teacher forcing), as ``truth`` (B, T, L, K), NaN where
            there is none.
        context: steps that a forecast must have read, itself included; those before them only fade.
        progress: share of the training done, 0 to 1; the engine sets it before each update.
        cells: (H, W), which cells count, where the shape is ``masked``; saved with the weights. What a masked cell
            holds is read as 0 and never matters; its forecast is 0, the climatology.
    """

    Options: ClassVar[type[Options]] = Options
    kinds: ClassVar[tuple[str, ...]] = ("series",)
    aligned: bool = True
    taught: bool = False
    context: int = 1
    progress: float = 0.0
    cells: Tensor | None

    def __init__(self, shape: Shape, options: Any) -> None:
        super().__init__()
        kind = "series" if shape.grid is None else "map"
        if kind not in self.kinds:
            remedy = f"leave {type(self).__name__} out of [[models]], or choose one for {kind} data"
            raise ForecastError(f"{' or '.join(self.kinds)} data for {type(self).__name__}", f"{kind} data", remedy)
        if shape.symbols and shape.grid:
            raise ForecastError("symbols in a series", "symbols on a map", "give their maps as numbers, one hot")
        if shape.targets and shape.outputs % shape.targets:
            got = f"{shape.outputs} outputs for {shape.targets} targets"
            raise ForecastError("outputs a multiple of targets", got, "use targets x quantiles outputs")
        if shape.likelihood and (shape.grid or not shape.targets):
            got = f"{shape.likelihood} of {'maps' if shape.grid else 'classes or bits'}"
            raise ForecastError("a likelihood of series", got, 'choose [training] loss = "squared" or "pinball"')
        self.shape, self.options = shape, options
        everywhere = torch.ones(shape.grid, dtype=torch.bool) if shape.masked and shape.grid else None
        self.register_buffer("cells", everywhere)

    @abstractmethod
    def initial(self, streams: int, context: Tensor | None = None) -> State:
        """Return the state before the first step.

        Args:
            streams: B.
            context: features of each stream, (B, D), where the shape has any.
        """

    @abstractmethod
    def advance(self, x: Tensor, future: Tensor | None, state: State) -> tuple[Tensor, State]:
        """What a member implements: the same as ``forward``, with inputs checked and a state at hand.

        A member that is ``taught`` takes ``truth`` as a fourth argument.
        """

    def forward(
        self, x: Tensor, future: Tensor | None = None, state: State | None = None, truth: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Advance over T steps.

        Args:
            x: inputs (B, T, C) or (B, T, C, H, W), scaled units, no NaN.
            future: (B, T, L, F) when the shape has future features, else None.
            state: as returned by the call before; None is the initial state.
            truth: what is to be forecast, (B, T, L, K), for a member that is ``taught``; None: it hears itself.

        Returns:
            y (B, T, L, K[, H, W]) in scaled units, and the state after step T.

        Raises:
            ForecastError: channels, grid, future features or the state's batch do not fit the shape; no stream or no
                step; a value that is not finite.
        """
        self._check(x, future, state)
        x, state = self.counted(x), self.initial(len(x)) if state is None else state
        y, state = self.advance(x, future, state, truth) if self.taught else self.advance(x, future, state)  # type: ignore[call-arg]
        return self.counted(y), state

    def trace(self, x: Tensor, future: Tensor | None = None, state: State | None = None) -> dict[str, Tensor]:
        """Show what happens inside: name -> (B, T, units ...), such as ``layer0.forget gate`` and ``layer0.hidden``.

        What is called a gate lies in [0, 1]; beside an update gate stands ``kept``, the share of the memory that it
        keeps. Empty where a member shows nothing. To be asked in evaluation mode, as a forecast would be.

        Args:
            x: as in ``forward``.
            future: alike.
            state: alike.
        """
        return {}

    def recurrent_weights(self) -> dict[str, Tensor]:
        """Return the square matrices that lead from hidden state to hidden state, such as ``layer0.candidate``."""
        return {}

    def prime(self, damping: Tensor) -> None:
        """Tell the parts that want to know how anomalies decay on the training span, before the first update.

        Args:
            damping: regression of the target at each lead on the last one, scaled units, shape (L, targets[, H, W]).
        """
        for part in self.modules():
            if part is not self and hasattr(part, "prime"):
                part.prime(damping)  # type: ignore[operator]

    def blank(self, *sizes: int) -> Tensor:
        """Return zeros of these sizes, of the weights' kind and place."""
        return next(self.parameters()).new_zeros(sizes)

    def counted(self, x: Tensor) -> Tensor:
        """Return maps (..., H, W) with 0 in the cells that are masked; anything else as it is."""
        return x if self.cells is None else x.masked_fill(~self.cells, 0.0)

    def mask(self, cells: Tensor) -> None:
        """Say which ``cells`` count, bool (H, W).

        Raises:
            ForecastError: the shape is not masked, or of another grid, or no cell counts.
        """
        if self.cells is None or cells.shape != self.cells.shape or not cells.any():
            expected = f"which cells count, one at least, of a masked shape of grid {self.shape.grid}"
            got = f"{int(cells.sum())} of {tuple(cells.shape)}, masked = {self.shape.masked}"
            raise ForecastError(expected, got, "pass the mask of the frames' own grid")
        self.cells.copy_(cells)

    def _check(self, x: Tensor, future: Tensor | None, state: State | None) -> None:
        grid, ahead = self.shape.grid or (), (self.shape.leads, self.shape.future)
        if x.dim() != 3 + len(grid) or tuple(x.shape[2:]) != (self.shape.inputs, *grid):
            expected = f"inputs (B, T, {', '.join(map(str, (self.shape.inputs, *grid)))})"
            raise ForecastError(expected, f"{tuple(x.shape)}", "build the inputs with the frames of the training run")
        if not len(x) or not x.shape[1]:
            raise ForecastError("at least one stream and one step", f"{tuple(x.shape)}", "leave out empty batches")
        if not x.detach().sum().isfinite() and not x.isfinite().all():
            raise ForecastError("inputs that are finite", _first_strange(x, AXES), "mask or fill what is missing")
        if self.shape.future and (future is None or tuple(future.shape) != (*x.shape[:2], *ahead)):
            expected = f"future features ({x.shape[0]}, {x.shape[1]}, {ahead[0]}, {ahead[1]})"
            raise ForecastError(expected, f"{None if future is None else tuple(future.shape)}", "pass frames.futures")
        if future is not None and not future.sum().isfinite() and not future.isfinite().all():
            got = _first_strange(future, ("stream", "step", "lead", "feature"))
            raise ForecastError("future features that are finite", got, "fill what is missing")
        if state is not None and any(len(tensor) != len(x) for tensor in state.values()):
            sizes = {name: len(tensor) for name, tensor in state.items()}
            raise ForecastError(f"a state of {len(x)} streams", f"{sizes}", "pass the state of the same streams")


def _first_strange(x: Tensor, axes: tuple[str, ...]) -> str:
    """Name the first value that is not finite, and its place."""
    at = (~x.isfinite()).nonzero()[0].tolist()
    place = ", ".join(f"{axis} {index}" for axis, index in zip(axes, at, strict=False))
    return f"{x[tuple(at)].item()} at {place}"


def checked(member: type[Model], options: Mapping[str, Any]) -> Any:
    """Return a member's options, the defaults filled in.

    Args:
        member: the class, as the registry gives it.
        options: as written by a user.

    Raises:
        ForecastError: an option is unknown or out of range.
    """
    try:
        return member.Options(**options)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()]
        known = ", ".join(member.Options.model_fields)
        raise ForecastError(f"options of {member.__name__} among {known}", "; ".join(lines), "mend them") from error


def create(
    member: type[Model], shape: Shape, options: Mapping[str, Any], seed: int = 0, cells: Tensor | None = None
) -> Model:
    """Build a model with checked options and weights drawn from a seed (the global generator is left alone).

    Args:
        member: the class, as the registry gives it.
        shape: sizes from the data and the task.
        options: the member's options as written by a user.
        seed: equal seeds give equal weights.
        cells: (H, W), which cells count, for a masked shape; None: all, until weights are loaded.

    Raises:
        ForecastError: an option is unknown or out of range, the kind of data is not the member's, or the cells are not
            those of the shape.
    """
    own = checked(member, options)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = member(shape, own)
    if cells is not None:
        model.mask(cells)
    return model


def detach(state: State) -> State:
    """Cut the state out of the graph: gradients stop here, values go on."""
    return {name: tensor.detach() for name, tensor in state.items()}


def reset(state: State, fresh_B: Tensor, initial: State) -> State:
    """Return the state with the streams marked in ``fresh_B`` (bool, shape (B,)) put back to ``initial``'s."""
    return {
        name: torch.where(fresh_B.reshape(-1, *[1] * (tensor.dim() - 1)), initial[name], tensor)
        for name, tensor in state.items()
    }
