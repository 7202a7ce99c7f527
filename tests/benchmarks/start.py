"""Start: how long `forecast --help` takes, beside Python itself, and what it imports (aim: under 0.3 s, no science)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
HELP = "import sys; from forecast.cli import main; sys.argv = ['forecast', '--help']; main()"
HEAVY = ("torch", "xarray", "pandas", "numpy", "mlflow", "prefect", "matplotlib", "fastapi", "icechunk", "pydantic")
TIMES = 10


def _run(code: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)


def _seconds(code: str) -> float:
    begun = time.perf_counter()
    _run(code)
    return time.perf_counter() - begun


def main() -> None:
    """Interleave the two, so that a busy machine slows both."""
    _run(HELP)  # the first one compiles
    pairs = [(_seconds("pass"), _seconds(HELP)) for _ in range(TIMES)]
    bare, helped = (median(column) for column in zip(*pairs, strict=True))
    listing = _run(f"import sys, atexit\natexit.register(lambda: print(*sorted(sys.modules), file=sys.stderr))\n{HELP}")
    modules = listing.stderr.split()
    heavy = [name for name in HEAVY if name in modules]
    print(f"{'':24}{'median s':>10}{'best s':>10}")
    print(f"{'python -c pass':24}{bare:>10.3f}{min(first for first, _ in pairs):>10.3f}")
    print(f"{'forecast --help':24}{helped:>10.3f}{min(second for _, second in pairs):>10.3f}")
    print(f"ratio {helped / bare:.1f}; {len(modules)} modules imported, heavy ones: {', '.join(heavy) or 'none'}")


if __name__ == "__main__":
    main()
