"""What a search may change, and between which values: a table for each model.

Keys are written as in ``[[models]]``, such as ``hidden`` and ``training.learning_rate``; keys joined by a comma are
chosen together. What the pipeline says now is always among the values, and is the first trial, so that no search ends
with less than it began with. Never searched is what would change the measure itself: the loss, its weights by lead,
the targets; nor the number of epochs, by which hopeless trials are told from the others.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from forecast.errors import ForecastError

GRID = 7  # values that stand for a range where the pipeline leaves the value to a rule


@dataclass(frozen=True)
class Choice:
    """One of some ``values``; for keys that go together each of them is a tuple."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Range:
    """A number between ``low`` and ``high``, both included; ``log``: its logarithm is drawn evenly."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class Times:
    """The pipeline's own value times one of the ``factors``, a tuple each where keys go together; whole numbers."""

    factors: tuple[Any, ...]


Axis = Choice | Range | Times
Space = dict[str, Choice | Range]

LEARNING: dict[str, Axis] = {
    "training.learning_rate": Range(3e-4, 3e-2, log=True),
    "training.weight_decay": Choice((0.0, 1e-4, 1e-3, 1e-2, 1e-1)),
    "dropout": Range(0.0, 0.5),
}
STREAMS: dict[str, Axis] = {"training.streams": Times((0.5, 1, 2))}
REACH: dict[str, Axis] = {"training.k1, training.k2": Times(((0.5, 0.5), (1, 1), (1, 2), (2, 2), (2, 4)))}
WINDOW: dict[str, Axis] = {"training.k2": Times((1, 2, 4))}  # what a model that reads both ways sees

RECURRENT = LEARNING | STREAMS | REACH | {"hidden": Choice((16, 32, 64, 128)), "layers": Choice((1, 2))}
BOTH_WAYS = {name: axis for name, axis in RECURRENT.items() if name not in REACH} | WINDOW
LAGGED = LEARNING | STREAMS | {"hidden": Choice((32, 64, 128, 256)), "layers": Choice((1, 2, 3))}
MAPS = LEARNING | {"kernel": Choice((3, 5, 7))}
LAYERED = MAPS | REACH | {"hidden": Choice(((24,), (40,), (24, 24), (40, 40), (56, 56)))}

SPACES: dict[str, dict[str, Axis]] = {
    "mlp": LAGGED | {"context": Choice((6, 12, 24, 48))},
    **dict.fromkeys(("rnn", "forget_rnn", "lstm", "gru", "slstm"), RECURRENT),
    "mlstm": RECURRENT | {"heads": Choice((1, 2, 4, 8))},
    **dict.fromkeys(("birnn", "bilstm", "bigru"), BOTH_WAYS),
    "seq2seq": RECURRENT | {"attention": Choice(("none", "multiplicative", "additive")), "memory": Times((1, 2))},
    "cnn": MAPS | {"hidden": Choice(((32,) * 3, (64,) * 3, (64,) * 5)), "context": Choice((1, 2, 4))},
    "convlstm": LAYERED | {"noise": Choice((0.0, 0.1, 0.2))},
    "encoder_forecaster": LAYERED,
}


def space(kind: str, present: Mapping[str, Any], keep: Iterable[str] = (), longest: float = math.inf) -> Space:
    """Return what a search over one model may change.

    Args:
        kind: the model's name in the registry.
        present: key -> what the pipeline says now (None: a rule decides); keys that it lacks are not searched.
        keep: keys that stay as they are.
        longest: steps of the training span, beyond which no chunk reaches unless the pipeline's own does.

    Raises:
        ForecastError: no key of that name can be searched, or none is left.
    """
    table = SPACES.get(kind, LEARNING)
    known = [key for name in table for key in name.split(", ")]
    for key in keep:
        if key not in known:
            remedy = f"leave out --keep {key}, or mend its spelling"
            raise ForecastError(f"keys of {kind} that are searched: {', '.join(known)}", repr(key), remedy)
    found: Space = {}
    for name, axis in table.items():
        keys = name.split(", ")
        if all(key in present for key in keys) and not set(keys) & set(keep):
            now = [present[key] for key in keys]
            made = _concrete(axis, now[0] if len(now) == 1 else tuple(now))
            if isinstance(made, Choice) and "training.k2" in keys and present["training.k2"] is not None:
                made = Choice(tuple(one for one in made.values if _reach(one) <= max(longest, present["training.k2"])))
            if isinstance(made, Range) or len(made.values) > 1:
                found[name] = made
    if not found:
        raise ForecastError(f"a key of {kind} to search", "all of them kept", "leave out one --keep")
    return found


def _concrete(axis: Axis, now: Any) -> Choice | Range:
    """Return the axis with the present value among its own."""
    if isinstance(axis, Range):
        if now is None:
            ends = (math.log(axis.low), math.log(axis.high)) if axis.log else (axis.low, axis.high)
            grid = [ends[0] + place * (ends[1] - ends[0]) / (GRID - 1) for place in range(GRID)]
            return Choice((None, *(round(math.exp(one) if axis.log else one, 6) for one in grid)))
        return Range(min(axis.low, now), max(axis.high, now), axis.log)
    if isinstance(axis, Choice):
        return Choice(tuple(dict.fromkeys((*axis.values, now))))
    if now is None or (isinstance(now, tuple) and None in now):
        return Choice((now,))
    return Choice(tuple(dict.fromkeys([*(_times(now, factor) for factor in axis.factors), now])))


def _times(now: Any, factor: Any) -> Any:
    if isinstance(now, tuple):
        return tuple(_times(*pair) for pair in zip(now, factor, strict=True))
    return max(1, round(now * factor))


def _reach(value: Any) -> int:
    """Return k2, alone or beside k1."""
    return int(value[-1] if isinstance(value, tuple) else value)


def first(axes: Space, present: Mapping[str, Any]) -> dict[str, Any]:
    """Return where a search begins: each of its names -> what the pipeline says now.

    Args:
        axes: the search space.
        present: as given to ``space``.
    """
    now = {name: tuple(present[key] for key in name.split(", ")) for name in axes}
    return {name: values if len(values) > 1 else values[0] for name, values in now.items()}


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a trial's values as a model's section writes them.

    >>> nested({"hidden": 32, "training.k1, training.k2": (8, 16)})
    {'hidden': 32, 'training': {'k1': 8, 'k2': 16}}
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        keys = name.split(", ")
        for key, one in zip(keys, value if len(keys) > 1 else (value,), strict=True):
            section, _, last = key.rpartition(".")
            (found.setdefault(section, {}) if section else found)[last] = one
    return found
