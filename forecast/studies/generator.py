"""A generator of symbols: each network says the next one, hears it, and says the one after.

It learns "hello", in which l is followed by l and by o, or continues a text file, character by character (Elman 1990,
Finding structure in time, Cognitive Science 14; Graves 2013, Generating sequences with recurrent neural networks).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field

from forecast.batches import Sequences, Streams
from forecast.errors import ForecastError
from forecast.models import MODELS
from forecast.models.base import Model, Shape, create
from forecast.models.generate import generate
from forecast.registry import member
from forecast.studies.base import Case, Outcomes, Reference, Study, StudyOptions
from forecast.training.losses import Objective
from forecast.training.settings import Training
from forecast.training.tbptt import train
from forecast.training.walk import evaluate

HELLO = "hello"
LEAST = 500  # characters of a file: a tenth of it has to say something
CHUNK, READ = 50, 500  # characters: of an update, and before the first that is judged or generated
STREAMS = 16  # stretches of the file side by side, fewer where it is short
UPDATES = 2000  # of a file, about: short files are read often, long ones three times at least
PLAIN = {"dropout": 0.0}
SPELLERS: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name.lower(), {"hidden": 8, **PLAIN}) for name in ("LSTM", "GRU", "RNN")},
    "MLP, one symbol": ("mlp", {"hidden": 8, "context": 1, **PLAIN}),
}
WRITERS: dict[str, tuple[str, dict[str, Any]]] = {
    name: (name.lower(), {"hidden": 128, "embedding": 32, "dropout": 0.1}) for name in ("LSTM", "GRU")
}


class GeneratorOptions(StudyOptions):
    """Options of the study.

    Attributes:
        text: a text file, UTF-8, to learn in place of "hello".
        prompt: what the continuation continues; "" is the end of the file.
        steps: characters to go on for.
        temperature: of the drawing: 1 draws as the network believes, less more surely.
        epochs: passes at most; None: 200 of the word, and of a file so many that some thousand updates are made.
    """

    text: Path | None = None
    prompt: str = ""
    steps: int = Field(300, ge=1)
    temperature: float = Field(0.7, gt=0)
    epochs: int | None = Field(None, ge=1)


class Generator(Study):
    """See the page."""

    Options: ClassVar[type[StudyOptions]] = GeneratorOptions
    title: ClassVar[str] = "A generator of symbols: what comes next?"
    text: ClassVar[str] = """\
