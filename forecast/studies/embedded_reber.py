"""The embedded Reber grammar: the last symbol but one is that of the second step, forty steps before.

Zaki & Meira 2020, Data mining and machine learning, chapter 26, whose set-up this is: strings of at least 40 symbols;
otherwise as in reber.py. How it is learned: see the text of the study.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
import xarray as xr
from pydantic import Field

from forecast.batches import Sequences
from forecast.diagnosis import flow, passed
from forecast.models import MODELS
from forecast.models.base import Model, create
from forecast.registry import member
from forecast.studies.base import Case, Outcomes, Reference, Study, StudyOptions
from forecast.studies.grammar import REBER, Grammar, embedded, lesson, wrong
from forecast.studies.reber import BITS, PLAIN, TEST, drawn, fit
from forecast.training.losses import Objective

GRAMMAR, LEAST = Grammar(embedded(REBER)), 40
LAGS = LEAST - 5  # from the step that foretells the last symbol but one, back to the one after the outer symbol
GATED = {"hidden": 20, "forget_bias": "chrono", "span": LEAST}
LSTM = "LSTM, 20 units"

# Name: model, options, peak learning rate.
NETWORKS: dict[str, tuple[str, dict[str, Any], float]] = {
    LSTM: ("lstm", GATED, 0.02),
    "GRU, 20 units": ("gru", GATED, 0.02),
    "sLSTM, 20 units": ("slstm", GATED, 0.02),
    "RNN, 60 units": ("rnn", {"hidden": 60}, 0.003),
}
WHOLE, PLAINER = "the whole recipe", "the LSTM with less of it"
# Name: forget bias, and whether the targets are thinned; each is trained once.
LESS: dict[str, tuple[str | float, bool]] = {
    "trained once": ("chrono", True),
    "trained once, forget bias 1": (1.0, True),
    "trained once, all positions asked for": ("chrono", False),
}


class EmbeddedReberOptions(StudyOptions):
    """Options of the study.

    Attributes:
        epochs: passes over the copies of the training strings.
        copies: of each string, each thinned anew.
        restarts: how often a network may begin anew.
    """

    epochs: int = Field(15, ge=1)
    copies: int = Field(10, ge=1)
    restarts: int = Field(2, ge=0)


class EmbeddedReber(Study):
    """See the page."""

    Options: ClassVar[type[StudyOptions]] = EmbeddedReberOptions
    title: ClassVar[str] = "The embedded Reber grammar: a symbol to be remembered for forty steps"
    text: ClassVar[str] = """\
