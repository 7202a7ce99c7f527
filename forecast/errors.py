"""One error for all bad input, in three parts: what was expected, what came, what to do now."""

from __future__ import annotations


class ForecastError(ValueError):
    """Bad input, refused before anything is lost.

    Args:
        expected: what a correct input looks like (with the valid range or the known names).
        got: what came, with its value and where it was found.
        remedy: what the reader can do now, in the imperative.

    The message reads ``expected, got, do`` on three lines.
    """

    def __init__(self, expected: str, got: str, remedy: str) -> None:
        self.expected, self.got, self.remedy = expected, got, remedy
        super().__init__(f"expected {expected}\n     got {got}\n      do {remedy}")

    def __reduce__(self) -> tuple[type[ForecastError], tuple[str, str, str]]:
        return type(self), (self.expected, self.got, self.remedy)  # so that it comes back whole from another process


class Unavailable(ForecastError):
    """What does not answer now and may answer later (a network, a busy server): asking again is worth while."""
