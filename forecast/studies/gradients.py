"""Gradients: does the doctor see them vanish, hold and explode at the rate that theory gives?

Nothing is trained. A linear recurrent network has the same Jacobian at every step, its W_hh, so its gradient follows
the largest eigenvalue, |lambda|^lag; gated and tanh networks at their first weights stand beside it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
import xarray as xr
from pydantic import Field

from forecast.diagnosis import flow, growth, passed, radius
from forecast.models import MODELS
from forecast.models.base import Model, Shape, create
from forecast.registry import member
from forecast.studies.base import Case, Outcomes, Study, StudyOptions

HIDDEN, WINDOWS = 32, 8
SPIN_UP = 50  # steps from the initial state that are only read
ROWS = 4  # vectors by which the growth of the state is found
NOISE = Shape(inputs=1, leads=1)
PLAIN = {"hidden": HIDDEN, "residual": "none", "dropout": 0.0}
LINEAR, OTHERS = "linear networks, whose rate is known", "tanh and gated networks at their first weights"

RADII = {f"linear RNN, |λ| = {size}": size for size in (0.9, 1.0, 1.1)}
NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "RNN, tanh": ("rnn", {}),
    **{f"LSTM, forget bias {bias}": ("lstm", {"forget_bias": bias}) for bias in (0, 1, 3)},
    "GRU": ("gru", {}),
}


class GradientsOptions(StudyOptions):
    """Options of the study.

    Attributes:
        lags: steps that the gradient is followed back.
    """

    lags: int = Field(300, ge=10, le=10_000)


class Gradients(Study):
    """See the page."""

    Options: ClassVar[type[StudyOptions]] = GradientsOptions
    title: ClassVar[str] = "How far back the gradient reaches"
    text: ClassVar[str] = (
        "What it shows. The loss of one step is followed back, step by step, through a noise. In a linear network each "
        "step multiplies the gradient by W_hh, so that in the long run it shrinks or grows by the spectral radius |λ| "
        "a step (Hochreiter 1991; Bengio, Simard & Frasconi 1994): at 0.9 it vanishes, at 1.0 it holds, at 1.1 it "
        "explodes. W_hh is a general random matrix, not a symmetric one: its eigenvectors are not at right angles, so "
        "that the gradient may first go another way, as in a network that has learned; the rate is that of the farther "
        "half of the lags. Of the others only a part of the way is known: an LSTM's memory is multiplied by its forget "
        "gate, near σ(b) at the bias b: 0.5, 0.73 and 0.95 (Gers, Schmidhuber & Cummins 2000; Jozefowicz, Zaremba & "
        "Sutskever 2015); the paths through its hidden units add to that, and the measured rate lies above.\n"
        "What it does not show. A gradient that arrives says what can be learned, not what will be; these are first "
        "weights, which training moves."
    )
    measures: ClassVar[dict[str, str]] = {
        "error": "distance of the measured rate from the predicted one, as a share of it",
        "reach": "last lag with a millionth of the gradient at lag 0, steps; none where it never falls so low",
        "rate": "factor of the gradient a step, over the farther half of the lags",
        "predicted": "the same by theory",
        "growth": "factor a step of the product of step Jacobians, by its spectral radius",
    }
    neutral: ClassVar[tuple[str, ...]] = ("reach", "rate", "predicted", "growth")

    def cases(self, seeds: int) -> list[Case]:
        """See the contract."""
        settings = dict.fromkeys(RADII, LINEAR) | dict.fromkeys(NETWORKS, OTHERS)
        return [Case(name, seed, setting) for name, setting in settings.items() for seed in range(seeds)]

    def run(self, case: Case) -> Mapping[str, Any]:
        """See the contract; ``gradient`` is the curve by lag."""
        torch.set_num_threads(1)
        model, predicted = built(case)
        steps = SPIN_UP + self.options.lags + 1
        draw = torch.Generator().manual_seed(case.seed)
        x, target = torch.randn(2, WINDOWS, steps, 1, generator=draw)
        seen = passed(model, x, None, target[..., None], spin_up=SPIN_UP)
        found = flow(seen)
        return {
            "error": abs(found.rate / predicted - 1),
            "rate": found.rate,
            "predicted": predicted,
            "growth": growth(seen, rows=ROWS),
            "reach": found.reach,
            "gradient": found.gradient,
        }

    def curves(self, outcomes: Outcomes) -> xr.Dataset | None:
        """See the contract: the gradient by lag, over the predicted power."""
        networks, seeds = (list(dict.fromkeys(getattr(case, key) for case in outcomes)) for key in ("network", "seed"))
        lags = np.arange(self.options.lags + 1)
        lines = np.full((len(networks), len(seeds), len(lags)), np.nan)
        truth = np.full((len(networks), len(lags)), np.nan)
        for case, found in outcomes.items():
            row = networks.index(case.network)
            lines[row, seeds.index(case.seed)] = found["gradient"]
            truth[row] = found["predicted"] ** lags.astype(float) if case.network in RADII else np.nan
        return xr.Dataset(
            {
                "curve": (
                    ("network", "seed", "point"),
                    lines,
                    {"long_name": "gradient", "units": "1", "valid_min": 1e-14, "valid_max": 1e14, "log": True},
                ),
                "truth": (("network", "point"), truth),
            },
            coords={
                "network": networks,
                "seed": seeds,
                "at": ("point", lags, {"long_name": "lag", "units": "steps"}),
            },
            attrs={"title": "Gradient by lag, relative to lag 0; black: the predicted power"},
        )


def built(case: Case) -> tuple[Model, float]:
    """Return the network of a case, and its rate by theory, NaN where there is none."""
    if case.network not in RADII:
        kind, options = NETWORKS[case.network]
        return create(member("model", MODELS, kind), NOISE, {**PLAIN, **options}, case.seed), math.nan
    model = create(member("model", MODELS, "rnn"), NOISE, {**PLAIN, "activation": "linear"}, case.seed)
    weight, size = model.recurrent_weights()["layer0.candidate"], RADII[case.network]
    with torch.no_grad():
        weight.normal_(generator=torch.Generator().manual_seed(case.seed + round(1000 * size)))
        weight.mul_(size / radius(weight))
    return model, size
