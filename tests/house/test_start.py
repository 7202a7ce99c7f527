"""The command line starts fast: asking for help loads no science, no scheduler, no server."""

from __future__ import annotations

import subprocess
import sys

from tests.house.reading import ROOT

SLOW = [
    "torch",
    "xarray",
    "pandas",
    "numpy",
    "scipy",
    "mlflow",
    "prefect",
    "matplotlib",
    "fastapi",
    "icechunk",
    "sqlalchemy",
]
CODE = """
import sys
from forecast.cli import main
sys.argv = ["forecast", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print("LOADED", *sorted(set({slow}) & set(sys.modules)))
"""


def test_help_loads_none_of_the_slow_libraries() -> None:
    code = CODE.format(slow=SLOW)
    done = subprocess.run([sys.executable, "-c", code, "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Usage: forecast" in done.stdout
    assert done.stdout.splitlines()[-1].split() == ["LOADED"]
