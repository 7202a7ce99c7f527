"""The README keeps its word: its tree is the disk's, its marked blocks run.

<!-- tree -->    before a fenced block: one room a line, ``name/   caption``, two spaces of indent a level
<!-- run -->     before a fenced bash or python block: run in an empty folder, in order (in docs/*.md too)
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.reading import ROOT, none

README = ROOT / "README.md"
LINE = re.compile(r"^(?P<indent> *)(?P<names>\S+(?:, \S+)*) {2,}(?P<caption>\S.*)$")
RUN = re.compile(r"<!-- run -->\s*```(bash|python)\n(.*?)```", re.DOTALL)


def rooms(text: str) -> dict[str, str]:
    """Return path -> caption from the marked tree."""
    block = re.search(r"<!-- tree -->\s*```\w*\n(.*?)```", text, re.DOTALL)
    assert block, "the README has no block marked <!-- tree -->"
    found: dict[str, str] = {}
    parents: list[str] = []
    for line in filter(str.strip, block[1].splitlines()):
        match = LINE.match(line)
        assert match, f"not 'name   caption': {line!r}"
        depth = len(match["indent"]) // 2
        parents = parents[:depth]
        for name in match["names"].split(", "):
            found["".join(parents) + name] = match["caption"]
        parents.append(match["names"].split(", ")[0])
    return found


def on_disk() -> set[str]:
    """Return the rooms a newcomer meets: the folders of the root, and the files and folders of forecast/."""
    named = {"forecast", "flows", "dashboards", "data", "docs", "tests"}
    inside = [
        path for path in (ROOT / "forecast").iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()
    ]
    pages = {f"forecast/{path.name}{'/' if path.is_dir() else ''}" for path in inside if path.name != "__init__.py"}
    return {f"{name}/" for name in named} | pages


def test_the_tree_of_the_readme_is_the_disk() -> None:
    printed = rooms(README.read_text())
    none([f"not on disk: {path}" for path in printed if not (ROOT / path).exists()])
    none([f"not in the README: {path}" for path in sorted(on_disk() - set(printed))])


def test_the_tree_reads_names_captions_and_depth() -> None:
    tree = "forecast/    the library\n  a.py, b.py   two\n  c/     deep\n    d.py  deeper\ndata/  small\n"
    assert rooms(f"<!-- tree -->\n```text\n{tree}```\n") == {
        "forecast/": "the library",
        "forecast/a.py": "two",
        "forecast/b.py": "two",
        "forecast/c/": "deep",
        "forecast/c/d.py": "deeper",
        "data/": "small",
    }


def blocks() -> list[tuple[str, int, str, str]]:
    pages = [README, *sorted((ROOT / "docs").rglob("*.md"))]
    found = []
    for page in (page for page in pages if page.is_file()):
        for place, match in enumerate(RUN.finditer(page.read_text()), 1):
            found.append((str(page.relative_to(ROOT)), place, match[1], match[2]))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reader")


@pytest.mark.parametrize(("page", "place", "language", "code"), blocks(), ids=lambda value: str(value)[:20])
def test_a_block_marked_to_be_run_runs(folder: Path, page: str, place: int, language: str, code: str) -> None:
    tools = Path(sys.executable).parent
    if not (tools / "forecast").exists():
        pytest.skip("the forecast command is not installed here: make test")
    command = ["bash", "-euo", "pipefail", "-c", code] if language == "bash" else [sys.executable, "-c", code]
    environment = {
        **os.environ,
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "FORECAST_HOME": str(folder / "home"),
    }
    work = folder / page.replace("/", "-")
    work.mkdir(exist_ok=True)
    done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{page}, block {place}:\n{code}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
