"""One model or baseline, observations, one issue: a forecast and the next state. Live and past run through here.

A recurrent model reads the observations up to the reference time. From a stored state it reads only what is new (one
step a day, in daily operation); without one it starts ``context`` steps back from a zero state.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr
from torch import Tensor

from forecast import outputs, schema
from forecast.baselines import BASELINES
from forecast.baselines.base import Baseline
from forecast.batches import Frames, Panel, frames, panel, run
from forecast.calibration import ABOVE, BELOW, Calibration
from forecast.checkpoint import Checkpoint
from forecast.errors import ForecastError
from forecast.models import AROUND, MODELS
from forecast.models.base import Shape
from forecast.models.ensemble import assemble
from forecast.registry import member
from forecast.scaling import Scaling, SeriesScaling, restore
from forecast.schema import LEAD, MEMBER, REFERENCE, TIME, VALID_TIME

State = dict[str, np.ndarray]
HELD = 2**25  # numbers that a network says of some series of a table at once


class Forecaster(ABC):
    """A checkpoint at work.

    Args:
        checkpoint: what was learned.

    Attributes:
        name: what it is called in tables and issues.
        targets: what it forecasts.
        leads: timedelta64[ns], shape (lead,).
        carries: whether the state after one forecast is where the next begins.
    """

    carries = False

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        settings = checkpoint.settings
        self.name, self.targets = checkpoint.name, tuple(settings["targets"])
        self.step = pd.Timedelta(settings["step"])
        self.leads = schema.leads(settings["leads"], self.step)

    @abstractmethod
    def central(
        self, observed: xr.Dataset, references: np.ndarray, state: State | None = None
    ) -> tuple[dict[str, xr.DataArray], State | None]:
        """Forecast from each reference time.

        Args:
            observed: canonical observations; nothing after a reference is used for it but what is known beforehand.
            references: unbroken run of steps on the axis of ``observed``, shape (reference,).
            state: the state after the step before the first of ``observed``; None spins up from zero.

        Returns:
            target -> (forecast_reference_time, lead, *space) in the target's units, and the state after the last
            reference (None for baselines). What forecasts quantiles returns their median, and how far the outer ones
            lie from it as coordinates ``below`` and ``above``, for the calibration.
        """

    @property
    @abstractmethod
    def context(self) -> int:
        """Steps up to and with the reference that a forecast without a state reads."""

    def calibrated(self, target: str) -> Calibration:
        """Return the target's calibration.

        Raises:
            ForecastError: there is none yet.
        """
        if f"calibration:{target}" not in self.checkpoint.datasets:
            raise ForecastError(f"a calibrated checkpoint of {self.name}", f"none for {target}", "train again")
        return Calibration.from_dataset(self.checkpoint.datasets[f"calibration:{target}"])


class BaselineForecaster(Forecaster):
    """A fitted baseline, one for each target."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(checkpoint)
        kind: type[Baseline] = member("baseline", BASELINES, checkpoint.type)
        self.fitted = {name: kind.restore(checkpoint.datasets[f"fitted:{name}"]) for name in self.targets}

    @property
    def context(self) -> int:
        """The longest of the targets' own, and the reference itself."""
        return max(one.context for one in self.fitted.values()) + 1

    def central(
        self, observed: xr.Dataset, references: np.ndarray, state: State | None = None
    ) -> tuple[dict[str, xr.DataArray], State | None]:
        """See the contract."""
        mask = self.checkpoint.datasets["space"].get("mask")
        seen = observed if mask is None else observed.where(mask)
        return {name: self.fitted[name].forecast(seen[name], references) for name in self.targets}, None


