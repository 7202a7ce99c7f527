"""What the house's tests share: the product's modules, read as text and syntax, never imported."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("forecast", "flows", "dashboards")


@dataclass(frozen=True)
class Module:
    """One file: ``path`` from the root, ``room`` as docs/house.md writes it (``schema``, ``models.gru``)."""

    path: Path

    @property
    def dotted(self) -> str:
        parts = self.path.with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def room(self) -> str:
        return self.dotted.removeprefix("forecast.")

    @cached_property
    def text(self) -> str:
        return (ROOT / self.path).read_text()

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, str(self.path))

    def imports(self) -> Iterator[tuple[str, int]]:
        """Yield each imported module, dotted in full, and its line; ``from a import b`` is a.b where that is one."""
        package = self.dotted if self.path.stem == "__init__" else self.dotted.rpartition(".")[0]
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
                origin = ".".join([*above, *([node.module] if node.module else [])])
                for alias in node.names:
                    whole = f"{origin}.{alias.name}"
                    yield (whole if whole in DOTTED else origin), node.lineno


MODULES = [
    Module(path.relative_to(ROOT))
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
    if "__pycache__" not in path.parts
]
DOTTED = {module.dotted for module in MODULES}


def none(offences: Iterable[str]) -> None:
    """Fail with one offence a line, if there are any."""
    found = list(offences)
    assert not found, "\n".join(["", *found])
