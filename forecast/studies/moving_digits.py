"""Moving digits: two handwritten digits that drift and bounce inside a frame; the frames to come are forecast.

In the style of Moving-MNIST (Srivastava, Mansimov & Salakhutdinov 2015, ICML, arXiv 1502.04681; forecast by a ConvLSTM
in Shi et al. 2015, NeurIPS 28, section 5.1), in a small form: scikit-learn's bundled digits (8 x 8 pixels; Alpaydin &
Kaynak 1998, UCI), frames of 24 x 24, ten frames read and ten forecast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
import xarray as xr
from pydantic import Field
from sklearn.datasets import load_digits

from forecast.batches import Frames, Streams
from forecast.models import MODELS
from forecast.models.base import Model, Shape, create
from forecast.registry import member
from forecast.studies.base import Case, Outcomes, Reference, Study, StudyOptions
from forecast.training.settings import Training
from forecast.training.tbptt import train

SIDE, DIGIT, READ, AHEAD, DIGITS = 24, 8, 10, 10, 2  # pixels, pixels, frames, frames, digits a frame
FASTEST = 2.0  # pixels a frame
HELD_BACK = 0.2  # of the digits, by writer's order: none of them is seen in training
TEST = 300
STEPS = (1, 5, 10)  # frames ahead that are scored
DRAWN = (READ - 2, READ - 1, READ, READ + 2, READ + 5, READ + 9)  # frames of the picture

# Name: model, options.
NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "ConvLSTM": ("convlstm", {"hidden": (16, 16), "dilation": (1, 1)}),
    "CNN on 1 frame": ("cnn", {"hidden": (32, 32), "dilation": (1, 1), "context": 1}),
    "CNN on 3 frames": ("cnn", {"hidden": (32, 32), "dilation": (1, 1), "context": 3}),
}


class MovingDigitsOptions(StudyOptions):
    """Options of the study.

    Attributes:
        sequences: to learn from, each of 20 frames.
        epochs: passes over them.
    """

    sequences: int = Field(1600, ge=1)
    epochs: int = Field(6, ge=1)


class MovingDigits(Study):
    """See the page."""

    Options: ClassVar[type[StudyOptions]] = MovingDigitsOptions
    title: ClassVar[str] = "Moving digits: frames to come of digits that drift and bounce"
    text: ClassVar[str] = """\
