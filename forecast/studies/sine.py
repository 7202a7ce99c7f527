"""A sine, continued: six small networks learn ten periods and go on alone for a hundred.

Every network forecasts one step ahead and then reads its own forecast, without ever seeing the truth again
(free-running), so that any error it makes it has to live with. See `EXPLANATION` for what this shows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from forecast.batches import Frames, Streams
from forecast.errors import ForecastError
from forecast.models import MODELS
from forecast.models.base import Model, Shape, State, create
from forecast.registry import member
from forecast.training.settings import Training
from forecast.training.tbptt import train

PERIODS = 10  # learned
HORIZONS = (10, 100)  # periods, free-running
ONE_STEP = Shape(inputs=1, leads=1)

# Name: model and options. 32 units, a chunk a period, state carried, clipped at 1, one cycle up to 0.01, 300 epochs.
NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "mlp on time": ("mlp", {"context": 1, "layers": 2}),
    "mlp on lags": ("mlp", {}),
    "rnn": ("rnn", {}),
    "lstm": ("lstm", {}),
    "gru": ("gru", {}),
    "bilstm": ("bilstm", {}),
}

EXPLANATION = """\
What it shows. A network that is given the time and nothing else (MLP on time) fits the ten periods and then says \
nothing about the eleventh: outside the times that it has seen it goes flat or straight, and its error is that of \
saying 0, which is 0.71, or worse. Networks that read the past go on: the MLP because a period of lags lies before \
it, the recurrent ones because their state, carried across the chunks of truncated backpropagation through time, \
holds the phase. Free-running, their errors are errors of phase: they grow in proportion to the time.
What it does not show. A sine without noise obeys x(t+1) = 2 cos(w) x(t) - x(t-1), so a linear model with two lags \
continues it to rounding: nothing here needs a gate, a long memory or a network. Good figures say that training, \
carried state and feeding back are right, not that a model will forecast weather; bad ones say that something is \
broken. The bidirectional network gains nothing: there is no future to read when forecasting, and its second \
direction reads again what the first has read."""

Report = Callable[[str], None]


class OnTime(nn.Module):
    """A model that sees the second channel (time) only, so that it must forecast from the clock alone."""

    taught = False

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model, self.shape, self.options, self.aligned = model, model.shape, model.options, model.aligned

    def initial(self, streams: int, context: Tensor | None = None) -> State:
        """Return the model's own, of so many streams, from a context or none."""
        return self.model.initial(streams, context)

    def prime(self, damping: Tensor) -> None:
        """Nothing to start from: the series is not seen."""

    def forward(self, x: Tensor, future: Tensor | None = None, state: State | None = None) -> tuple[Tensor, State]:
        """Read x (B, T, 2) from a state, without future features; return y (B, T, 1, 1) and the next state."""
        y, after = self.model(x[:, :, 1:], future, state)
        return y, after


def run(seeds: int = 5, period: int = 25, report: Report | None = None, epochs: int = 300) -> xr.Dataset:
    """Train each network with each seed and let it run free.

    Args:
        seeds: how many.
        period: points a period, at least 6.
        report: called with one line for each network trained.
        epochs: passes over the ten periods.

    Returns:
        Dataset with ``rmse`` (model, seed, horizon), ``trajectory`` (model, seed, step), ``truth`` (step) and
        ``phase`` (step), the time in periods since the last observation; attributes ``explanation`` and ``table``.

    Raises:
        ForecastError: fewer than one seed or six points a period.
    """
    if seeds < 1 or period < 6:
        raise ForecastError("at least 1 seed and 6 points a period", f"{seeds} and {period}", "ask for more")
    steps = max(HORIZONS) * period
    truth = np.sin(2 * np.pi * np.arange(PERIODS * period, PERIODS * period + steps) / period)
    paths = np.empty((len(NETWORKS), seeds, steps))
    for row, name in enumerate(NETWORKS):
        for seed in range(seeds):
            paths[row, seed] = _continued(name, seed, period, epochs, steps)
            if report is not None:
                error = _rmse(paths[row, seed], truth, HORIZONS[0] * period)
                report(f"{name}, seed {seed}: RMSE {error:.4f} over {HORIZONS[0]} periods")
    rmse = np.stack([_rmse(paths, truth, horizon * period) for horizon in HORIZONS], axis=-1)
    result = xr.Dataset(
        {
            "rmse": (("model", "seed", "horizon"), rmse, {"units": "1", "long_name": "root mean square error"}),
            "trajectory": (("model", "seed", "step"), paths, {"units": "1"}),
            "truth": ("step", truth, {"units": "1"}),
        },
        coords={
            "model": list(NETWORKS),
            "seed": range(seeds),
            "horizon": ("horizon", list(HORIZONS), {"units": "periods"}),
            "phase": ("step", np.arange(1, steps + 1) / period, {"units": "periods"}),
        },
    )
    return result.assign_attrs(explanation=EXPLANATION, table=table(result), period=period, epochs=epochs)