What it shows. The last symbol but one repeats the second, and everything between says nothing about it: it has to be \
kept for 36 steps and more. A plain RNN learns the inner grammar and guesses there; gated networks can keep it (set-up \
and published figures: Zaki & Meira 2020, chapter 26). Three things made the LSTM learn it nearly always. The gate \
that keeps the memory begins open, at times spread up to 40 steps (chrono initialisation: Tallec & Ollivier 2018); the \
figure shows what then arrives of the gradient. The targets are thinned, so that every set of next symbols is asked \
for about as often: the choice at the end is one position of forty, and once all others are learned its gradient meets \
gates that are set in their ways. And a training that ends with training strings wrong begins anew from other weights, \
which the test strings never decide; it is the one of the least training loss that is judged. Every network is \
treated alike; Adam, one cycle up to 0.02 (RNN: 0.003), 32 strings an update, the gradient through whole strings.
What it does not show. That an RNN could never learn it: at its first weights, drawn orthogonal, its gradient reaches \
as far as that of an LSTM with forget bias 1. Nor that published recipes fail, which are others: full batches, 10,000 \
passes."""
    measures: ClassVar[dict[str, str]] = {
        "strings": "test strings with a wrong position, of 100",
        "outer": "test strings whose last symbol but one is foretold wrongly, of 100",
        "elsewhere": "test strings with a wrong position elsewhere, of 100",
        "restarts": "trainings begun anew, as the one before had training strings wrong",
    }

    def cases(self, seeds: int) -> list[Case]:
        """See the contract."""
        settings = dict.fromkeys(NETWORKS, WHOLE) | dict.fromkeys(LESS, PLAINER)
        return [Case(name, seed, setting) for name, setting in settings.items() for seed in range(seeds)]

    def run(self, case: Case) -> Mapping[str, Any]:
        """See the contract; ``gradient`` is its size by lag at the first weights, loss and state as in ``reach``."""
        torch.set_num_threads(1)
        learned, unseen = drawn(GRAMMAR, LEAST, case.seed)
        (kind, options, step), thinned, restarts = NETWORKS[LSTM], True, 0
        if case.setting == WHOLE:
            (kind, options, step), restarts = NETWORKS[case.network], self.options.restarts
        else:
            bias, thinned = LESS[case.network]
            options = {**options, "forget_bias": bias}
        shown, test = lesson(learned, GRAMMAR), lesson(unseen, GRAMMAR)
        generator = np.random.default_rng(case.seed)
        given = lesson(learned, GRAMMAR, generator=generator if thinned else None, copies=self.options.copies)
        best, gradient = (float("inf"), torch.ones(0)), list[float]()
        for attempt in range(restarts + 1):
            seed = case.seed + 1000 * attempt
            model = create(member("model", MODELS, kind), BITS, {**PLAIN, **options}, seed)
            gradient = gradient or reach(model, test)
            loss = fit(model, given, streams=32, epochs=self.options.epochs, learning_rate=step, seed=seed)
            best = min(best, (loss, wrong(model, test)), key=lambda found: found[0])
            if not wrong(model, shown).any():
                break
        return {**judged(best[1], test), "restarts": attempt, "gradient": gradient}

    def references(self) -> Sequence[Reference]:
        """See the contract."""
        return (
            Reference(LSTM, "Zaki & Meira 2020", {"strings": 0.0, "outer": 0.0}, WHOLE),
            Reference("RNN, 60 units", "Zaki & Meira 2020", {"outer": 40.0}, WHOLE),
        )

    def curves(self, outcomes: Outcomes) -> xr.Dataset | None:
        """See the contract: the gradient by lag at the first weights."""
        networks, seeds = (list(dict.fromkeys(getattr(case, key) for case in outcomes)) for key in ("network", "seed"))
        lines = np.full((len(networks), len(seeds), LAGS + 1), np.nan)
        for case, found in outcomes.items():
            lines[networks.index(case.network), seeds.index(case.seed)] = found["gradient"]
        size = {"long_name": "gradient", "units": "1", "valid_min": 1e-12, "valid_max": 10, "log": True}
        at = {"long_name": "lag", "units": "steps"}
        return xr.Dataset(
            {"curve": (("network", "seed", "point"), lines, size)},
            coords={"network": networks, "seed": seeds, "at": ("point", np.arange(LAGS + 1), at)},
            attrs={
                "title": f"Gradient of the last choice at the first weights, relative to lag 0; lag {LAGS}: the state "
                "that has just read the symbol to be remembered"
            },
        )


def judged(errors: torch.Tensor, test: Sequences) -> dict[str, float]:
    """Return the counts of wrong strings, per hundred.

    Args:
        errors: which positions are wrong, bool, (strings, longest).
        test: of which.
    """
    rows, place = torch.arange(len(errors)), torch.from_numpy(test.lengths) - 2
    outer, rest = errors[rows, place], errors.clone()
    rest[rows, place] = False
    counts = {"strings": errors.any(1), "outer": outer, "elsewhere": rest.any(1)}
    return {name: 100 / TEST * found.sum().item() for name, found in counts.items()}


def reach(model: Model, test: Sequences) -> list[float]:
    """Return how the gradient of the last choice fades, by lag, over the strings of the least length.

    Args:
        model: at its first weights.
        test: a lesson, all asked for.
    """
    rows, steps = torch.from_numpy(np.flatnonzero(test.lengths == LEAST - 1)), LEAST - 2
    start = torch.zeros_like(rows)
    target = test.truth(rows, start, steps, (0, steps))
    seen = passed(model, test.inputs(rows, start, steps), None, target, spin_up=2)
    return list(flow(seen, Objective("binary_cross_entropy")).gradient)
