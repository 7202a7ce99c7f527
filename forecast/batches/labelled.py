"""Frames: every step of the data in scaled units, gathered into inputs, calendar ahead and truth when asked for.

Suffixes: S tapes (series; one for maps), B rows asked for, T steps, V variables, C input channels, L leads, F calendar
features, K targets, H W the grid. A tape is a whole time axis, the same for all.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr
from torch import Tensor

from forecast import schema
from forecast.batches.base import READ, Tapes, Valid, outside, release
from forecast.batches.beside import constants, counting, poles, season
from forecast.batches.blocks import Blocks, stacked
from forecast.batches.sun import Sun
from forecast.errors import ForecastError
from forecast.scaling import Scaling
from forecast.schema import LON, TIME


@dataclass(frozen=True)
class Frames(Tapes):
    """Every step of the data as a model sees it.

    Input channels: targets, covariates (missing values are 0, the climatology), then `mask` (the share of variables
    observed, if asked for), the calendar or the sun, and for maps the fields.

    Attributes:
        values: (S, T, V[, H, W]) float32, scaled, NaN where missing; the first ``targets`` variables are the targets. A
            numpy array is taken as it is, so that it may be memory-mapped (``np.load(path, mmap_mode="r")``), and
            ``Blocks`` are read when they are asked for.
        targets: how many.
        leads: L.
        calendar: (T + L, F), features of each step and of the L steps after the last; None without calendar.
        fields: (P, H, W), features of each cell; None for series.
        mask: whether there is a mask channel.
        periodic: whether longitude closes the circle.
        times: (T,), any calendar.
        poles: what lies beyond the first and the last row, see ``beside.poles``.
        cells: (H, W), which cells count; None: all.
        sun: the insolation, instead of a calendar.
    """

    values: Tensor | Blocks
    targets: int
    leads: int
    calendar: Tensor | None = None
    fields: Tensor | None = None
    mask: bool = False
    periodic: bool = False
    times: np.ndarray | None = None
    poles: tuple[int | None, int | None] = (None, None)
    cells: Tensor | None = None
    sun: Sun | None = None
    _source: Any = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if isinstance(self.values, np.ndarray):
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "The given NumPy array is not writable")  # nor is it written to
                object.__setattr__(self, "_source", self.values)
                object.__setattr__(self, "values", torch.from_numpy(self.values))

    @property
    def block(self) -> int | None:
        """Steps that are read together; None: all are at hand."""
        return self.values.steps if isinstance(self.values, Blocks) else None

    @property
    def lengths(self) -> np.ndarray:
        """Steps of each tape, (S,)."""
        return np.full(len(self.values), self.values.shape[1])

    @property
    def grid(self) -> tuple[int, int] | None:
        """(H, W) for maps, None for series."""
        return (self.values.shape[3], self.values.shape[4]) if self.values.dim() == 5 else None

    @property
    def future(self) -> int:
        """Features of the steps ahead: those of the calendar for series; 0 for maps, whose lead and step fix them."""
        return 0 if self.calendar is None or self.grid else self.calendar.shape[1]

    @property
    def channels(self) -> int:
        """Input channels C."""
        calendar = 0 if self.calendar is None else self.calendar.shape[1]
        fields = 0 if self.fields is None else len(self.fields)
        return self.values.shape[2] + self.mask + calendar + (0 if self.sun is None else 2) + fields

    def inputs(self, tape_B: Tensor, start_B: Tensor, steps: int) -> Tensor:
        """See the contract."""
        at = (start_B[:, None] + torch.arange(steps)).clamp(max=self.values.shape[1] - 1)
        values = self.values[tape_B[:, None], at]
        release(self._source)
        parts = [torch.nan_to_num(values)]
        if self.mask:
            parts.append(torch.isfinite(values).to(values.dtype).mean(dim=2, keepdim=True))
        parts += self.beside(at)
        return torch.cat(parts, dim=2) if len(parts) > 1 else parts[0]

    def beside(self, at: Tensor) -> list[Tensor]:
        """Return the channels that are no values, of steps ``at`` (B, T), each (B, T, channels[, H, W])."""
        parts, space = list[Tensor](), self.grid or ()
        if self.calendar is not None:
            features = self.calendar[at]
            parts.append(features[(..., *[None] * len(space))].expand(*features.shape, *space))
        if self.sun is not None:
            parts.append(self.sun.at(at))
        if self.fields is not None:
            parts.append(self.fields.expand(*at.shape, *self.fields.shape))
        return parts

    def futures(self, tape_B: Tensor, start_B: Tensor, steps: int) -> Tensor | None:
        """See the contract: the calendar."""
        if not self.future or self.calendar is None:
            return None
        return self.calendar[self._ahead(start_B, steps).clamp(max=len(self.calendar) - 1)]

    def truth(self, tape_B: Tensor, start_B: Tensor, steps: int, valid: Valid) -> Tensor:
        """See the contract: the L steps after each."""
        ahead = self._ahead(start_B, steps)
        at = ahead.clamp(max=self.values.shape[1] - 1)
        y = self.values[tape_B[:, None, None], at, slice(self.targets)]
        release(self._source)
        beyond = outside(ahead, valid) | (ahead >= self.values.shape[1])
        return y.masked_fill(beyond.reshape(*ahead.shape, *[1] * (y.dim() - 3)), torch.nan)

    def following(self, tape_B: Tensor, at_B: Tensor, z_BK: Tensor) -> Tensor:
        """Return what a model would read at steps after the last, (B, 1, C), if their targets were ``z_BK``.

        Args:
            tape_B: tape of each row.
            at_B: step of each row; what stands beside it is known of L steps after the last.
            z_BK: scaled targets; there are no covariates.
        """
        seen = [z_BK.new_ones(len(z_BK), 1, 1)] if self.mask else []
        return torch.cat([z_BK.unsqueeze(1), *seen, *self.beside(at_B.unsqueeze(1))], dim=2)

    def contexts(self, tape_B: Tensor) -> Tensor | None:
        """None: a tape's state begins at zero, or as learned."""
        return None

    def digest(self) -> str:
        """See the contract."""
        seen = hashlib.blake2b(f"{tuple(self.values.shape)} {self.targets}".encode(), digest_size=16)
        for part in self._parts():
            seen.update(part.contiguous().numpy().data)
            release(self._source)
        return seen.hexdigest()

    def _parts(self) -> Iterator[Tensor]:
        if isinstance(self.values, Blocks):
            yield from self.values.parts()
        else:
            steps = max(1, READ // (self.values[0, :1].numel() * self.values.element_size()))
            yield from (part for tape in self.values for part in tape.split(steps))

    def _ahead(self, start_B: Tensor, steps: int) -> Tensor:
        return start_B[:, None, None] + torch.arange(steps)[:, None] + torch.arange(1, self.leads + 1)


def frames(
    observed: xr.Dataset,
    scaling: Scaling,
    targets: Sequence[str],
    covariates: Sequence[str] = (),
    leads: int = 1,
    *,
    mask: bool | None = None,
    step: pd.Timedelta | None = None,
    fields: Sequence[str] = ("position",),
    static: xr.Dataset | None = None,
    calendar: str = "season",
    memory: int | None = None,
) -> Frames:
    """Turn observations into frames.

    Cells of a map where nothing was observed in the training span are masked (``Frames.cells``).

    Args:
        observed: canonical observations on an even time axis.
        scaling: fitted on the training span.
        targets: variables to be forecast.
        covariates: variables that are looked at only.
        leads: L, in steps.
        mask: whether to add the mask channel; None adds it if anything is missing where cells count. Pass the training
            run's choice (``Frames.mask``) ever after, so that the channels stay the same.
        step: of the axis; None reads it from the axis, which takes two steps.
        fields: of maps, what is told of each cell (see ``beside.constants``).
        static: the fields of that name, where they are not built in.
        calendar: "season" (and the hour, for steps below a day), "insolation" (of maps) or "none".
        memory: bytes; observations that take more are left where they are and read block by block. None: no bound.

    Raises:
        ForecastError: the time axis is uneven, a variable or a field is not there, or the sun is asked for series.
    """
    names = [*targets, *covariates]
    absent = [name for name in names if name not in observed]
    if absent:
        raise ForecastError(
            f"variables {names}", f"no {absent[0]} among {list(observed)}", "mend the task, or ingest it"
        )
    step = schema.time_step(observed) if step is None else step
    demand_even(observed, step)
    grid = schema.kind(observed) == "map"
    cells = torch.from_numpy(counting(scaling)) if grid else None
    large = memory is not None and sum(observed[name].nbytes for name in names) > memory
    values = Blocks(observed, scaling, names, memory or 0) if large else stacked(scaling.apply(observed), names)
    return Frames(
        values=values,
        targets=len(targets),
        leads=leads,
        calendar=season(observed, leads, step) if calendar == "season" else None,
        fields=constants(observed, scaling, targets, fields, static) if grid else None,
        mask=_gaps(values, cells) if mask is None else mask,
        periodic=grid and schema.is_periodic(observed[LON].values),
        times=observed[TIME].values,
        poles=poles(observed) if grid else (None, None),
        cells=None if cells is None or cells.all() else cells,
        sun=Sun.over(observed, step) if calendar == "insolation" else None,
    )


def _gaps(values: Tensor | Blocks, cells: Tensor | None) -> bool:
    """Say whether anything is missing where cells count."""
    parts = values.parts() if isinstance(values, Blocks) else (values,)
    return any(bool(torch.isnan(part if cells is None else part[..., cells]).any()) for part in parts)


def demand_even(observed: xr.Dataset, step: pd.Timedelta) -> None:
    """Refuse observations whose times are not all a ``step`` apart.

    Raises:
        ForecastError: two that are not.
    """
    times = observed[TIME].values
    gaps = np.flatnonzero(pd.to_timedelta(times[1:] - times[:-1]) != step)
    if len(gaps):
        got = f"{times[gaps[0]]} then {times[gaps[0] + 1]}"
        raise ForecastError(f"an even time axis with a step of {step}", got, "reindex to every step, NaN where missing")
