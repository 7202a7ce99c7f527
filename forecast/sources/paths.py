"""Paths and patterns of the configuration become the files they name."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from forecast.errors import ForecastError


def find(paths: Sequence[str]) -> list[Path]:
    """Return the files that paths and patterns name, sorted within each pattern, each once.

    Args:
        paths: paths, or patterns with ``*``, ``?``, ``[...]`` and ``**``; ``~`` is the home folder.

    Raises:
        ForecastError: a path or pattern that names nothing.
    """
    found: list[Path] = []
    for path in paths:
        matches = sorted(glob.glob(str(Path(path).expanduser()), recursive=True))  # noqa: PTH207 (absolute patterns)
        if not matches:
            remedy = "mend source.paths (patterns such as slp.*.nc are allowed)"
            raise ForecastError("files", f"nothing at {path}", remedy)
        found += [Path(match) for match in matches]
    return list(dict.fromkeys(found))


def named(files: Sequence[Path]) -> str:
    """Return the names of up to five files, for a title or an attribute."""
    return ", ".join(file.name for file in files[:5]) + (f" and {len(files) - 5} more" if len(files) > 5 else "")
