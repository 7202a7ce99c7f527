"""A real server on a free loopback port, and a real browser."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright

from dashboards.server import page as mounted
from forecast.serve import create_app
from tests import fabricated

NOW = [datetime(2008, 12, 29, 9, tzinfo=UTC)]
"""The server's present; a test may set its only element."""
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with a map, its simulated twin, a projected one, three series, one that is bare."""
    home = tmp_path_factory.mktemp("page")
    fabricated.map_pipeline(home)
    fabricated.map_pipeline(home, "sim", simulated="yes")
    fabricated.projected_pipeline(home)
    fabricated.series_pipeline(home)
    (home / "bare").mkdir()
    app = mounted(create_app(home, ["slp", "sim", "load", "arctic", "bare"], lambda: NOW[0]))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=10)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; the test is skipped, saying so, where it is not installed."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no chromium: `apt-get install chromium` runs the page's tests")
    expect.set_options(timeout=30_000)  # a busy machine takes many times the usual second
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A fresh page at desk size; the test fails where a script failed or a request left this machine."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("request", lambda sent: failures.append(sent.url) if not sent.url.startswith((address, "data:")) else None)
    yield page
    context.close()
    assert not failures
