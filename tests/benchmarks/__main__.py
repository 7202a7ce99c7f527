"""Run the benchmarks: each ``tests/benchmarks/NAME.py`` is a script that prints its figures, in a process of its own.

``python -m tests.benchmarks`` runs all, ``python -m tests.benchmarks NAME ...`` some, ``--list`` only names them; what
follows the names from the first ``--`` word on is handed to the script, such as ``large_archive --gigabytes 1``.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent


def benchmarks() -> dict[str, str]:
    """Return name -> the first line of the script's caption."""
    scripts = sorted(path for path in HERE.glob("*.py") if not path.stem.startswith("_"))
    return {path.stem: (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n")[0] for path in scripts}


def main(arguments: list[str]) -> int:
    """Run the benchmarks named in ``arguments`` (none: all) and return how many failed."""
    known = benchmarks()
    if arguments == ["--list"]:
        print(*(f"{name:20} {caption}" for name, caption in known.items()), sep="\n")
        return 0
    first = next((place for place, word in enumerate(arguments) if word.startswith("--")), len(arguments))
    arguments, options = arguments[:first], arguments[first:]
    if unknown := sorted(set(arguments) - set(known)):
        print(f"no benchmark named {', '.join(unknown)}; there are {', '.join(known) or 'none'}", file=sys.stderr)
        return 1
    failed = 0
    for name in arguments or known:
        print(f"== {name}: {known[name]}", flush=True)
        start = time.perf_counter()
        failed += subprocess.run([sys.executable, "-m", f"tests.benchmarks.{name}", *options]).returncode != 0
        print(f"-- {time.perf_counter() - start:.1f} s", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
