"""One home with a map and a series pipeline, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import fabricated


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("serve")
    fabricated.map_pipeline(folder)
    return fabricated.series_pipeline(folder)
