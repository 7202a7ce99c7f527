"""Everything public says what it is, and what each of its parameters means; examples in docstrings are run."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
from collections.abc import Iterator

import pytest

from tests.house.reading import MODULES, Module, none

SPEAKING = 2  # so many parameters may be left to their names and types
Function = ast.FunctionDef | ast.AsyncFunctionDef


def public(body: list[ast.stmt]) -> Iterator[Function | ast.ClassDef]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    yield from (node for node in body if isinstance(node, kinds) and not node.name.startswith("_"))


def undocumented(module: Module) -> Iterator[str]:
    """Yield public functions, classes and methods without a docstring; a method that fulfils a contract needs none."""
    promised = contract(module)
    for node in public(module.tree.body):
        if not ast.get_docstring(node):
            yield f"{module.path}:{node.lineno} {node.name} has no docstring"
        for method in public(node.body) if isinstance(node, ast.ClassDef) else ():
            if not ast.get_docstring(method) and not (node.bases and method.name in promised):
                yield f"{module.path}:{method.lineno} {node.name}.{method.name} has no docstring"


def contract(module: Module) -> dict[str, str]:
    """Return method -> docstrings of the classes that a module's family (its base.py) and the module itself define."""
    pages = [other for other in MODULES if other.path == module.path.with_name("base.py")]
    methods: dict[str, str] = {}
    for page in [*pages, module]:
        for kind in (node for node in page.tree.body if isinstance(node, ast.ClassDef)):
            for method in (node for node in kind.body if isinstance(node, Function)):
                if text := ast.get_docstring(method):
                    methods[method.name] = f"{methods.get(method.name, '')} {text} {ast.get_docstring(page.tree)}"
    return methods


def unexplained(module: Module) -> Iterator[str]:
    """Yield parameters that no one of docstring, class, module page and contract names as a word.

    A function of one or two parameters may let their names and types speak, unless it begins a list of them; a route
    says them to its framework; the constructor of a member has the contract's parameters.
    """
    promised, page = contract(module), ast.get_docstring(module.tree) or ""
    for node in public(module.tree.body):
        if not isinstance(node, ast.ClassDef):
            yield from missing(module, node, f"{page} {ast.get_docstring(node)}")
            continue
        about = f"{page} {ast.get_docstring(node)}"
        for method in (item for item in node.body if isinstance(item, Function)):
            if not method.name.startswith("_") or (method.name == "__init__" and not node.bases):
                inherited = promised.get(method.name, "") if node.bases else ""
                text = f"{about} {ast.get_docstring(method) or ''} {inherited}"
                yield from missing(module, method, text, f"{node.name}.")


def missing(module: Module, function: Function, text: str, owner: str = "") -> Iterator[str]:
    arguments = function.args
    every = [item.arg for item in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    names = [name for name in every if name not in ("self", "cls")]
    listed = "Args:" in (ast.get_docstring(function) or "")
    routed = any(isinstance(mark, ast.Call) and "route" in ast.dump(mark.func) for mark in function.decorator_list)
    for name in names if listed or (len(names) > SPEAKING and not routed) else ():
        if not re.search(rf"\b{re.escape(name)}\b", text):
            yield f"{module.path}:{function.lineno} {owner}{function.name} does not say what {name} is"


def test_everything_public_has_a_docstring() -> None:
    none(line for module in MODULES for line in undocumented(module))


def test_every_parameter_of_a_public_function_is_explained() -> None:
    """The command line's parameters carry their help beside their type, where `forecast COMMAND --help` reads it."""
    none(line for module in MODULES if not module.room.startswith("cli") for line in unexplained(module))


def test_an_unexplained_parameter_is_found() -> None:
    three = ast.parse("def f(path, lead, when): pass").body[0]
    listed = ast.parse("def f(path, lead):\n    'Args: path'").body[0]
    assert isinstance(three, ast.FunctionDef) and isinstance(listed, ast.FunctionDef)
    assert [line.split()[-2] for line in missing(MODULES[0], three, "Read path at lead.")] == ["when"]
    assert [line.split()[-2] for line in missing(MODULES[0], listed, "Args: path")] == ["lead"]


@pytest.mark.parametrize("name", [module.dotted for module in MODULES if ">>> " in module.text])
def test_the_examples_in_docstrings_hold(name: str) -> None:
    outcome = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert outcome.attempted > 0 and outcome.failed == 0
