"""What one append did, step by step, for a person and for the stage that called it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

NAMED = 10  # series that a receipt names


@dataclass(frozen=True)
class Receipt:
    """Counts of steps by what became of them.

    Attributes:
        version: id of the newest version: the former one where nothing changed.
        new: steps after the former end.
        corrected: steps of which an observed value was replaced by another.
        unchanged: steps that added nothing.
        late: steps inside or before the former axis of which missing values came in.
        missing: steps of the incoming span (counted from the archive's end on) of which nothing is known yet.
        dates: name of a count -> the stretches concerned, each as "first" or "first .. last".
        series: ids of series that came in for the first time, after the first append.
    """

    version: str
    new: int
    corrected: int
    unchanged: int
    late: int
    missing: int
    dates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    series: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether the append wrote a version."""
        return bool(self.new or self.corrected or self.late)

    def __str__(self) -> str:
        counts = ("new", "corrected", "unchanged", "late", "missing")
        text = ", ".join(f"{getattr(self, name)} {name}" for name in counts if getattr(self, name))
        more = len(self.series) - NAMED
        named = ", ".join(self.series[:NAMED]) + (f" and {more} more" if more > 0 else "")
        widened = f"; first seen: {named}" if self.series else ""
        return f"{text}{widened}"
