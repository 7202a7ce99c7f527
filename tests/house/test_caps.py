"""The house's caps: small files, small functions, names that say something, no path of one machine."""

from __future__ import annotations

import ast
import re
import subprocess

import pytest

from tests.house.reading import MODULES, ROOT, none

FILE_LINES, BODY_LINES = 300, 40
EMPTY_NAMES = {"util", "utils", "helper", "helpers", "common", "misc"}
# Folders of one machine; brackets keep this line from finding itself. Vendored files are others' text.
MACHINE = re.compile(r"/w[o]rk/|/tmp/w[/]|/r[o]ot/|/f[a]rm/|/o[p]t/pypi|\.librar[y]")


def test_no_file_is_longer_than_300_lines() -> None:
    sizes = {module.path: module.text.count("\n") for module in MODULES}
    none(f"{path}: {lines}" for path, lines in sizes.items() if lines > FILE_LINES)


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines from the first statement after the docstring to the last."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0  # type: ignore[operator]


def test_no_function_body_is_longer_than_40_lines() -> None:
    long = [
        f"{module.path}:{node.lineno} {node.name}: {body_lines(node)}"
        for module in MODULES
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and body_lines(node) > BODY_LINES
    ]
    none(long)


def test_a_body_is_counted_without_its_docstring() -> None:
    source = 'def f():\n    """One.\n\n    Two.\n    """\n    a = 1\n\n    return a\n'
    assert body_lines(ast.parse(source).body[0]) == 3  # type: ignore[arg-type]


def test_every_file_is_named_by_its_concept() -> None:
    none(str(module.path) for module in MODULES if module.path.stem in EMPTY_NAMES)


def test_every_module_opens_with_its_caption() -> None:
    none(str(module.path) for module in MODULES if not ast.get_docstring(module.tree))


def test_nothing_committed_names_a_path_of_one_machine() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    found = []
    for name in subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines():
        path = ROOT / name
        if "vendor" in path.parts or not path.is_file():
            continue
        try:
            lines = path.read_text().splitlines()
        except UnicodeDecodeError:
            continue
        found += [f"{name}:{number}" for number, line in enumerate(lines, 1) if MACHINE.search(line)]
    none(found)
