"""Panels: tables of many series, each in the units of its own scaling, beginning where it begins.

Suffixes as in labelled.py; U variables known beforehand, P attributes of a series. The input channels are

    targets (a missing value is 0), for each of them whether it was observed (1 or 0); covariates, alike; what is known
    beforehand of the step; its calendar; the attributes of the series.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
import xarray as xr
from torch import Tensor

from forecast import schema
from forecast.axes import AXIS
from forecast.batches.beside import season
from forecast.batches.blocks import stacked
from forecast.batches.labelled import Frames, demand_even
from forecast.errors import ForecastError
from forecast.scaling import SeriesScaling
from forecast.schema import TIME

CATEGORIES = "categories"
LONGEST = pd.Timedelta("45D")  # step of data that have seasons


@dataclass(frozen=True, kw_only=True)
class Panel(Frames):
    """Every step of many series as a network sees it; see the head of this file for the channels.

    Attributes:
        begin: (S,), the first step of each series at which any target was observed; T where there is none.
        known: (S, T + L, U), what is known beforehand, standardised, 0 where unknown; None: nothing is.
        static: (S, P), attributes of each series; None: none.
        ways: (S, K, 3), the way back from scaled targets, see ``Tapes.back``.
    """

    begin: Tensor
    known: Tensor | None = None
    static: Tensor | None = None
    ways: Tensor | None = None

    @property
    def channels(self) -> int:
        """Input channels C."""
        beside = (self.calendar, self.known, self.static)
        return 2 * self.values.shape[2] + sum(part.shape[-1] for part in beside if part is not None)

    @property
    def future(self) -> int:
        """Features F of the steps ahead: the calendar's, and what is known beforehand."""
        return sum(part.shape[-1] for part in (self.calendar, self.known) if part is not None)

    def inputs(self, tape_B: Tensor, start_B: Tensor, steps: int) -> Tensor:
        """See the contract."""
        assert isinstance(self.values, Tensor)
        at = (start_B[:, None] + torch.arange(steps)).clamp(max=self.values.shape[1] - 1)
        values = self.values[tape_B[:, None], at]
        seen, values = torch.isfinite(values).to(values.dtype), torch.nan_to_num(values)
        ours, others = slice(0, self.targets), slice(self.targets, None)
        parts = [values[..., ours], seen[..., ours], values[..., others], seen[..., others]]
        return torch.cat([*parts, *self._told(tape_B, at)], dim=2)

    def futures(self, tape_B: Tensor, start_B: Tensor, steps: int) -> Tensor | None:
        """See the contract: the calendar, and what is known beforehand."""
        if not self.future:
            return None
        at, parts = self._ahead(start_B, steps), list[Tensor]()
        if self.calendar is not None:
            parts.append(self.calendar[at.clamp(max=len(self.calendar) - 1)])
        if self.known is not None:
            parts.append(self.known[tape_B[:, None, None], at.clamp(max=self.known.shape[1] - 1)])
        return torch.cat(parts, dim=-1)

    def following(self, tape_B: Tensor, at_B: Tensor, z_BK: Tensor) -> Tensor:
        """See Frames, also for ``tape_B``, ``at_B`` and ``z_BK``."""
        z = z_BK.unsqueeze(1)
        return torch.cat([z, torch.ones_like(z), *self._told(tape_B, at_B.unsqueeze(1))], dim=2)

    def _told(self, tape_B: Tensor, at: Tensor) -> list[Tensor]:
        """Return the channels that are no values, of steps ``at`` (B, T), each (B, T, channels)."""
        parts = [] if self.known is None else [self.known[tape_B[:, None], at]]
        parts += [] if self.calendar is None else [self.calendar[at]]
        parts += [] if self.static is None else [self.static[tape_B].unsqueeze(1).expand(-1, at.shape[1], -1)]
        return parts

    def back(self, tape_B: Tensor) -> Tensor | None:
        """See the contract."""
        return None if self.ways is None else self.ways[tape_B]

    def only(self, series: slice) -> Panel:
        """Return the same of some ``series``."""
        assert isinstance(self.values, Tensor)
        known, static, ways = (None if one is None else one[series] for one in (self.known, self.static, self.ways))
        values, begin = self.values[series], self.begin[series]
        return replace(self, values=values, begin=begin, known=known, static=static, ways=ways)

    def digest(self) -> str:
        """See the contract."""
        seen = hashlib.blake2b(super().digest().encode(), digest_size=16)
        for part in (self.known, self.static):
            if part is not None:
                seen.update(part.contiguous().numpy().data)
        return seen.hexdigest()


