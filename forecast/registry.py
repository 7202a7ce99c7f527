"""Families by name: a table of ``name -> "module:Class"`` strings, loaded only when a member is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from forecast.errors import ForecastError


def member(family: str, table: Mapping[str, str], name: str) -> Any:
    """Import one member of a family.

    Args:
        family: what the table holds, in the singular ("model"), for the message.
        table: name -> "module:Attribute".
        name: the member asked for.

    Returns:
        The attribute (a class or a function).

    Raises:
        ForecastError: the name is not in the table; the message lists the known ones.
    """
    if name not in table:
        near = get_close_matches(name, table, n=1)
        hint = f"did you mean {near[0]!r}? Otherwise choose" if near else "choose"
        raise ForecastError(f"a {family} among {', '.join(sorted(table))}", repr(name), f"{hint} a name from this list")
    module, _, attribute = table[name].partition(":")
    return getattr(importlib.import_module(module), attribute)
