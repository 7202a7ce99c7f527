"""The lock pins all that the project asks for, within what it allows, and names no place to fetch it from."""

from __future__ import annotations

import re
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.reading import ROOT, none

LINES = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
PINS = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in LINES)}


def test_every_line_of_the_lock_is_a_bare_pin() -> None:
    none(line for line in LINES if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line))


def test_every_requirement_is_pinned_within_its_range() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    asked = [Requirement(text) for text in [*project["dependencies"], *(text for extra in extras for text in extra)]]
    outside = [item for item in asked if canonicalize_name(item.name) != project["name"]]
    none(str(item) for item in outside if not item.specifier.contains(PINS.get(canonicalize_name(item.name), "0")))


def test_the_lock_brings_no_libraries_of_an_accelerator() -> None:
    none(name for name in PINS if name.startswith(("nvidia", "triton", "cuda")))