def panel(
    observed: xr.Dataset,
    scaling: SeriesScaling,
    targets: Sequence[str],
    covariates: Sequence[str] = (),
    leads: int = 1,
    *,
    known: Sequence[str] = (),
    static: xr.Dataset | None = None,
    calendar: str = "season",
    ahead: xr.Dataset | None = None,
    step: pd.Timedelta | None = None,
) -> Panel:
    """Turn a table of series into frames.

    Args:
        observed: canonical observations (time, series) on an even time axis.
        scaling: fitted on the training span, of targets, covariates and what is known.
        targets: variables to be forecast.
        covariates: variables that are looked at only.
        leads: L, in steps.
        known: variables known beforehand.
        static: attributes (series,), standardised or codes of categories (``statics`` says how they enter).
        calendar: "season" (and the hour, for steps below a day), or "none".
        ahead: values of ``known`` after the last step of ``observed``; None: nothing is known of those steps.
        step: of the axis; None reads it from the axis, which takes two steps.

    Raises:
        ForecastError: the time axis is uneven, or a variable is not there.
    """
    names = [*targets, *covariates, *known]
    absent = [name for name in names if name not in observed]
    if absent:
        raise ForecastError(
            f"variables {names}", f"no {absent[0]} among {list(observed)}", "mend the task, or ingest it"
        )
    step = schema.time_step(observed) if step is None else step
    demand_even(observed, step)
    scaled = scaling.apply(observed)
    values = stacked(scaled, [*targets, *covariates])
    seen = torch.isfinite(values[..., : len(targets)]).any(dim=2)
    begin = torch.where(seen.any(dim=1), seen.to(torch.int8).argmax(dim=1), values.shape[1])
    dated = calendar == "season" and step < LONGEST and observed.attrs.get(AXIS) != "integer"
    return Panel(
        values=values,
        targets=len(targets),
        leads=leads,
        calendar=season(observed, leads, step) if dated else None,
        times=observed[TIME].values,
        begin=begin,
        known=_known(scaled, scaling, known, leads, ahead) if known else None,
        static=None if static is None else statics(static),
        ways=torch.from_numpy(np.stack([scaling.back(name, observed) for name in targets], axis=1)),
    )


def _known(
    scaled: xr.Dataset, scaling: SeriesScaling, names: Sequence[str], leads: int, ahead: xr.Dataset | None
) -> Tensor:
    """Return (S, T + L, U): the steps observed, then those ahead as far as they are told, 0 beyond."""
    now = torch.nan_to_num(stacked(scaled, names))
    later = now.new_zeros(now.shape[0], leads, now.shape[2])
    if ahead is not None and ahead.sizes[TIME]:
        told = torch.nan_to_num(stacked(scaling.apply(ahead), names))[:, :leads]
        later[:, : told.shape[1]] = told
    return torch.cat([now, later], dim=1)


def statics(static: xr.Dataset) -> Tensor:
    """Return attributes of series as a network reads them, (S, P): numbers standardised, categories one by one.

    A linear layer on a category's column of ones is its learned embedding.

    Args:
        static: variables (series,); codes of categories have the attribute ``categories``, a JSON list.
    """
    columns = []
    for array in static.data_vars.values():
        values = array.values.astype("float64")
        if CATEGORIES in array.attrs:
            count = len(json.loads(array.attrs[CATEGORIES]))
            columns += [values == code for code in range(count)]
        else:
            spread = np.nanstd(values) or 1.0
            columns.append(np.nan_to_num((values - np.nanmean(values)) / spread))
    return torch.from_numpy(np.stack(columns, axis=1).astype("float32"))