What it shows. In "hello" an l is followed by an l and by an o: a network without a memory that sees one symbol has to \
miss one of them, however long it learns; a recurrent one tells them apart by its state and says the word whole, given \
the h. On a text file (--set text=FILE) the characters are learned as one long stream, the state carried from chunk to \
chunk; bits a character on the last tenth of the file, which is neither learned nor looked at to choose the epoch, \
stand beside those of counting characters, and pairs of them.
What it does not show. The word is learned by heart: nothing is said of words that were not seen. A file of some \
hundred thousand characters teaches spelling and layout, not sense."""
    measures: ClassVar[dict[str, str]] = {
        "errors": 'wrong symbols of "ello", said alone after h',
        "epochs": "updates until none was wrong, then or later",
        "bits": "bits a character, on the last tenth of the file",
    }

    def __init__(self, options: GeneratorOptions) -> None:
        super().__init__(options)
        self.written = HELLO if options.text is None else read(options.text)
        self.setting = HELLO if options.text is None else options.text.name
        self.alphabet = sorted(set(self.written))
        unknown = sorted(set(options.prompt) - set(self.alphabet))
        if unknown:
            expected = f"a prompt of the {len(self.alphabet)} characters of the text"
            raise ForecastError(expected, f"{unknown[0]!r} in {options.prompt!r}", "leave it out of the prompt")

    def cases(self, seeds: int) -> list[Case]:
        """See the contract: the word, or the file in its place."""
        networks = SPELLERS if self.options.text is None else WRITERS
        return [Case(network, seed, self.setting) for network in networks for seed in range(seeds)]

    def run(self, case: Case) -> Mapping[str, Any]:
        """See the contract; ``said`` is what the network went on to say."""
        networks = SPELLERS if self.options.text is None else WRITERS
        kind, options = networks[case.network]
        size = len(self.alphabet)
        shape = Shape(inputs=1, leads=1, outputs=size, targets=0, symbols=size)
        model = create(member("model", MODELS, kind), shape, options, case.seed)
        torch.set_num_threads(1)
        return self._spelled(model, case.seed) if self.options.text is None else self._continued(model, case.seed)

    def references(self) -> Sequence[Reference]:
        """See the contract: the bits of counting; none of a word."""
        if self.options.text is None:
            return ()
        codes, cut = self._codes(self.written), self._parts()[1]
        single, paired = counted(codes, cut, len(self.alphabet))
        return (
            Reference("characters counted", "computed", {"bits": single}, self.setting),
            Reference("pairs of characters counted", "computed", {"bits": paired}, self.setting),
        )

    def remarks(self, outcomes: Outcomes) -> str:
        """See the contract: the continuation of each network's first seed."""
        if self.options.text is None:
            return ""
        first = {case.network: found["said"] for case, found in reversed(list(outcomes.items()))}
        lines = [f"{network} goes on:\n{self.options.prompt}|{said}" for network, said in reversed(first.items())]
        return "\n\n".join(["", *lines])

    def _codes(self, text: str) -> np.ndarray:
        places = {symbol: code for code, symbol in enumerate(self.alphabet)}
        return np.array([places[symbol] for symbol in text], dtype=np.uint16)

    def _parts(self) -> tuple[int, int]:
        """Return where the last fifth of the text begins, and where its last tenth does."""
        length = len(self.written)
        return length - 2 * (length // 10), length - length // 10

    def _spelled(self, model: Model, seed: int) -> dict[str, Any]:
        codes = self._codes(HELLO)
        settings = Training(
            k1=len(HELLO) - 1,
            k2=len(HELLO) - 1,
            streams=1,
            epochs=self.options.epochs or 200,
            learning_rate=0.03,
            loss="cross_entropy",
            weight_decay=0.0,
            average=0.0,
            shift=False,
            seed=seed,
        )
        errors: list[int] = []

        def judge(line: Mapping[str, float]) -> None:
            errors.append(
                sum(a != b for a, b in zip(self._said(model, HELLO[0], len(HELLO) - 1), HELLO[1:], strict=True))
            )

        train(model, Streams(Sequences(codes[:-1], codes[1:]), None, 1, settings.k1), None, settings, report=judge)
        missed = [epoch for epoch, wrong in enumerate(errors, 1) if wrong]
        return {
            "errors": errors[-1],
            "epochs": math.nan if errors[-1] else (missed[-1] if missed else 0) + 1,
            "bits": math.nan,
            "said": self._said(model, HELLO[0], len(HELLO) - 1),
        }

    def _said(self, model: Model, prompt: str, steps: int, **choice: Any) -> str:
        seen = torch.from_numpy(self._codes(prompt).astype("float32")).reshape(1, -1, 1)
        return "".join(self.alphabet[int(code)] for code in generate(model, seen, steps, **choice).flatten())

    def _continued(self, model: Model, seed: int) -> dict[str, Any]:
        codes, (early, tail) = self._codes(self.written), self._parts()
        tape = Sequences(codes[:-1], codes[1:])  # the step before a character is the one that foretells it
        streams = max(1, min(STREAMS, early // (10 * CHUNK)))
        taught = Streams(tape, [(0, early - 1)], streams, CHUNK)
        epochs = self.options.epochs or max(3, UPDATES // len(taught))
        settings = Training(
            k1=CHUNK,
            k2=CHUNK,
            streams=streams,
            epochs=epochs,
            patience=1 + epochs // 3,
            learning_rate=0.005,
            loss="cross_entropy",
            seed=seed,
        )
        train(model, taught, _part(tape, early, tail), settings)
        generator = torch.Generator().manual_seed(seed)
        prompt = self.options.prompt or self.written[-READ:]
        choice = {"choose": "sample", "temperature": self.options.temperature, "generator": generator}
        return {
            "errors": math.nan,
            "epochs": math.nan,
            "bits": evaluate(model, _part(tape, tail, len(codes)), Objective("cross_entropy"), CHUNK) / math.log(2),
            "said": self._said(model, prompt, self.options.steps, **choice),
        }


def _part(tape: Sequences, begin: int, end: int) -> Streams:
    """Return the characters ``begin`` to ``end`` as one stream, some before them read."""
    steps = (begin - 1, end - 1)
    return Streams(tape, [(max(0, steps[0] - READ), steps[1])], 1, CHUNK, valid=steps)


def read(path: Path) -> str:
    """Return the text of a file.

    Args:
        path: of the file, UTF-8.

    Raises:
        ForecastError: no such file, another encoding, or too little text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ForecastError(
            "a text file that can be read", f"{path}: {error.strerror}", "mend --set text=FILE"
        ) from error
    except UnicodeDecodeError as error:
        got = f"{path}: byte {error.start} is none of it"
        raise ForecastError("a text file in UTF-8", got, "convert it, such as with iconv -t UTF-8") from error
    if len(text) < LEAST:
        raise ForecastError(f"at least {LEAST} characters", f"{len(text)} in {path}", "name a longer text")
    return text


def counted(codes: np.ndarray, cut: int, alphabet: int) -> tuple[float, float]:
    """Return the bits a character from ``cut`` on of two forecasts by what was counted before it.

    The first is the character's share, one added to each count; the second its share after the character before it,
    with that share as one more count (MacKay & Peto 1995, A hierarchical Dirichlet language model).

    Args:
        codes: the text, (N,).
        cut: where the characters that are judged begin.
        alphabet: how many codes there are.
    """
    before, last, now = codes[:cut], codes[cut - 1 : -1], codes[cut:]
    single = (np.bincount(before, minlength=alphabet) + 1) / (len(before) + alphabet)
    pairs = np.zeros((alphabet, alphabet))
    np.add.at(pairs, (before[:-1], before[1:]), 1)
    paired = (pairs + single) / (pairs.sum(1, keepdims=True) + 1)
    return float(-np.log2(single[now]).mean()), float(-np.log2(paired[last, now]).mean())
