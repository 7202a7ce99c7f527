"""How sequences are dealt to streams, written out step by step and slowly: what the quick deal has to equal."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """A step of a stream: ``at`` of ``tape``, and whether the stream begins anew there."""

    tape: int
    at: int
    begins: bool


Line = list[Step | None]  # None: nothing but filling


def lines(stretches: list[tuple[int, int, int]], streams: int, chunk: int, whole: bool = False) -> list[Line]:
    """Return each stream's steps, every stretch filled up to whole chunks.

    Args:
        stretches: (tape, start, stop), in the order in which they are dealt.
        streams: at most so many.
        chunk: steps.
        whole: whether stretches stay uncut, each going to the stream in whose share of the chunks its middle falls.
    """
    steps = [(tape, at) for tape, start, stop in stretches for at in range(start, stop)]
    begins = {(tape, start) for tape, start, _ in stretches}
    if whole:
        return _uncut(stretches, min(streams, len(stretches)), chunk)
    size = -(-len(steps) // max(1, min(streams, len(steps) // chunk)))
    found: list[Line] = []
    for first in range(0, len(steps), size):
        line: Line = []
        for number, step in enumerate(steps[first : first + size]):
            fresh = number == 0 or step in begins
            if fresh:
                line += [None] * (-len(line) % chunk)
            line.append(Step(*step, fresh))
        found.append(line + [None] * (-len(line) % chunk))
    return found


def _uncut(stretches: list[tuple[int, int, int]], streams: int, chunk: int) -> list[Line]:
    chunks = [-(-(stop - start) // chunk) for _, start, stop in stretches]
    found: dict[int, Line] = {}
    done = 0
    for (tape, start, stop), count in zip(stretches, chunks, strict=True):
        line = found.setdefault(int((done + count / 2) * streams / sum(chunks)), [])
        line += [Step(tape, at, at == start) for at in range(start, stop)]
        line += [None] * (-len(line) % chunk)
        done += count
    return [found[stream] for stream in sorted(found)]