What it shows. A frame says where the digits are, not where they go: a network that sees one frame can only spread its \
bets, one with a memory or with several frames follows the motion, through the bounces off the walls and the overlaps. \
Errors are the mean square error of the frames 1, 5 and 10 steps ahead after ten frames read, as a share of the \
frames' variance: 1 is saying the mean. Digits of the test were never seen in training.
What it does not show. That memory is needed beyond a few frames: a network on three of them sees the motion too, and \
loses the thread only where digits hide each other. Nor sharpness: the mean of what may come is a blur, and the mean \
square error asks for it."""
    measures: ClassVar[dict[str, str]] = {
        f"error_{step}": f"mean square error {step} frames ahead, as a share of the frames' variance"
        for step in sorted(STEPS, key=lambda step: step != STEPS[1])
    }

    def cases(self, seeds: int) -> list[Case]:
        """See the contract."""
        return [Case(name, seed) for name in NETWORKS for seed in range(seeds)]

    def run(self, case: Case) -> Mapping[str, Any]:
        """See the contract; ``frames`` holds what was read, came and was said of the first test sequence."""
        kind, options = NETWORKS[case.network]
        learn, test = drawn(self.options.sequences, "train", case.seed), drawn(TEST, "test", case.seed)
        mean, spread = float(learn.mean()), float(learn.std())
        settings = Training(
            k1=READ,
            k2=READ,
            streams=16,
            epochs=self.options.epochs,
            patience=self.options.epochs,
            learning_rate=4e-3,
            weight_decay=0.0,
            average=0.99,
            balance=False,
            spin_up=0,
            seed=case.seed,
            threads=1,
        )
        tapes = Frames(torch.from_numpy((learn - mean) / spread)[:, :, None], 1, AHEAD)
        shape = Shape(1, AHEAD, grid=(SIDE, SIDE))
        network: Model = create(
            member("model", MODELS, kind), shape, {"dropout": 0.0, "residual": "none", **options}, case.seed
        )
        whole = [(0, READ)]
        train(network, Streams(tapes, whole, 16, READ, valid=(0, READ + AHEAD), whole=True), None, settings)
        said = _said(network, (test - mean) / spread) * spread + mean
        error = ((said - test[:, READ:]) ** 2).mean(axis=(0, 2, 3)) / test[:, READ:].var()
        example = {"truth": test[0].tolist(), "said": said[0].tolist()}
        return {f"error_{step}": float(error[step - 1]) for step in STEPS} | {"error": error.tolist()} | example

    def references(self) -> Sequence[Reference]:
        """See the contract: the last frame again, and the mean."""
        test = drawn(TEST, "test", 0)
        error = ((test[:, READ - 1 : READ] - test[:, READ:]) ** 2).mean(axis=(0, 2, 3)) / test[:, READ:].var()
        last = {f"error_{step}": float(error[step - 1]) for step in STEPS}
        return (
            Reference("persistence", "computed", last),
            Reference("saying the mean", "computed", dict.fromkeys(self.measures, 1.0)),
        )

    def pictures(self, outcomes: Outcomes) -> xr.Dataset | None:
        """See the contract: what came and what each network said, of the same test sequence."""
        first = {case.network: found for case, found in reversed(list(outcomes.items())) if "said" in found}
        if not first:
            return None
        truth = np.asarray(next(iter(first.values()))["truth"])
        rows = [truth, *(np.concatenate([truth[:READ], np.asarray(found["said"])]) for found in first.values())]
        names = ["what came", *first]
        values = np.stack(rows)[:, list(DRAWN)]
        frame = [f"{at - READ + 1:+d}" if at >= READ else f"read {at - READ + 1:d}" for at in DRAWN]
        grey = {"long_name": "grey", "units": "1", "valid_min": 0.0, "valid_max": 1.0}
        return xr.Dataset(
            {"picture": (("row", "frame", "y", "x"), values, grey)},
            coords={"row": names, "frame": frame},
            attrs={"title": "Ten frames read; what came after, and what each network said"},
        )


def drawn(count: int, part: str, seed: int) -> np.ndarray:
    """Draw sequences of frames.

    Args:
        count: how many.
        part: "train" or "test": which digits.
        seed: of the draws.

    Returns:
        Grey in [0, 1], (count, frames, y, x), float32. Digits begin anywhere, move up to ``FASTEST`` pixels a frame in
        any direction, are reflected at the walls, and the brighter covers the other.
    """
    digits = load_digits().images / 16.0
    edge = round(len(digits) * (1 - HELD_BACK))
    digits = digits[:edge] if part == "train" else digits[edge:]
    generator = np.random.default_rng([seed, part == "test"])
    room = float(SIDE - DIGIT)
    start = generator.uniform(0, room, (count, DIGITS, 2))
    angle, speed = generator.uniform(0, 2 * np.pi, (count, DIGITS)), generator.uniform(1, FASTEST, (count, DIGITS))
    velocity = speed[..., None] * np.stack([np.sin(angle), np.cos(angle)], axis=-1)
    time = np.arange(READ + AHEAD)[:, None]
    path = start[:, :, None] + velocity[:, :, None] * time  # (count, digits, frames, 2)
    path = np.rint(room - np.abs(path % (2 * room) - room)).astype(int)  # reflected
    chosen = digits[generator.integers(len(digits), size=(count, DIGITS))]
    frames = np.zeros((count, READ + AHEAD, SIDE, SIDE), "float32")
    for sequence, digit in np.ndindex(count, DIGITS):
        for frame, (y, x) in zip(frames[sequence], path[sequence, digit], strict=True):
            place = frame[y : y + DIGIT, x : x + DIGIT]
            np.maximum(place, chosen[sequence, digit], out=place)
    return frames


def _said(network: Model, frames: np.ndarray) -> np.ndarray:
    """Return what is said after the frames read, (count, ahead, y, x)."""
    with torch.no_grad():
        parts = [network(part)[0][:, -1, :, 0] for part in torch.from_numpy(frames[:, :READ, None]).split(50)]
    return torch.cat(parts).numpy()
