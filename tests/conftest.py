"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data, from FORECAST_TEST_DATA; the test is skipped, saying so, where there is none."""
    folder = os.environ.get("FORECAST_TEST_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("no real data: set FORECAST_TEST_DATA to a folder that holds them (see data/README.md)")
    return Path(folder)
