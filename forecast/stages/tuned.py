"""The file that a search writes: the user's pipeline, comments and all, with the best values in the place of theirs.

It bears a first line by which it is known again: a search may replace what a search has written, and nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import Table

from forecast.config import Pipeline, parse
from forecast.config.pipeline import PATHS
from forecast.errors import ForecastError

HEAD = "# Written by `forecast tune`"
BEFORE = "tuned, before: "


def free(file: Path, output: Path) -> None:
    """Refuse an output that is not the search's to write.

    Args:
        file: the user's pipeline.
        output: where the best is to go.

    Raises:
        ForecastError: it is the pipeline itself, or something that no search has written, or in no folder.
    """
    remedy = "choose another --output"
    if not output.parent.is_dir():
        raise ForecastError("an output in a folder that is there", str(output), remedy)
    if output.exists() and (output.samefile(file) or not _ours(output)):
        raise ForecastError("an output that a search has written, or a new one", f"{output}, a file of yours", remedy)


def _ours(output: Path) -> bool:
    return output.is_file() and output.read_bytes().startswith(HEAD.encode())


def write(
    file: Path,
    output: Path,
    pipeline: Pipeline,
    best: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]],
    said: Sequence[str],
) -> None:
    """Write a pipeline's file anew with other values; each of them says what stood there before.

    Args:
        file: the pipeline's file.
        output: the new one; relative paths of the source are written out where it lies in another folder.
        pipeline: as read from ``file``.
        best: model -> (key -> value, key -> what held before).
        said: sentences for its head.

    Raises:
        ForecastError: the output is not the search's to write.
    """
    free(file, output)
    document = tomlkit.parse(file.read_text(encoding="utf-8"))
    sections: Any = document["models"]
    for section, model in zip(sections, pipeline.models, strict=True):
        values, before = best.get(model.name, ({}, {}))
        for key, value in values.items():
            if value != before[key]:
                _set(section, key, value, before[key])
    if output.parent.resolve() != file.parent.resolve():
        source: Any = document["source"]
        for key in set(PATHS) & set(source):
            source[key] = pipeline.source.options[key]
    head = [HEAD, *(f"# {sentence}" for sentence in said), f"# The rest is {file.name}.", ""]
    text = "\n".join(head) + tomlkit.dumps(document)
    parse(tomlkit.parse(text).unwrap(), str(output))
    beside = output.with_suffix(f".{os.getpid()}.part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(output)


def _set(section: Any, key: str, value: Any, before: Any) -> None:
    """Set a key of a model's section, with a comment."""
    inner, _, last = key.rpartition(".")
    old = "what a rule chose" if before is None else tomlkit.item(_plain(before)).as_string()
    if inner and not isinstance(section.get(inner), Table):
        there = _comment(section, inner)  # one comment for all that it holds
        together = tomlkit.inline_table()
        together.update({**section.get(inner, {}), last: _plain(value)})
        section[inner] = together
        section[inner].comment(f"{there}, {last} {old}" if there.startswith(BEFORE) else f"{BEFORE}{last} {old}")
        return
    table = section[inner] if inner else section
    there = _comment(table, last)
    table[last] = _plain(value)
    table[last].comment(f"{BEFORE}{old}" + (f"; {there}" if there and not there.startswith(BEFORE) else ""))


def _comment(table: Any, key: str) -> str:
    """Return the comment that stands behind a key, or ""."""
    return str(table[key].trivia.comment).removeprefix("# ") if key in table else ""


def _plain(value: Any) -> Any:
    """Return a value as TOML has it."""
    return list(value) if isinstance(value, tuple) else value
