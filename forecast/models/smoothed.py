"""A network that weighs what smoothing says of a series, and adds to it: for tables of many series.

At every step smoothing (smoothing.py) says levels l_e, slopes s_k and seasons c_u without learning anything. The
network within, any series model, reads how they and the last values lie to each other and how each has erred of late;
it says for every lead h how much each of them counts, and what is to be added:

    y_h = sum_e p_he l_e + sum_k q_hk r_hk s_k + sum_u v_hu c_u(h) + W_h (last values - l) + o_h

p, q, v: softmax over e, k (no trend among them) and u (no season among them), so that a level, say, is never left; r:
reach of a slope; W, if asked for: learned once, 0 at first, l being one of the levels. All that the network reads is
relative to a level, so one network serves series of any height. A mean of simple forecasts, weighed by what the series
look like, is what won much of the M4 competition (Montero-Manso et al. 2020, International Journal of Forecasting
36(1), 86-92); smoothing inside a recurrent network won it (Smyl 2020, the same issue, 75-85); W is the linear skip of
Zeng et al. 2023, AAAI. Weights carry from series to series better than additions do: where series are short, o_h is
better left out (``added``).

Where there are Q > 1 quantiles a target, y_h is the one in the middle (Q // 2); each next one, outwards, lies
softplus(o) times the latest error of the best simple forecast further out, so that quantiles never cross. Of parameters
of a likelihood the first is y_h, the others are the network's.

Suffixes: B streams, T steps, L leads, K targets, E U as in smoothing.py, N = B K.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn
from torch.nn import functional

from forecast.errors import ForecastError
from forecast.models import MODELS
from forecast.models.base import Model, Options, Shape, State, checked, create
from forecast.models.record import Record
from forecast.models.smoothing import REFERENCE, Said, Smoothing
from forecast.registry import member

TOLD = 13  # leads of a season that the network is told


class SmoothedOptions(Options):
    """Options of a network upon smoothing.

    Attributes:
        inner: which network, a series kind.
        inner_options: its own options; what its output is added to is not among them, that is the smoothing's.
        seasons: lengths of the seasons, ascending; none: no season.
        skip: last values that W reads, for long series; 0: there is no W.
        added: whether o_h is there.
    """

    inner: str = "lstm"
    inner_options: dict[str, Any] = Field(default_factory=dict)
    seasons: tuple[int, ...] = ()
    skip: int = Field(0, ge=0, le=10_000)
    added: bool = True

    @field_validator("seasons")
    @classmethod
    def _ascending(cls, seasons: tuple[int, ...]) -> tuple[int, ...]:
        if any(m < 2 for m in seasons) or list(seasons) != sorted(set(seasons)):
            raise ValueError(f"lengths of seasons ascend and are above 1, got {list(seasons)}: leave out the others")
        return seasons


class Smoothed(Model):
    """The network, what smoothing says, and their sum.

    The first ``shape.targets`` channels of x are the targets, 0 where missing; as many follow that are 1 where they are
    seen, 0 where not; any others are handed on to the network. State: ``smoothing.NAME`` (B, K, ...), ``inner.NAME``.
    """

    Options: ClassVar[type[Options]] = SmoothedOptions

    def __init__(self, shape: Shape, options: SmoothedOptions) -> None:
        super().__init__(shape, options)
        if shape.symbols or not shape.targets or shape.inputs < 2 * shape.targets:
            got = f"{shape.inputs} channels, {shape.targets} targets, {shape.symbols} symbols"
            remedy = "give each target a channel that says where it is seen, or choose a network by itself"
            raise ForecastError("channels of targets, and as many that say where they are seen", got, remedy)
        self.smoothing = Smoothing(options.seasons, shape.leads)
        self.record = Record(self.smoothing)
        self.quantiles, told = shape.outputs // shape.targets, self.smoothing
        self.share = float(options.added)
        self.groups = (told.levels, told.trends + 1, told.kinds, self.quantiles)
        kind: type[Model] = member("model", MODELS, options.inner)
        if kind is Smoothed or "series" not in kind.kinds:
            raise ForecastError("a network for series within", repr(options.inner), 'choose another, such as "lstm"')
        width = told.lags + told.levels + told.trends + 2 * self.record.count + 2
        width += len(told.seasons) + min(TOLD, told.longest, shape.leads) * (told.kinds - 3) if told.seasons else 0
        inputs = shape.targets * width + shape.inputs - shape.targets
        inside = Shape(
            inputs, shape.leads, shape.targets * sum(self.groups), shape.future, targets=0, context=shape.context
        )
        small = {"residual": "damped"} if "residual" in kind.Options.model_fields else {}  # its head begins small
        self.inner = kind(inside, checked(kind, options.inner_options | small))
        self.skip = nn.Linear(options.skip, shape.leads, bias=False) if options.skip else None
        if self.skip is not None:
            nn.init.zeros_(self.skip.weight)
        self.register_buffer("reach", told.reach.to(torch.get_default_dtype()), persistent=False)
        self.aligned, self.context = self.inner.aligned, max(self.inner.context, told.kept, options.skip)

    reach: Tensor

    def initial(self, streams: int, context: Tensor | None = None) -> State:
        """See the contract."""
        targets = self.shape.targets
        begun = {name: self.blank(streams, targets, *size) for name, size in self.smoothing.sizes.items()}
        begun |= {name: self.blank(streams, targets, *size) for name, size in self.record.sizes.items()}
        begun |= {"error": begun["error"] + self.record.prior}
        if self.skip is not None:
            begun["past"] = self.blank(streams, targets, self.options.skip - 1)
        inner = self.inner.initial(streams, context)
        return _named("smoothing", begun) | _named("inner", inner)

    def advance(self, x: Tensor, future: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See the contract."""
        said, read, scale, after = self._read(x, state)
        o, inner = self.inner(read, future, _own("inner", state))
        level = said.levels[:, :, REFERENCE : REFERENCE + 1]
        skipped = level.new_zeros(1, 1, 1)
        if self.skip is not None:
            past = torch.cat([state["smoothing.past"].flatten(0, 1), said.values], dim=1)
            skipped = self.skip(past.unfold(1, self.options.skip, 1) - level)
            last = past[:, said.values.shape[1] :].unflatten(0, (len(x), self.shape.targets))
            after |= {"smoothing.past": last}
        return self._sum(o, said, skipped.unsqueeze(3), scale), after | _named("inner", inner)

    def skipped(self, x: Tensor, state: State) -> Tensor:
        """Return what W reads at every step, (N, T, W).

        Args:
            x: (B, T, C).
            state: before the first step.
        """
        said = self._read(x, state)[0]
        past = torch.cat([state["smoothing.past"].flatten(0, 1), said.values], dim=1)
        return past.unfold(1, self.options.skip, 1) - said.levels[:, :, REFERENCE : REFERENCE + 1]

    def centre(self, y: Tensor) -> Tensor:
        """Return the outputs that W adds to, (B, T, L, K), among all, ``y`` (B, T, L, K Q)."""
        return y.unflatten(3, (self.shape.targets, -1))[..., 0 if self.shape.likelihood else self.quantiles // 2]

    def trace(self, x: Tensor, future: Tensor | None = None, state: State | None = None) -> dict[str, Tensor]:
        """See the contract; the network's within."""
        state = self.initial(len(x)) if state is None else state
        return self.inner.trace(self._read(x, state)[1], future, _own("inner", state))

    def recurrent_weights(self) -> dict[str, Tensor]:
        """See the contract; the network's within."""
        return self.inner.recurrent_weights()

    @torch.no_grad()
    def _read(self, x: Tensor, state: State) -> tuple[Said, Tensor, Tensor, State]:
        """Return what smoothing says (N streams), what the network reads, the latest error (N, T), the next state."""
        streams, targets = len(x), self.shape.targets
        flat = {name: value.flatten(0, 1) for name, value in _own("smoothing", state).items()}
        values, seen = x[:, :, :targets].transpose(1, 2), x[:, :, targets : 2 * targets].transpose(1, 2) > 0.5
        values, seen = values.flatten(0, 1), seen.flatten(0, 1)
        said, after = self.smoothing.run(values, seen, flat)
        errors, record = self.record.run(values, seen, said, self.reach, flat)
        after = {name: value.unflatten(0, (streams, targets)) for name, value in (after | record).items()}
        read = self._features(said, errors).unflatten(0, (streams, targets)).transpose(1, 2).flatten(2)
        scale = errors[:, :, 0].amin(dim=2).clamp(min=0.02)
        return said, torch.cat([read, x[:, :, targets:]], dim=2), scale, _named("smoothing", after)

    def _features(self, said: Said, errors: Tensor) -> Tensor:
        """Return what the network reads of every stream, (N, T, width)."""
        m, level = self.smoothing.longest, said.levels[:, :, REFERENCE : REFERENCE + 1]
        age = said.age.clamp(min=1)
        parts = [
            torch.log(errors + 0.05).flatten(2),
            torch.asinh(said.lags),
            torch.asinh(said.levels - level),
            torch.asinh(3 * said.slopes),
            said.shares,
            0.5 * torch.log(age / max(m, 4)).unsqueeze(2),
            (1 / age).unsqueeze(2),
        ]
        if self.smoothing.seasons:
            parts.append(torch.asinh(said.seasons[:, :, : min(TOLD, m), [1, 4]]).flatten(2))
        return torch.cat(parts, dim=2)

    def _sum(self, o: Tensor, said: Said, skipped: Tensor, scale: Tensor) -> Tensor:
        """Return y (B, T, L, outputs) of what the network says, o (B, T, L, ...), and the skip, (N, T, L, 1)."""
        streams, targets = len(o), self.shape.targets
        parts = o.unflatten(3, (targets, -1)).permute(0, 3, 1, 2, 4).flatten(0, 1).split(self.groups, dim=3)
        level, trend, season = (part.softmax(dim=3) for part in parts[:3])
        y = level @ said.levels.unsqueeze(3) + (season * said.seasons).sum(dim=3, keepdim=True)
        y = y + (trend[..., 1:] * self.reach) @ said.slopes.unsqueeze(3) + skipped
        y = self._quantiles(y, parts[3], scale.reshape(*scale.shape, 1, 1))
        return y.unflatten(0, (streams, targets)).permute(0, 2, 3, 1, 4).flatten(3)

    def _quantiles(self, y: Tensor, o: Tensor, scale: Tensor) -> Tensor:
        """Return the outputs of a target (N, T, L, Q) about y (N, T, L, 1)."""
        if self.shape.likelihood:
            return torch.cat([y + self.share * o[..., :1], o[..., 1:]], dim=3)
        middle = self.quantiles // 2
        y, out = y + self.share * o[..., middle : middle + 1], scale * functional.softplus(o)
        below = y - out[..., :middle].flip(3).cumsum(dim=3).flip(3)
        return torch.cat([below, y, y + out[..., middle + 1 :].cumsum(dim=3)], dim=3)


def smoothed(
    kind: str, shape: Shape, options: Mapping[str, Any], seasons: Sequence[int] = (), seed: int = 0, **own: Any
) -> Model:
    """Build a network upon smoothing.

    Args:
        kind: name of the network within, any for series.
        shape: sizes from the data and the task, those of ``Smoothed``.
        options: of the network within, as written by a user.
        seasons: lengths of the seasons, ascending.
        seed: equal seeds give equal weights.
        own: any other of ``SmoothedOptions``.

    Raises:
        ForecastError: as ``create``; or the channels do not say where targets are seen.
    """
    plain = {"inner": kind, "inner_options": dict(options), "seasons": list(seasons), **own}
    return create(Smoothed, shape, plain, seed)


def _named(part: str, state: State) -> State:
    return {f"{part}.{name}": value for name, value in state.items()}


def _own(part: str, state: State) -> State:
    start = f"{part}."
    return {name.removeprefix(start): value for name, value in state.items() if name.startswith(start)}
