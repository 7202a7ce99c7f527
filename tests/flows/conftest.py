"""Flows as Prefect runs them: one temporary server for all tests, its folder apart from the user's, no analytics."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import tiny


@pytest.fixture(scope="session", autouse=True)
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The server. PREFECT_HOME is set before Prefect is imported, which is why nothing above imports it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_HOME", str(tmp_path_factory.mktemp("prefect")))
        patch.delenv("PREFECT_API_URL", raising=False)
        import flows  # noqa: F401  # its settings of the process first

        assert os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
        from prefect.settings import (
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
            PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW,
            temporary_settings,
        )
        from prefect.testing.utilities import prefect_test_harness

        quick = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None, PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW: "ignore"}
        with prefect_test_harness(server_startup_timeout=180), temporary_settings(quick):
            yield


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tiny.toml and its table."""
    folder = tmp_path_factory.mktemp("flows")
    tiny.write(folder)
    return folder
