"""One unbroken pass of a model over frames: how it forecasts, live and past."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from forecast.batches.labelled import Frames
from forecast.batches.panel import Panel
from forecast.errors import ForecastError

State = dict[str, Tensor]

WINDOWS = 64  # windows read at a time by a model that is not aligned
ROWS = 1024  # series of unequal beginnings that are read at a time


@torch.no_grad()
def run(
    model: Any,
    frames: Frames,
    state: State | None = None,
    *,
    steps: tuple[int, int] | None = None,
    chunk: int = 64,
    window: int = 24,
) -> tuple[Tensor, State]:
    """Run a model over frames, its state carried from the first step to the last.

    Without a state, each series of a panel begins where it begins, as in training. Where they do not all begin with the
    frames, no state is returned.

    Args:
        model: a model of the family (``models.base``); left in evaluation mode.
        frames: what it sees.
        state: the state before the first step; None is the initial one.
        steps: [first, stop) of the steps whose forecasts are wanted; by default all.
        chunk: steps a call.
        window: for a model that is not ``aligned``: steps that each forecast reads (k2 in training), the carried
            state before them; fewer at the beginning of the frames.

    Returns:
        y (S, stop - first, L, K[, H, W]) in scaled units, NaN before a series begins, and the state after the last
        step of the frames ({} where there is none to go on from).

    Raises:
        ForecastError: steps outside the frames.
    """
    length = frames.values.shape[1]
    first, stop = steps or (0, length)
    if not 0 <= first < stop <= length:
        raise ForecastError(f"steps within [0, {length})", f"[{first}, {stop})", "ask for steps that the frames hold")
    model.eval()
    if state is None and model.aligned and isinstance(frames, Panel) and bool((frames.begin > 0).any()):
        return _run_ragged(model, frames, (first, stop), chunk), {}
    state = model.initial(len(frames.values)) if state is None else state
    if not model.aligned:
        return _run_windows(model, frames, state, (first, stop), window)
    kept = []
    for begin in range(0, length, chunk):
        size = min(chunk, length - begin)
        y, state = model(*_stretch(frames, begin, size), state)
        kept.append(y[:, max(0, first - begin) : max(0, stop - begin)].clone())
    return torch.cat(kept, dim=1), state


def _stretch(frames: Frames, start: int, size: int) -> tuple[Tensor, Tensor | None]:
    tapes = torch.arange(len(frames.values))
    starts = torch.full_like(tapes, start)
    return frames.inputs(tapes, starts, size), frames.futures(tapes, starts, size)


def _run_ragged(model: Any, panel: Panel, steps: tuple[int, int], chunk: int) -> Tensor:
    """Run over series that begin at different steps, laid side by side by their own first step."""
    first, stop = steps
    found: Tensor | None = None
    for tapes in panel.begin.argsort(stable=True).split(ROWS):
        begin = panel.begin[tapes].clamp(max=stop - 1)
        state, length = model.initial(len(tapes)), stop - int(begin.min())
        for at in range(0, length, chunk):
            start, size = begin + at, min(chunk, length - at)
            y, state = model(panel.inputs(tapes, start, size), panel.futures(tapes, start, size), state)
            when = start[:, None] + torch.arange(size)
            wanted = (when >= first) & (when < stop) & (when >= panel.begin[tapes][:, None])
            if found is None:
                found = y.new_full((len(panel.values), stop - first, *y.shape[2:]), torch.nan)
            row = tapes[:, None].expand_as(when)[wanted]
            found[row, when[wanted] - first] = y[wanted]
    assert found is not None
    return found


def _run_windows(model: Any, frames: Frames, state: State, steps: tuple[int, int], window: int) -> tuple[Tensor, State]:
    """Read a window for each forecast, from the state carried to its beginning; whole windows many at a time."""
    before = [state]
    for at in range(frames.values.shape[1]):
        before.append(model(*_stretch(frames, at, 1), before[-1])[1])
    last = before[-1]
    first, stop = steps
    kept = [model(*_stretch(frames, 0, at + 1), before[0])[0][:, -1:] for at in range(first, min(stop, window - 1))]
    tapes = torch.arange(len(frames.values))
    for at in range(max(first, window - 1), stop, WINDOWS):
        block = torch.arange(at, min(at + WINDOWS, stop))
        begins = block - window + 1
        tape, start = tapes.repeat(len(block)), begins.repeat_interleave(len(tapes))
        states = [before[begin] for begin in begins.tolist()]
        joined = {name: torch.cat([one[name] for one in states]) for name in last}
        y, _ = model(frames.inputs(tape, start, window), frames.futures(tape, start, window), joined)
        kept.append(y[:, -1].unflatten(0, (len(begins), len(tapes))).transpose(0, 1))
    return torch.cat(kept, dim=1), last