class ModelForecaster(Forecaster):
    """A trained network with its scaling."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(checkpoint)
        settings = checkpoint.settings
        kind, shape = member("model", MODELS | AROUND, checkpoint.type), Shape.restored(settings["shape"])
        self.model = assemble(kind, shape, settings["options"], settings.get("ensemble"))
        self.model.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in checkpoint.weights.items()})
        self.model.eval()
        self.scaling = restore(checkpoint.datasets["scaling"])
        self.carries = self.model.aligned and not settings.get("ragged")

    @property
    def context(self) -> int:
        """Steps of the spin-up and the reference itself; never fewer than the network's own context or window."""
        settings = self.checkpoint.settings
        window = 1 if self.model.aligned else int(settings["window"])
        return max(int(settings["spin_up"]) + 1, self.model.context, window)

    def central(
        self, observed: xr.Dataset, references: np.ndarray, state: State | None = None
    ) -> tuple[dict[str, xr.DataArray], State | None]:
        """See the contract."""
        data, before, steps = self._seen(observed, references, state)
        each = max(1, HELD // (len(references) * len(self.leads) * self.model.shape.outputs))
        if not isinstance(data, Panel) or self.checkpoint.settings.get("multistep") == "recursive":
            each = len(data.values)  # maps are one, and sample paths one draw
        parts, states = [], []
        for rows in (slice(start, start + each) for start in range(0, len(data.values), each)):
            own = None if before is None else {name: value[rows] for name, value in before.items()}
            found, after = self._said(data.only(rows) if isinstance(data, Panel) else data, own, steps)
            parts.append(found)
            states.append(after)
        whole = [torch.cat(many) for many in zip(*parts, strict=True)]
        names = states[0] if all(states) else ()  # a block of series that do not begin together has no state
        going_on = {name: torch.cat([one[name] for one in states]).numpy() for name in names}
        return {
            name: self._spread([part.select(3, at) for part in whole], observed, name, references)
            for at, name in enumerate(self.targets)
        }, going_on

    def _said(
        self, data: Frames, before: dict[str, Tensor] | None, steps: tuple[int, int]
    ) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        """Return the middle, lowest and highest that the network says, (S, R, L, K[, H, W]), and the state after."""
        settings = self.checkpoint.settings
        levels, back = settings.get("levels") or (), data.back(torch.arange(len(data.values)))
        if settings.get("multistep") == "recursive":
            z, after = outputs.sample_paths(self.model, data, before, steps=steps, levels=levels, seed=settings["seed"])
            found = outputs.of_paths(z, levels)
        else:
            y, after = run(self.model, data, before, steps=steps, window=settings["window"])
            found = outputs.quantiles(y, self.model.shape, levels, back)
        middle = found.select(4, levels.index(0.5) if levels else 0).clone()
        return (middle, *outputs.outer(found, self.model.shape, back)), after

    def paths(
        self,
        observed: xr.Dataset,
        references: np.ndarray,
        state: State | None = None,
        *,
        paths: int = outputs.PATHS,
        seed: int = 0,
    ) -> dict[str, xr.DataArray]:
        """Draw sample paths from each reference time, as the network by itself sees them, not calibrated.

        Args:
            observed: as in ``central``.
            references: alike.
            state: alike.
            paths: how many.
            seed: equal seeds draw alike.

        Returns:
            target -> (forecast_reference_time, lead, member, series) in the target's units.

        Raises:
            ForecastError: the network cannot go on step by step (see outputs/paths.py).
        """
        data, before, steps = self._seen(observed, references, state)
        levels = self.checkpoint.settings.get("levels") or ()
        z, _ = outputs.sample_paths(self.model, data, before, steps=steps, levels=levels, paths=paths, seed=seed)
        found, members = {}, xr.Variable(MEMBER, np.arange(paths))
        for at, name in enumerate(self.targets):
            each = [self._labelled(one, observed, name, references) for one in z[..., at, :].unbind(3)]
            found[name] = xr.concat(each, members).transpose(REFERENCE, LEAD, MEMBER, ...)
        return found

    def _seen(
        self, observed: xr.Dataset, references: np.ndarray, state: State | None
    ) -> tuple[Frames, dict[str, Tensor] | None, tuple[int, int]]:
        """Return frames up to the last reference, the state before them, and which of their steps are references."""
        axis = observed.get_index(TIME)
        first, last = int(axis.get_loc(references[0])), int(axis.get_loc(references[-1]))
        start = 0 if state is not None else max(0, first + 1 - self.context)
        ahead = observed.isel({TIME: slice(last + 1, last + 1 + len(self.leads))})
        data = self.frames(observed.isel({TIME: slice(start, last + 1)}), ahead)
        before = None if state is None else {name: torch.from_numpy(value.copy()) for name, value in state.items()}
        return data, before, (first - start, last - start + 1)

    def frames(self, observed: xr.Dataset, ahead: xr.Dataset | None = None) -> Frames:
        """Return observations as the network sees them; all it is told beside them the checkpoint knows.

        Args:
            observed: canonical observations.
            ahead: the steps after them, of which only what is known beforehand is read.
        """
        settings = self.checkpoint.settings
        static = self.checkpoint.datasets.get("static")
        if isinstance(self.scaling, SeriesScaling):
            roles = (settings["targets"], settings["covariates"], len(self.leads))
            told = {"known": settings["known"], "calendar": settings["calendar"], "static": static, "step": self.step}
            return panel(observed, self.scaling, *roles, **told, ahead=ahead)
        assert isinstance(self.scaling, Scaling)
        return frames(
            observed,
            self.scaling,
            settings["targets"],
            settings["covariates"],
            len(self.leads),
            mask=settings["mask"],
            step=self.step,
            fields=settings["fields"],
            static=static,
            calendar=settings["calendar"],
        )

    def _spread(self, said: Sequence[Tensor], observed: xr.Dataset, name: str, references: np.ndarray) -> xr.DataArray:
        """Turn the middle and both sides (S, reference, L[, H, W]) in scaled units into a forecast."""
        middle, *sides = said
        central = self._labelled(middle, observed, name, references)
        if not self.checkpoint.settings.get("levels"):
            return central
        away = [abs(self._labelled(one, observed, name, references) - central) for one in sides]
        below, above = ((central.dims, one.values) for one in away)
        return central.assign_coords({BELOW: below, ABOVE: above})

    def _labelled(self, y: torch.Tensor, observed: xr.Dataset, name: str, references: np.ndarray) -> xr.DataArray:
        """Turn y (S, reference, L[, H, W]) in scaled units into (forecast_reference_time, lead, *space) in units."""
        space = schema.space_dims(observed)
        values = y.numpy()[0] if len(space) == 2 else np.moveaxis(y.numpy(), 0, -1)
        valid = schema.valid_times(references, self.leads)
        coords: dict[str, Any] = {REFERENCE: references, LEAD: self.leads, VALID_TIME: ((REFERENCE, LEAD), valid)}
        coords |= schema.space_coords(observed)
        labelled = xr.DataArray(values, coords, (REFERENCE, LEAD, *space), name)
        return self.scaling.undo(labelled, name).assign_attrs(observed[name].attrs)


def forecaster(checkpoint: Checkpoint) -> Forecaster:
    """Put a checkpoint to work."""
    return BaselineForecaster(checkpoint) if checkpoint.family == "baseline" else ModelForecaster(checkpoint)


def predict(
    forecaster: Forecaster, observed: xr.Dataset, reference: np.datetime64, state: State | None = None
) -> tuple[xr.Dataset, State | None]:
    """Make one forecast with its members and quantiles.

    Args:
        forecaster: a checkpoint at work.
        observed: canonical observations, from the step after the state's (or from far enough back) to the reference,
            and, of what is known beforehand, the steps after it.
        reference: the last observed step that may be used.
        state: what the previous forecast left, or None.

    Returns:
        The forecast Dataset (VAR, VAR_quantile, VAR_member) with one forecast_reference_time, and the next state.

    Raises:
        ForecastError: the observations do not fit the checkpoint, or end before the reference.
    """
    forecaster.checkpoint.check(observed)
    times = observed[TIME].values
    told = forecaster.checkpoint.settings.get("known") and reference in times
    if not len(times) or (times[-1] != reference and not told):
        got = f"{times[-1] if len(times) else 'no steps'}"
        raise ForecastError(f"observations that end at the reference time {reference}", got, "cut them there")
    central, after = forecaster.central(observed, np.array([reference]), state)
    parts: dict[str, xr.DataArray] = {}
    for name, values in central.items():
        parts[name] = values.drop_vars([BELOW, ABOVE], errors="ignore")
        calibration = forecaster.calibrated(name)
        parts[f"{name}_quantile"] = calibration.quantiles(values)
        parts[f"{name}_member"] = calibration.members(values)
    return xr.Dataset(parts), after
