"""Downloads: whole or not at all, tried again within bounds, checked at every use. The server is on loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from forecast.errors import ForecastError, Unavailable
from forecast.sources.download import download, verified


@pytest.fixture
def server() -> Iterator[Any]:
    """A server that answers each request with the next of ``server.answers``: a body, a status, or a way to fail."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = running.answers.pop(0)  # type: ignore[attr-defined]
            if isinstance(answer, int):
                self.send_error(answer)
                return
            if answer == "hang":
                time.sleep(0.6)
                return
            body = b"0123456789"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:4] if answer == "truncated" else body)

        def log_message(self, *args: Any) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def get(server: Any, path: Path, *answers: Any, check: Any = lambda part: None, **limits: Any) -> bool:
    server.answers = list(answers)
    url = f"http://127.0.0.1:{server.server_address[1]}/file"
    return download(url, path, check=check, **{"timeout": 0.3, "retries": 2, "pause": 0.0, **limits})


def test_a_file_lands_with_its_checksum_beside_it(server: Any, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.nc"
    assert not verified(path)
    assert get(server, path, "whole")
    assert path.read_bytes() == b"0123456789" and verified(path)
    digest = "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882"
    assert (tmp_path / "deep" / "a.nc.sha256").read_text() == f"{digest}  a.nc\n"
    assert sorted(item.name for item in path.parent.iterdir()) == ["a.nc", "a.nc.sha256"]


@pytest.mark.parametrize("failure", [500, 503, 429, "truncated", "hang"])
def test_a_failure_is_tried_again(server: Any, tmp_path: Path, failure: Any) -> None:
    assert get(server, tmp_path / "a.nc", failure, failure, "whole")
    assert verified(tmp_path / "a.nc") and server.answers == []


@pytest.mark.parametrize(
    ("failure", "words"), [(500, "500"), ("truncated", "4 of 10 bytes|IncompleteRead"), ("hang", "timed out")]
)
def test_tries_end_and_nothing_lands(server: Any, tmp_path: Path, failure: Any, words: str) -> None:
    with pytest.raises(Unavailable, match=rf"({words})(.|\n)*tried 3 times(.|\n)*look at the network"):
        get(server, tmp_path / "a.nc", *[failure] * 4)
    assert len(server.answers) == 1 and list(tmp_path.iterdir()) == []


def test_a_refusal_is_not_tried_again(server: Any, tmp_path: Path) -> None:
    with pytest.raises(ForecastError, match=r"403(.|\n)*tried 1 times") as raised:
        get(server, tmp_path / "a.nc", 403, "whole")
    assert not isinstance(raised.value, Unavailable)


def test_a_file_that_is_not_there_is_said_so(server: Any, tmp_path: Path) -> None:
    assert get(server, tmp_path / "a.nc", 404) is False
    assert list(tmp_path.iterdir()) == []


def test_a_failed_renewal_leaves_the_kept_file(server: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    get(server, path, "whole")
    with pytest.raises(ForecastError):
        get(server, path, "truncated", retries=0)
    assert verified(path)


def test_a_file_that_fails_its_check_does_not_land(server: Any, tmp_path: Path) -> None:
    def check(part: Path) -> None:
        raise ForecastError("maps", "a page that says no", "look")

    with pytest.raises(ForecastError, match="a page that says no"):
        get(server, tmp_path / "a.nc", "whole", check=check, retries=0)
    assert list(tmp_path.iterdir()) == []


def test_a_changed_file_is_refused_until_it_is_deleted(server: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    get(server, path, "whole")
    path.write_bytes(b"0123456780")
    with pytest.raises(
        ForecastError, match=r"the file that was downloaded(.|\n)*changed or damaged(.|\n)*delete .*a.nc"
    ):
        verified(path)
    path.unlink()
    assert not verified(path)


def test_a_file_without_a_checksum_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.nc").write_bytes(b"x")
    with pytest.raises(ForecastError, match="no recorded checksum"):
        verified(tmp_path / "a.nc")
