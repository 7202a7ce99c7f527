"""Who may import whom: docs/house.md against every import of every file."""

from __future__ import annotations

import ast
import re
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter

from tests.house.reading import MODULES, PACKAGES, ROOT, Module, none

FREE = ["forecast", "errors", "registry"]
PAGE = (ROOT / "docs/house.md").read_text()
GUARDED = re.search(r"guarded ones are:\s+([\w,\s]+)\.", PAGE)[1].replace(",", " ").split()  # type: ignore[index]


def table() -> dict[str, tuple[list[str], list[str]]]:
    """Return room -> (rooms it may import, guarded libraries it may import), from the table of docs/house.md."""
    rows: dict[str, tuple[list[str], list[str]]] = {}
    for line in PAGE[PAGE.index("| room |") :].split("\n\n")[0].splitlines()[2:]:
        room, ours, libraries = (cell.strip() for cell in line.strip().strip("|").split("|"))
        allowed = (
            [name for row in rows for name in (row, row.removesuffix("/*"))]
            if ours == "all above"
            else ours.split(", ")
        )
        rows[room] = (allowed, [name for name in libraries.split(", ") if name])
    return rows


TABLE = table()


def fits(room: str, patterns: list[str]) -> bool:
    """Say whether a room is named: ``models`` is the page alone, ``models/*`` the page and its files."""
    written = [pattern.removesuffix("/*") for pattern in patterns if pattern.endswith("/*")]
    return room in patterns or any(room == name or fnmatchcase(room, f"{name}.*") for name in written)


def row_of(module: Module) -> str | None:
    """Return the narrowest row that a module belongs to."""
    return max((row for row in TABLE if fits(module.room, [row])), key=lambda row: row.count("."), default=None)


def offences(module: Module) -> list[str]:
    row = row_of(module)
    if row is None:
        return [] if module.dotted == "forecast" else [f"{module.path}: has no row in docs/house.md"]
    allowed, libraries = TABLE[row]
    found = []
    for name, line in module.imports():
        first = name.split(".")[0]
        room = name.removeprefix("forecast.")
        if first in PACKAGES:
            if not fits(room, [*FREE, row, *allowed]):
                found.append(
                    f"{module.path}:{line} imports {room}; {row} may import {', '.join(allowed) or 'nothing of ours'}"
                )
        elif first in GUARDED and first not in libraries:
            found.append(f"{module.path}:{line} imports {first}, which {row} may not")
    return found


def test_every_import_is_one_that_the_table_allows() -> None:
    none(offence for module in MODULES for offence in offences(module))


def test_every_row_of_the_table_is_a_room_that_exists() -> None:
    none(row for row in TABLE if not any(fits(module.room, [row]) for module in MODULES))


def test_a_forbidden_import_is_found() -> None:
    assert fits("models.gru", ["models/*"]) and not fits("models.gru", ["models"]) and fits("models", ["models"])
    schema = next(module for module in MODULES if module.dotted == "forecast.schema")
    assert fits("config", TABLE["stages/*"][0]) and not fits("stages.train", TABLE["stages/*"][0])
    assert "torch" in GUARDED and "torch" not in TABLE[row_of(schema)][1]  # type: ignore[index]


def test_imports_form_no_cycle() -> None:
    known = {module.dotted for module in MODULES}
    graph = {module.dotted: {name for name, _ in module.imports() if name in known} for module in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(" -> ".join(error.args[1])) from None


def test_imports_stand_at_the_top_of_the_file() -> None:
    """The command line may import within a command; only the registry imports by name."""
    hidden = [
        f"{module.path}:{inner.lineno} in {function.name}"
        for module in MODULES
        if not module.room.startswith("cli")
        for function in ast.walk(module.tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(function)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    by_name = [str(module.path) for module in MODULES if "import_module(" in module.text and module.room != "registry"]
    none(hidden + by_name)
