"""Names that a reader may ask for: the known ones are listed, a near match is suggested."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from forecast.errors import ForecastError

SHOWN = 12


class NotFound(ForecastError):
    """What was asked for by name is not there (HTTP: 404); other refusals are about values (422)."""


def choose(what: str, known: Iterable[str], name: str, refusal: type[ForecastError] = NotFound) -> str:
    """Return ``name`` if it is known.

    Args:
        what: what the names stand for, in the singular ("series"), for the message.
        known: the names there are.
        name: the name asked for.
        refusal: the error raised: a thing is not found, a setting (of a format, say) is merely wrong.

    Raises:
        ForecastError: the name is unknown; the message lists the known ones and suggests the nearest.
    """
    names = list(known)
    if name in names:
        return name
    listed = ", ".join(names[:SHOWN]) + (f", ... ({len(names)} in all)" if len(names) > SHOWN else "")
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    remedy = f"did you mean {near[0]!r}? Otherwise choose" if near else "choose"
    raise refusal(f"a {what} among {listed or '(none yet)'}", repr(name), f"{remedy} a name from this list")
