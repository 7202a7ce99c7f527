"""Downloaded files kept in a folder: whole or not at all, each with its SHA-256 beside it, checked at every use."""

from __future__ import annotations

import hashlib
import http.client
import os
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from forecast.errors import ForecastError, Unavailable

BLOCK = 1 << 20  # bytes read at a time


def verified(path: Path) -> bool:
    """Say whether a kept file is there and is what was downloaded.

    Returns:
        False where there is no such file.

    Raises:
        ForecastError: the file is not the one whose checksum lies beside it, or no checksum does.
    """
    if not path.exists():
        return False
    recorded = _beside(path).read_text().split()[0] if _beside(path).is_file() else "no recorded checksum"
    found = _digest(path)
    if found != recorded:
        raise ForecastError(
            f"the file that was downloaded (SHA-256 {recorded})",
            f"SHA-256 {found} at {path}: it was changed or damaged",
            f"delete {path} to download it again",
        )
    return True


def download(
    url: str,
    path: Path,
    *,
    check: Callable[[Path], None],
    timeout: float,
    retries: int,
    pause: float,
) -> bool:
    """Bring a file to ``path``, replacing what is there, or leave everything as it was.

    Args:
        url: http or https address.
        path: where the file is kept; its checksum is written beside it as ``<name>.sha256``.
        check: called with the downloaded file before it lands; raises if it is not what it should be.
        timeout: seconds without an answer before a try is given up.
        retries: tries after the first.
        pause: seconds before the first retry, doubled before each further one.

    Returns:
        False if the server has no such file (404).

    Raises:
        ForecastError: the server refuses.
        Unavailable: every try failed, or brought a part of the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(retries + 1):
        if attempt:
            time.sleep(pause * 2 ** (attempt - 1))
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=f".part{path.suffix}", dir=path.parent)
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                _stream(url, file.write, timeout)
                os.fsync(file.fileno())
            check(part)
            _land(part, path)
            return True
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return False
            problem: Exception = error
            if _refused(error):
                break
        except (OSError, http.client.HTTPException, ForecastError) as error:
            problem = error
        finally:
            part.unlink(missing_ok=True)
    kind = ForecastError if _refused(problem) else Unavailable
    raise kind(
        f"the file {url}", f"{problem} (tried {attempt + 1} times)", "look at the network and source.url, and run again"
    ) from problem


def _refused(problem: Exception) -> bool:
    """Say whether the server's no is final: a client's fault, but for 429, too many requests."""
    return isinstance(problem, urllib.error.HTTPError) and problem.code < 500 and problem.code != 429


def _stream(url: str, write: Callable[[bytes], object], timeout: float) -> None:
    request = urllib.request.Request(url, headers={"User-Agent": "forecast-pipeline"})
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        promised, came = answer.headers.get("Content-Length"), 0
        while block := answer.read(BLOCK):
            write(block)
            came += len(block)
    if promised is not None and came != int(promised):
        raise OSError(f"{came} of {promised} bytes came")


def _land(part: Path, path: Path) -> None:
    """Move a checked download to its place; killed at any point, no file stands beside a checksum of another."""
    path.unlink(missing_ok=True)
    beside = part.with_name(part.name + ".sha256")
    beside.write_text(f"{_digest(part)}  {path.name}\n")
    beside.replace(_beside(path))
    part.replace(path)


def _beside(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
