"""Nearest neighbour: the value of the point that came nearest so far, which has to be revised at every nearer one.

Beck et al. 2024, xLSTM: extended long short-term memory, NeurIPS, arXiv 2405.04517, section 1 and figure 2, in a small
form: at each step a network reads how far a point is from the reference and which value the point has, and says the
value of the nearest point up to here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
import xarray as xr
from pydantic import Field

from forecast.batches import Sequences, Streams
from forecast.models import MODELS
from forecast.models.base import Shape, create
from forecast.registry import member
from forecast.studies.base import Case, Outcomes, Reference, Study, StudyOptions
from forecast.training.settings import Training
from forecast.training.tbptt import train

SEEN, LENGTHS, TEST = 32, (8, 32, 128), 1000
VARIANCE = 1 / 3  # of the values, uniform in [-1, 1]
PLAIN = {"hidden": 32, "dropout": 0.0, "residual": "none"}

# Name: model, options, peak learning rate.
NETWORKS: dict[str, tuple[str, dict[str, Any], float]] = {
    "LSTM": ("lstm", {}, 0.04),
    "sLSTM": ("slstm", {}, 0.04),
    "GRU": ("gru", {}, 0.04),
    "RNN": ("rnn", {}, 0.003),
    "MLP on 8 points": ("mlp", {"context": 8}, 0.01),
}


class NearestOptions(StudyOptions):
    """Options of the study.

    Attributes:
        sequences: to learn from.
        epochs: passes over them.
    """

    sequences: int = Field(16384, ge=1)
    epochs: int = Field(15, ge=1)


class Nearest(Study):
    """See the page."""

    Options: ClassVar[type[StudyOptions]] = NearestOptions
    title: ClassVar[str] = "Nearest neighbour: a stored value, revised at every nearer point"
    text: ClassVar[str] = """\
What it shows. A network reads points one by one, each as its distance from the reference and its value, and says the \
value of the nearest up to there: what it keeps has to be given up at once whenever a nearer point comes, and only \
then. An LSTM adds what it writes to what it keeps, both through gates that are at most 1; an sLSTM keeps an average \
in which a new value can outweigh all before it (Beck et al. 2024, who ask the same of sequences of vectors). Errors \
are a share of the values' variance: 1 is saying 0. All read 32 points in training; at 128 it is seen whether a \
network does the same thing at every step or counts on having read no more than 32.
What it does not show. That an LSTM cannot revise: its forget gate can, and it learns most of the task; nor that \
exponential gates are what it takes: a GRU, whose gate turns the old value down as far as it lets the new one in, does \
about as well as the sLSTM. The distance is given, since one layer's gates, linear in the input, cannot form it. One \
cycle of Adam, up to 0.04 for gated networks (best of 0.01, 0.02 and 0.04 by the training loss of one seed), 0.003 \
for the RNN (of 0.003 and 0.01) and 0.01 for the MLP; other steps shift the gaps between the networks."""
    measures: ClassVar[dict[str, str]] = {
        f"error_{length}": f"mean square error after {length} points, as a share of the values' variance"
        for length in sorted(LENGTHS, key=lambda length: length != SEEN)
    }

    def cases(self, seeds: int) -> list[Case]:
        """See the contract."""
        return [Case(name, seed) for name in NETWORKS for seed in range(seeds)]

    def run(self, case: Case) -> Mapping[str, Any]:
        """See the contract; ``error`` is the error after 1, 2, ... points."""
        kind, options, step = NETWORKS[case.network]
        x, y = searches(self.options.sequences, SEEN, np.random.default_rng(case.seed))
        given = Sequences(x.reshape(-1, 2), y.reshape(-1), [SEEN] * len(x))
        settings = Training(
            k1=SEEN,
            k2=SEEN,
            streams=64,
            epochs=self.options.epochs,
            patience=self.options.epochs,
            learning_rate=step,
            weight_decay=0.0,
            warmup=0.3,
            average=0.0,
            seed=case.seed,
        )
        model = create(member("model", MODELS, kind), Shape(2, 1, targets=0), {**PLAIN, **options}, case.seed)
        train(model, Streams(given, None, settings.streams, SEEN, whole=True), None, settings)
        x, y = searches(TEST, max(LENGTHS), np.random.default_rng([case.seed, 1]))
        with torch.no_grad():
            said = model(torch.from_numpy(x))[0][:, :, 0, 0].numpy()
        error = np.mean((said - y) ** 2, axis=0) / VARIANCE
        return {f"error_{length}": float(error[length - 1]) for length in LENGTHS} | {"error": error.tolist()}

    def references(self) -> Sequence[Reference]:
        """See the contract."""
        return (Reference("saying 0", "computed", dict.fromkeys(self.measures, 1.0)),)

    def curves(self, outcomes: Outcomes) -> xr.Dataset | None:
        """See the contract: the error by number of points."""
        networks, seeds = (list(dict.fromkeys(getattr(case, key) for case in outcomes)) for key in ("network", "seed"))
        lines = np.full((len(networks), len(seeds), max(LENGTHS)), math.nan)
        for case, found in outcomes.items():
            lines[networks.index(case.network), seeds.index(case.seed)] = found["error"]
        error = {"long_name": "error", "units": "1", "valid_min": 0.0, "valid_max": 1.5}
        at = {"long_name": "points read", "units": "1"}
        return xr.Dataset(
            {"curve": (("network", "seed", "point"), lines, error)},
            coords={"network": networks, "seed": seeds, "at": ("point", np.arange(1, max(LENGTHS) + 1), at)},
            attrs={"title": f"Error by points read, as a share of the variance; {SEEN} were read in training"},
        )


def searches(count: int, length: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw sequences of points, and say the value of the nearest so far.

    Args:
        count: how many sequences.
        length: points of each.
        generator: of the draws: distances uniform in [0, 1], values in [-1, 1].

    Returns:
        Distance and value, (count, length, 2), and the value of the nearest so far, (count, length); float32.
    """
    distance, value = generator.uniform(0, 1, (count, length)), generator.uniform(-1, 1, (count, length))
    nearer = distance == np.minimum.accumulate(distance, axis=1)
    nearest = np.maximum.accumulate(np.where(nearer, np.arange(length), 0), axis=1)
    x = np.stack([distance, value], axis=2)
    return x.astype("float32"), np.take_along_axis(value, nearest, axis=1).astype("float32")
