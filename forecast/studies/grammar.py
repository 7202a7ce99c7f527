"""Reber's grammar and the embedded one: automata that write strings, and say which symbols may come next.

Reber 1967, Implicit learning of artificial grammars, J. Verbal Learning and Verbal Behavior 6. From state to state:

    0 -B-> 1    1 -T-> 2    2 -S-> 2    3 -T-> 3    4 -X-> 3    5 -P-> 4    6 -E-> 7
                1 -P-> 3    2 -X-> 4    3 -V-> 5    4 -S-> 6    5 -V-> 6

Where two symbols may come, each comes with probability 1/2. The embedded grammar (Cleeremans, Servan-Schreiber &
McClelland 1989, Neural Computation 1(3); Hochreiter & Schmidhuber 1997, experiment 1) puts such a string between two
equal symbols, B T ... T E or B P ... P E: the last but one is that of the second step, however long ago that was.

A lesson is strings as sequences: at each symbol but the last, one bit for each symbol says whether it may come next.
"""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor

from forecast.batches import Sequences
from forecast.errors import ForecastError
from forecast.models.base import Model

SYMBOLS = "BTPSXVE"

Moves = Sequence[Mapping[str, int]]

REBER: Moves = (
    {"B": 1},
    {"T": 2, "P": 3},
    {"S": 2, "X": 4},
    {"T": 3, "V": 5},
    {"X": 3, "S": 6},
    {"P": 4, "V": 6},
    {"E": 7},
    {},
)


class Grammar:
    """A finite automaton: it begins in state 0 and ends where no symbol may come.

    Args:
        moves: of each state: symbol -> next state.
    """

    def __init__(self, moves: Moves) -> None:
        self.moves = moves

    def legal(self, string: str) -> list[str]:
        """Return the symbols that may come next, in the order of the alphabet, after each symbol of a ``string``.

        Raises:
            ForecastError: the grammar does not write this string.
        """
        state, found = 0, []
        for place, symbol in enumerate(string):
            if symbol not in self.moves[state]:
                expected = f"one of {', '.join(self.moves[state]) or 'no symbols'} at place {place}"
                raise ForecastError(expected, f"{symbol!r} in {string}", "draw strings of this grammar")
            state = self.moves[state][symbol]
            found.append("".join(symbol for symbol in SYMBOLS if symbol in self.moves[state]))
        return found

    def survival(self, least: int) -> np.ndarray:
        """Return the probability that at least n symbols follow in state s, (least + 1, states)."""
        chance = np.ones((least + 1, len(self.moves)))
        for n in range(1, least + 1):
            chance[n] = [chance[n - 1, list(m.values())].mean() if m else 0 for m in self.moves]
        return chance

    def draw(self, count: int, least: int, generator: np.random.Generator, without: Collection[str] = ()) -> list[str]:
        """Draw different strings, each as likely as it is among all of at least that length.

        A step is weighed by the chance that enough symbols follow, so that no string is thrown away for being short.

        Args:
            count: how many.
            least: symbols a string at least.
            generator: of the draws.
            without: strings that are not to be drawn.
        """
        chance, found = self.survival(least).tolist(), dict[str, None]()
        moves = [(tuple(move), tuple(move.values())) for move in self.moves]
        while len(found) < count:
            state, string = 0, ""
            while moves[state][0]:
                symbols, states = moves[state]
                later = chance[max(0, least - len(string) - 1)]
                reached = list(accumulate(later[after] for after in states))
                choice = bisect(reached, generator.random() * reached[-1])
                string, state = string + symbols[choice], states[choice]
            if string not in without:
                found[string] = None
        return list(found)


def embedded(moves: Moves, outer: str = "TP") -> Moves:
    """Return the automaton that puts strings of another between two equal symbols, and these between B and E.

    Args:
        moves: of the other; its last state is the one that ends.
        outer: the symbols to choose from.
    """
    size = len(moves)
    closing = 2 + len(outer) * size
    states: list[Mapping[str, int]] = [{"B": 1}, {symbol: 2 + n * size for n, symbol in enumerate(outer)}]
    for n, symbol in enumerate(outer):
        states += [{read: 2 + n * size + after for read, after in move.items()} for move in moves[:-1]]
        states.append({symbol: closing})
    return (*states, {"E": closing + 1}, {})


def lesson(
    strings: Sequence[str], grammar: Grammar, *, generator: np.random.Generator | None = None, copies: int = 1
) -> Sequences:
    """Return strings as sequences of codes, with a bit for each symbol that may come next.

    Args:
        strings: of the grammar.
        grammar: which says what may come next.
        generator: thins the targets out, so that each set of next symbols is asked for about as often as the rarest
            one; None: all are asked for.
        copies: how often each string stands there, each time thinned anew.
    """
    codes = [SYMBOLS.index(symbol) for string in strings for symbol in string[:-1]]
    sets = [legal for string in strings for legal in grammar.legal(string)[:-1]]
    bits = np.array([[symbol in legal for symbol in SYMBOLS] for legal in sets] * copies, dtype="float32")
    if generator is not None:
        often = Counter(sets)
        share = np.array([min(often.values()) / often[legal] for legal in sets] * copies)
        bits[generator.random(len(bits)) >= share] = np.nan
    return Sequences(np.array(codes * copies), bits, [len(string) - 1 for string in strings] * copies)


@torch.no_grad()
def wrong(model: Model, given: Sequences) -> Tensor:
    """Return where the symbols with p > 0.5 are not the ones that may come next: bool, (strings, longest).

    Args:
        model: its outputs are logits of the bits.
        given: a lesson, all asked for.
    """
    rows, longest = torch.arange(len(given.lengths)), int(given.lengths.max())
    bits = given.truth(rows, torch.zeros_like(rows), longest, (0, longest))[:, :, 0]
    said = model(given.inputs(rows, torch.zeros_like(rows), longest))[0][:, :, 0] > 0
    return (said != (bits > 0.5)).any(2) & bits.isfinite().all(2)


def memoryless(strings: Sequence[str], grammar: Grammar) -> float:
    """Return the wrong positions a string of the best rule that reads the current symbol alone, found on them.

    Args:
        strings: which it is judged on.
        grammar: of these strings.
    """
    often: dict[str, Counter[str]] = {}
    for string in strings:
        for symbol, legal in zip(string[:-1], grammar.legal(string), strict=False):
            often.setdefault(symbol, Counter())[legal] += 1
    return sum(sets.total() - max(sets.values()) for sets in often.values()) / len(strings)
