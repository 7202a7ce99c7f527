"""Reber's grammar: which symbols may come next, where the symbol alone does not say so.

Zaki & Meira 2020, Data mining and machine learning, chapter 26, whose set-up this is: 400 strings of at least 30
symbols to learn from, 100 others to be judged on, a bit for each symbol that may come next, binary cross-entropy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field

from forecast.batches import Sequences, Streams
from forecast.models import MODELS
from forecast.models.base import Model, Shape, create
from forecast.registry import member
from forecast.studies.base import Case, Reference, Study, StudyOptions
from forecast.studies.grammar import REBER, SYMBOLS, Grammar, lesson, memoryless, wrong
from forecast.training.settings import Training
from forecast.training.tbptt import train

BITS = Shape(inputs=1, leads=1, outputs=len(SYMBOLS), targets=0, symbols=len(SYMBOLS))
PLAIN = {"dropout": 0.0, "residual": "none"}
GRAMMAR, LEAST, TRAINING, TEST = Grammar(REBER), 30, 400, 100

# Name: model and options.
NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "RNN, 4 units": ("rnn", {"hidden": 4}),
    **{f"MLP, {hidden} units": ("mlp", {"hidden": hidden, "context": 1}) for hidden in (4, 20, 100)},
    "MLP on two symbols, 20 units": ("mlp", {"hidden": 20, "context": 2}),
}


class ReberOptions(StudyOptions):
    """Options of the study.

    Attributes:
        epochs: passes over the training strings.
    """

    epochs: int = Field(150, ge=1)


class Reber(Study):
    """See the page."""

    Options: ClassVar[type[StudyOptions]] = ReberOptions
    title: ClassVar[str] = "Reber's grammar: which symbols may come next"
    text: ClassVar[str] = """\
What it shows. After T, P, S, X and V Reber's grammar (1967) goes on in one of two ways, by the state that it is in. A \
network that reads the current symbol alone can do no better than to name the commoner way, whatever its size: the \
MLPs come to that bound, which is computed on the same strings. Four tanh units that carry a state name every set \
rightly on strings that they have never seen (set-up and published figures: Zaki & Meira 2020, Data mining and machine \
learning, chapter 26). All use Adam, one cycle up to 0.03, 8 strings an update, the gradient reaching back to the \
first symbol.
What it does not show. The last two symbols always tell the state, so an MLP that reads two is as good: no long \
memory is needed here, and a plain RNN's gradient need not reach far. The embedded grammar asks for that."""
    measures: ClassVar[dict[str, str]] = {
        "positions": "wrong positions a test string",
        "strings": "test strings with a wrong position, of 100",
        "distance": "distance of an MLP on one symbol from the best without a memory, wrong positions a string",
    }

    def cases(self, seeds: int) -> list[Case]:
        """See the contract."""
        return [Case(name, seed) for name in NETWORKS for seed in range(seeds)]

    def run(self, case: Case) -> Mapping[str, Any]:
        """See the contract; a seed draws its own strings and weights."""
        torch.set_num_threads(1)
        kind, options = NETWORKS[case.network]
        learned, unseen = drawn(GRAMMAR, LEAST, case.seed)
        model = create(member("model", MODELS, kind), BITS, {**PLAIN, **options}, case.seed)
        fit(model, lesson(learned, GRAMMAR), streams=8, epochs=self.options.epochs, learning_rate=0.03, seed=case.seed)
        errors = wrong(model, lesson(unseen, GRAMMAR))
        positions = errors.sum().item() / len(unseen)
        return {
            "positions": positions,
            "strings": errors.any(1).sum().item(),
            "distance": abs(positions - memoryless(unseen, GRAMMAR)) if options.get("context") == 1 else math.nan,
        }

    def references(self) -> Sequence[Reference]:
        """See the contract."""
        best = memoryless(drawn(GRAMMAR, LEAST, 0)[1], GRAMMAR)
        return (
            Reference("best without a memory", "computed on the test strings of seed 0", {"positions": best}),
            Reference("RNN, 4 units", "Zaki & Meira 2020", {"positions": 0.0, "strings": 0.0}),
            Reference("MLP, 4 to 100 units", "Zaki & Meira 2020", {"positions": 2.62}),
        )


def drawn(grammar: Grammar, least: int, seed: int) -> tuple[list[str], list[str]]:
    """Return the strings to learn from and others to be judged on.

    Args:
        grammar: which writes them.
        least: symbols a string.
        seed: equal seeds, equal strings.
    """
    generator = np.random.default_rng(seed)
    learned = grammar.draw(TRAINING, least, generator)
    return learned, grammar.draw(TEST, least, generator, without=learned)


def fit(model: Model, given: Sequences, **settings: Any) -> float:
    """Train a model on whole strings, the gradient reaching back to their first symbol; return the last loss.

    Args:
        model: its outputs are logits of the bits.
        given: a lesson.
        settings: how to learn, over this: no decay, no average.
    """
    longest = int(given.lengths.max())
    training = Training(
        k1=longest,
        k2=longest,
        loss="binary_cross_entropy",
        **{"weight_decay": 0.0, "average": 0.0, "warmup": 0.3, "patience": settings["epochs"], **settings},
    )
    return train(model, Streams(given, None, training.streams, longest, whole=True), None, training).train[-1]
