"""Settings of the process itself, its clock and its home: made once, where a command, a flow or a server starts.

They must stand before torch is loaded (docs/decisions/0004-process-settings.md).
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEEP = 1 << 30  # bytes: freed memory below this stays with the process

_DEFAULTS = {
    "OMP_WAIT_POLICY": "PASSIVE",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",  # its own 20 are too few on a busy machine
}


def settle(threads: int | None = None) -> None:
    """Make idle threads sleep, keep freed memory, and stay off the network.

    Waiting OpenMP threads that spin slow a small step from 3 ms to seconds beside another busy process; tensors
    over 32 MiB are otherwise handed back to the system and faulted in again at every step (glibc only).
    What the user has set in the environment stands, but for ``threads``: how many torch may use, None for any.
    """
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    if threads is not None:
        os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(threads)
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(threads)
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(M_MMAP_THRESHOLD, KEEP)
        libc.mallopt(M_TRIM_THRESHOLD, KEEP)


def home() -> Path:
    """Return where working data live: ``$FORECAST_HOME``, by default ./forecast-data."""
    return Path(os.environ.get("FORECAST_HOME", "forecast-data")).expanduser().resolve()


def now() -> datetime:
    """Return the present in UTC: the one clock of the command line and the server."""
    return datetime.now(UTC)


def cores() -> int:
    """Return how many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_seconds() -> float:
    """Return the processor time that this process has used."""
    return time.process_time()