def table(result: xr.Dataset) -> str:
    """Return the median and the worst error of each network and horizon as lines of text."""
    lines = [f"{'RMSE, free-running':<20}" + "".join(f"{f'{h} periods':>22}" for h in result["horizon"].values)]
    lines.append(f"{'':<20}" + f"{'median':>12}{'worst':>10}" * result.sizes["horizon"])
    for name in result["model"].values:
        errors = result["rmse"].sel(model=name).transpose("horizon", "seed").values
        lines.append(f"{name:<20}" + "".join(f"{median(row):>12.4f}{max(row):>10.4f}" for row in errors))
    return "\n".join(lines)


def _rmse(paths: np.ndarray, truth: np.ndarray, steps: int) -> np.ndarray:
    return np.sqrt(np.mean((paths[..., :steps] - truth[:steps]) ** 2, axis=-1))


def _continued(name: str, seed: int, period: int, epochs: int, steps: int) -> np.ndarray:
    """Train one network on the ten periods and return the ``steps`` values that it says come next."""
    kind, options = NETWORKS[name]
    options = {"hidden": 32, "dropout": 0.0, "residual": "none", **options}
    if name == "mlp on lags":
        options["context"] = period
    model = create(member("model", MODELS, kind), ONE_STEP, options, seed)
    between = period  # a bidirectional network forecasts at a chunk's end only, which has to meet every phase
    if not model.aligned:
        between = next(k1 for k1 in range(4, period) if math.gcd(k1, period) == 1)
    settings = Training(
        k1=between,
        k2=period,
        streams=1,
        epochs=epochs if model.aligned else max(1, epochs // 4),
        learning_rate=0.01,
        weight_decay=0.0,
        warmup=0.3,
        average=0.0,
        shift=False,
        seed=seed,
    )
    seen = _observed(name, period)
    learner = OnTime(model) if name == "mlp on time" else model
    train(learner, Streams(seen, [(0, seen.values.shape[1])], 1, settings.k1), None, settings)  # type: ignore[arg-type]
    if name == "mlp on time":
        return _told_the_time(learner, period, steps)
    return _free_running(model, seen.values[:, :, 0], steps, settings.k2)


def _observed(name: str, period: int) -> Frames:
    """Ten periods, with the time (-1 to 1 over them) beside them for the network that reads it."""
    at = torch.arange(PERIODS * period)
    channels = [torch.sin(2 * math.pi * at / period)]
    if name == "mlp on time":
        channels.append(_clock(at, period))
    return Frames(torch.stack(channels, dim=1).unsqueeze(0), targets=1, leads=1)


def _clock(at: Tensor, period: int) -> Tensor:
    return 2 * at / (PERIODS * period - 1) - 1


@torch.no_grad()
def _told_the_time(model: nn.Module, period: int, steps: int) -> np.ndarray:
    first = PERIODS * period - 1  # the step whose forecast is the first unknown value
    clock = _clock(torch.arange(first, first + steps), period)
    y, _ = model(torch.stack([torch.zeros(steps), clock], dim=1).unsqueeze(0))
    return y.flatten().numpy().astype(float)


@torch.no_grad()
def _free_running(model: Model, seen: Tensor, steps: int, window: int) -> np.ndarray:
    """Read what was observed, (1, T), then feed each forecast back as the next input."""
    y, state = model(seen[:, :-1, None])
    states, values, said = [state] * window, list(seen[0].unbind()), list[Tensor]()
    if not model.aligned:
        states = [model(seen[:, : len(values) - back, None])[1] for back in range(window, 0, -1)]
    for _ in range(steps):
        if model.aligned:
            y, state = model(values[-1].reshape(1, 1, 1), None, state)
        else:
            y, _ = model(torch.stack(values[-window:]).reshape(1, window, 1), None, states[-window])
            states = [*states[1 - window :], model(values[-1].reshape(1, 1, 1), None, states[-1])[1]]
        values.append(y[0, -1, 0, 0])
        said.append(values[-1])
    return torch.stack(said).numpy().astype(float)
