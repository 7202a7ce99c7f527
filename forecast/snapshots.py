"""A folder of snapshots: transactional zarr (Icechunk), one writer at a time, readers never wait.

The archive and the store both keep their data so; only this file knows Icechunk. A commit is all or nothing: a
process killed at any moment leaves the snapshot before. Icechunk's local folders are not safe for two commits at the
same instant, so a file lock is held from before reading until after the commit; the lock dies with its process.
Times are written as whole seconds since 1970-01-01 in their own calendar, fixed at creation.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cftime
import icechunk
import numpy as np
from filelock import FileLock, Timeout

from forecast.errors import ForecastError

TIME_UNITS = "seconds since 1970-01-01"
BRANCH = "main"
# References to chunks are listed in shards of this many rows, so that a commit rewrites the last shard only.
SHARD = 128

# The folder's own warning about commits at the same instant: the lock answers it.
icechunk.set_logs_filter("error")


@dataclass(frozen=True)
class Version:
    """One snapshot: its id, when it was written (UTC), what changed."""

    id: str
    written: datetime
    message: str


class Snapshots:
    """Versioned zarr in a local folder.

    Args:
        path: the folder; it is created by the first write.
        patience: seconds a writer waits for another one.
    """

    def __init__(self, path: Path | str, patience: float = 600.0) -> None:
        self.path, self.patience = Path(path), patience

    @property
    def newest(self) -> str:
        """Id of the newest snapshot, "" before the first write."""
        repository = self._open()
        if repository is None:
            return ""
        newest = repository.lookup_branch(BRANCH)
        return newest if repository.lookup_snapshot(newest).parent_id else ""

    def history(self) -> list[Version]:
        """Return every snapshot, newest first."""
        repository = self._open()
        ancestry = [] if repository is None else list(repository.ancestry(branch=BRANCH))
        return [Version(one.id, one.written_at, one.message) for one in ancestry if one.parent_id]

    def read(self, version: str | None = None) -> Any:
        """Return a read-only zarr store of one snapshot (None: the newest), unmoved by later writes.

        Raises:
            ForecastError: nothing has been written, or there is no such snapshot.
        """
        repository = self._open()
        if repository is None or not self.newest:
            raise ForecastError("something written before", f"nothing at {self.path}", "run the stage that writes it")
        try:
            session = repository.readonly_session(BRANCH if version is None else None, snapshot_id=version)
        except (icechunk.IcechunkError, ValueError) as error:
            known = ", ".join(one.id for one in self.history()[:5])
            raise ForecastError(f"a version, the newest being {known}", repr(version), "choose one of them") from error
        return session.store

    @contextmanager
    def write(self) -> Iterator[icechunk.Session]:
        """Hold the lock and give a session on the newest snapshot; what is not committed is dropped.

        Raises:
            ForecastError: another writer held the lock for longer than ``patience``.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path / "writer.lock", timeout=self.patience)
        try:
            lock.acquire()
        except Timeout as error:
            got = f"another process writing to {self.path} for {self.patience:g} s"
            raise ForecastError("one writer at a time", got, "wait for it, or end it") from error
        try:
            yield (self._open() or self._create()).writable_session(BRANCH)
        finally:
            lock.release()

    @property
    def _folder(self) -> Path:
        return self.path / "icechunk"

    def _storage(self) -> icechunk.Storage:
        return icechunk.local_filesystem_storage(str(self._folder))

    def _open(self) -> icechunk.Repository | None:
        return icechunk.Repository.open(self._storage()) if self._folder.is_dir() else None

    def _create(self) -> icechunk.Repository:
        """Create the repository beside its place and rename it, so that a death in between leaves nothing half made."""
        rows: Any = {icechunk.ManifestSplitDimCondition.Axis(0): SHARD}
        splitting = icechunk.ManifestSplittingConfig.from_dict({icechunk.ManifestSplitCondition.AnyArray(): rows})
        config = icechunk.RepositoryConfig(manifest=icechunk.ManifestConfig(splitting=splitting))
        with TemporaryDirectory(dir=self.path, prefix="new-") as folder:
            beside = Path(folder) / "icechunk"
            icechunk.Repository.create(icechunk.local_filesystem_storage(str(beside)), config=config).save_config()
            beside.rename(self._folder)
        return icechunk.Repository.open(self._storage())


def seconds(times: np.ndarray) -> np.ndarray:
    """Return times of any calendar as whole seconds since 1970-01-01 (int64, same shape).

    Raises:
        ForecastError: a time falls between two seconds.
    """
    times = np.asarray(times)
    if np.issubdtype(times.dtype, np.datetime64):
        whole = times.astype("datetime64[s]")
        exact = bool((whole == times).all())
        number = whole.astype("int64")
    else:
        exact = all(time.microsecond == 0 for time in times.ravel())
        number = np.asarray(cftime.date2num(times, TIME_UNITS, calendar(times))).round().astype("int64")
    if not exact:
        raise ForecastError("times on whole seconds", f"{times.ravel()[:2]}", "round the times in the source")
    return number


def calendar(times: np.ndarray) -> str:
    """Return the calendar of times: "proleptic_gregorian" for datetime64, else that of the cftime objects."""
    times = np.asarray(times)
    return "proleptic_gregorian" if np.issubdtype(times.dtype, np.datetime64) else str(times.ravel()[0].calendar)


def moments(number: np.ndarray, calendar: str) -> np.ndarray:
    """Return the times that ``seconds`` turned into numbers: datetime64[ns], or cftime in any other calendar."""
    if calendar == "proleptic_gregorian":
        return number.astype("datetime64[s]").astype("datetime64[ns]")
    return np.asarray(cftime.num2date(number, TIME_UNITS, calendar))
