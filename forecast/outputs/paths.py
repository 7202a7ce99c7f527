"""Sample paths: a network goes on from what it has seen, each step drawn from its own forecast of the step before.

Ancestral sampling (Salinas et al. 2020, International Journal of Forecasting 36(3), 1181-1191, section 3.2): the
forecast of lead 1 is drawn from, what was drawn is read as the next value, and so on. Only lead 1 is used, so a network
of one lead forecasts any number of steps (recursive multi-step); values of one path hang together from lead to lead.
Targets are drawn each by itself, given the past of all. What is drawn is the quantile at a random level:

    a likelihood    its quantile
    quantiles       straight lines between them over the normal score of the level, and on beyond the outer two: with
                    three levels the two-piece normal distribution (Wallis 2014, Statistical Science 29(1), 106-112)
    values          the value itself: all paths are one, the network's forecasts fed back

The N levels of a series at one step lie one in each N-th of (0, 1) (Latin hypercube: McKay, Beckman & Conover 1979,
Technometrics 21(2), 239-245), turned by a random angle of its own for each series (Cranley & Patterson 1976, SIAM J.
Numerical Analysis 13(6), 904-914), the same from every reference: live and past draw alike. Of an ensemble each network
draws every so-manieth path by itself: together the paths come from the mixture of their distributions.

Suffixes: S series, R references, L leads, K targets, N paths, B rows (series x paths), Q levels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
from scipy import special
from torch import Tensor

from forecast.batches import Frames, Panel
from forecast.errors import ForecastError
from forecast.models.base import Model, Shape, State, reset
from forecast.models.ensemble import Ensemble, joined, own
from forecast.models.likelihood import LIKELIHOODS

PATHS = 100
ROWS = 1 << 13  # paths that go on side by side
CHUNK = 64  # steps a call on the way to the first reference


@torch.no_grad()
def sample_paths(
    model: Model,
    frames: Frames,
    state: State | None = None,
    *,
    steps: tuple[int, int] | None = None,
    levels: Sequence[float] = (),
    paths: int = PATHS,
    seed: int = 0,
) -> tuple[Tensor, State]:
    """Draw what may come after each of some steps.

    Args:
        model: a series model, ``aligned``, of any number of leads; left in evaluation mode.
        frames: what it sees; their leads are those of the paths, and the calendar and what is known reach as far.
        state: the state before the first step; None is the initial one, at which each series of a panel begins.
        steps: [first, stop) of the references; by default the last step.
        levels: of the quantiles that the model says, ascending; none: values, or parameters of a likelihood.
        paths: N.
        seed: equal seeds draw alike.

    Returns:
        Scaled values (S, R, L, K, N), NaN where a series has not begun; and the state after the last reference.

    Raises:
        ForecastError: maps; a model that is not aligned; covariates that are known only of the past; no path; steps
            outside the frames.
    """
    length = frames.values.shape[1]
    first, stop = steps or (length - 1, length)
    demand_steps(model, frames)
    if paths < 1 or not 0 <= first < stop <= length:
        expected = f"a path at least, after steps within [0, {length})"
        raise ForecastError(expected, f"{paths} after [{first}, {stop})", "ask for what the frames hold")
    model.eval()
    drawn = _levels(len(frames.values), frames.leads, frames.targets, paths, seed)
    parts = list(model.networks) if isinstance(model, Ensemble) else [model]
    found = drawn.new_empty(len(drawn), stop - first, frames.leads, frames.targets, paths)
    after: list[State] = []
    for number, network in enumerate(parts):
        assert isinstance(network, Model)
        mine = slice(number, None, len(parts))
        before = own(state, number) if isinstance(model, Ensemble) and state is not None else state
        found[..., mine], last = _one(network, frames, before, (first, stop), levels, drawn[..., mine])
        after.append(last)
    return found.to(model.blank(0).dtype), joined(iter(after)) if isinstance(model, Ensemble) else after[0]


def _one(
    model: Model,
    frames: Frames,
    state: State | None,
    steps: tuple[int, int],
    levels: Sequence[float],
    drawn: Tensor,
) -> tuple[Tensor, State]:
    """Draw one network's paths (S, R, L, K, N) at the levels ``drawn`` (S, L, K, N), some series at a time."""
    near, found, after = replace(frames, leads=model.shape.leads), list[Tensor](), list[State]()
    for tapes in torch.arange(len(drawn)).split(max(1, ROWS // max(1, drawn.shape[-1]))):
        before = None if state is None else {name: value[tapes] for name, value in state.items()}
        here = []
        for at, y, last in _references(model, near, tapes, before, steps):
            path = _onward(model, near, tapes, at, y, last, levels, drawn[tapes])
            here.append(_begun(path, near, tapes, at) if state is None else path)
        if isinstance(near, Panel) and state is None:
            last = reset(last, near.begin[tapes] >= steps[1], model.initial(len(tapes)))
        found.append(torch.stack(here, dim=1))
        after.append(last)
    return torch.cat(found), {name: torch.cat([one[name] for one in after]) for name in after[0]}


def _references(
    model: Model, frames: Frames, tapes: Tensor, state: State | None, steps: tuple[int, int]
) -> Iterator[tuple[int, Tensor, State]]:
    """Walk up to and through the references; yield each, the outputs (B, leads, K) there, and the state after it."""
    first, stop = steps
    begin = frames.begin[tapes] if isinstance(frames, Panel) and state is None else torch.zeros_like(tapes)
    starts = [at for at in begin.unique().tolist() if 0 < at < stop]
    cuts = {0, *range(CHUNK, first, CHUNK), *range(first, stop + 1), *starts}
    initial = model.initial(len(tapes))
    state = initial if state is None else state
    for start, end in pairwise(sorted(cuts)):
        if start in starts:
            state = reset(state, begin == start, initial)
        at = torch.full_like(tapes, start)
        y, state = model(frames.inputs(tapes, at, end - start), frames.futures(tapes, at, end - start), state)
        if end > first:
            yield end - 1, y[:, -1], state


def _onward(
    model: Model,
    frames: Frames,
    tapes: Tensor,
    at: int,
    y: Tensor,
    state: State,
    levels: Sequence[float],
    drawn: Tensor,
) -> Tensor:
    """Draw paths (B, L, K, N) after step ``at``, whose outputs are y and the state after which is ``state``."""
    count, (leads, targets) = drawn.shape[-1], drawn.shape[1:3]
    rows, y = tapes.repeat_interleave(count), y.repeat_interleave(count, dim=0)
    state = {name: value.repeat_interleave(count, dim=0) for name, value in state.items()}
    level = drawn.permute(0, 3, 1, 2).flatten(0, 1)
    back, said = frames.back(rows), list[Tensor]()
    for lead in range(leads):
        said.append(_drawn(y[:, 0], model.shape, levels, level[:, lead], back))
        if lead + 1 < leads:
            when = torch.full_like(rows, at + 1 + lead)
            x = frames.following(rows, when, said[-1].to(y.dtype))
            y, state = model(x, frames.futures(rows, when, 1), state)
            y = y[:, 0]
    return (
        torch.stack(said, dim=1)
        .unflatten(0, (len(tapes), count))
        .permute(0, 2, 3, 1)
        .reshape(-1, leads, targets, count)
    )


def _drawn(y: Tensor, shape: Shape, levels: Sequence[float], drawn: Tensor, back: Tensor | None) -> Tensor:
    """Return the quantile (B, K) at the levels ``drawn`` (B, K) of the outputs y (B, outputs) of one lead."""
    o = y.unflatten(1, (shape.targets, -1))
    if shape.likelihood:
        return LIKELIHOODS[shape.likelihood].quantile(o[:, None, None], drawn[:, None, None, :, None], back)[
            :, 0, 0, :, 0
        ]
    if len(levels) < 2:
        return o[:, :, 0].double()
    ordered, known = o.double().sort(dim=2).values, torch.from_numpy(special.ndtri(np.asarray(levels, "float64")))
    score = torch.special.ndtri(drawn)
    left = (torch.searchsorted(known, score) - 1).clamp(0, len(known) - 2)
    low, high = (ordered.gather(2, (left + step).unsqueeze(2)).squeeze(2) for step in (0, 1))
    return low + (score - known[left]) / (known[left + 1] - known[left]) * (high - low)


def _levels(series: int, leads: int, targets: int, paths: int, seed: int) -> Tensor:
    """Return random levels (S, L, K, N) in (0, 1)."""
    rng = np.random.default_rng(seed)
    spread = np.argsort(rng.random((leads, targets, paths)), axis=-1) + rng.random((leads, targets, paths))
    turned = (spread / paths + rng.random((series, leads, targets, 1))) % 1.0
    return torch.from_numpy(turned.clip(1e-9, 1 - 1e-9))


def _begun(path: Tensor, frames: Frames, tapes: Tensor, at: int) -> Tensor:
    """Return a path with NaN where a series of a panel has not begun at step ``at``."""
    if not isinstance(frames, Panel):
        return path
    return path.masked_fill((frames.begin[tapes] > at).reshape(-1, 1, 1, 1), torch.nan)


def demand_steps(model: Model, frames: Frames) -> None:
    """Refuse a network that cannot go on step by step from what it has said.

    Args:
        model: the network.
        frames: what it sees.

    Raises:
        ForecastError: maps, a model that is not aligned, or covariates that are known only of the past.
    """
    direct = 'set [training] multistep = "direct"'
    if frames.grid is not None or not model.aligned:
        got = "maps" if frames.grid is not None else f"{type(model).__name__}, which reads its last steps both ways"
        raise ForecastError("a network that reads series step by step", got, direct)
    if frames.values.shape[2] > frames.targets:
        got = f"{frames.values.shape[2] - frames.targets} known only of the past"
        raise ForecastError("no covariates but those known beforehand", got, f"{direct}, or leave them out")
