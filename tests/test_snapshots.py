"""Snapshots: what survives a kill, what two writers leave, what a reader sees (through the archive)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import cftime
import numpy as np
import pytest
import xarray as xr

from forecast.archive import Archive
from forecast.errors import ForecastError
from forecast.snapshots import moments, seconds

CHILD = """
import sys, time
import icechunk
sys.path.insert(0, "tests")
from test_snapshots import days
from forecast.archive import Archive
"""


def days(first: int, last: int, *, offset: float = 0.0) -> xr.Dataset:
    """Days of 2001, [first, last]; the value of day d is d + offset."""
    time = xr.date_range("2001-01-01", periods=60, freq="D")[first - 1 : last]
    values = np.arange(first, last + 1.0)[:, None] + offset
    return xr.Dataset({"temp": (("time", "series"), values, {"units": "degF"})}, {"time": time, "series": ["EWR"]})


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


def child(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD + code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])


HANG = """
def hang(*args, **kwargs):
    print("written", flush=True)
    time.sleep(60)
icechunk.Session.commit = hang
Archive(sys.argv[1]).append(days(int(sys.argv[2]), 50))
"""


@pytest.mark.parametrize("first", [True, False])
def test_a_writer_killed_before_its_commit_leaves_the_version_before(
    archive: Archive, tmp_path: Path, first: bool
) -> None:
    version = "" if first else archive.append(days(5, 20)).version
    process = child(HANG, tmp_path / "archive", 1)
    assert process.stdout is not None and process.stdout.readline() == "written\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert archive.version == version
    if not first:
        xr.testing.assert_equal(archive.load().load(), days(5, 20))
    archive.append(days(1, 50))
    xr.testing.assert_equal(archive.load().load(), days(1, 50))


LOOP = """
archive = Archive(sys.argv[1])
for day in range(3, 60):
    archive.append(days(day, day))
    print(day, flush=True)
"""


def test_a_writer_killed_at_any_moment_leaves_whole_days(archive: Archive, tmp_path: Path) -> None:
    archive.append(days(1, 2))
    for wait in (1, 4):
        process = child(LOOP, tmp_path / "archive")
        assert process.stdout is not None
        done = [int(process.stdout.readline()) for _ in range(wait)][-1]
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        last = archive.load().sizes["time"]
        assert last >= done
        xr.testing.assert_equal(archive.load().load(), days(1, last))


ALTERNATE = """
archive = Archive(sys.argv[1])
for day in range(int(sys.argv[2]), 13, 2):
    archive.append(days(day, day))
"""


def test_two_writers_at_once_both_land(archive: Archive, tmp_path: Path) -> None:
    archive.append(days(1, 2))
    writers = [child(ALTERNATE, tmp_path / "archive", first) for first in (3, 4)]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    xr.testing.assert_equal(archive.load().load(), days(1, 12))
    assert len(archive.versions()) == 11


def test_a_writer_that_waits_too_long_is_told(archive: Archive) -> None:
    archive.append(days(1, 2))
    archive._snapshots.patience = 0.05
    with (
        archive._snapshots.write(),
        pytest.raises(ForecastError, match="one writer at a time(.|\n)*for 0.05 s(.|\n)*wait"),
    ):
        archive.append(days(3, 3))
    archive.append(days(3, 3))


def test_a_reader_keeps_its_version_while_a_writer_commits(archive: Archive) -> None:
    archive.append(days(1, 3))
    before = archive.load()
    archive.append(days(1, 4, offset=1))
    assert before.temp.values[:, 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize("calendar", ["360_day", "noleap", "julian"])
def test_seconds_count_in_their_own_calendar(calendar: str) -> None:
    times = np.array(
        [cftime.datetime(1970, 1, 2, calendar=calendar), cftime.datetime(1971, 1, 1, 6, calendar=calendar)]
    )
    year = 360 if calendar == "360_day" else 365
    assert seconds(times).tolist() == [86_400, year * 86_400 + 21_600]
    assert moments(seconds(times), calendar).tolist() == times.tolist()


def test_seconds_of_the_civil_calendar_come_back_as_nanoseconds() -> None:
    times = np.array(["1969-12-31T23:59:59", "2001-01-01"], "datetime64[ns]")
    assert seconds(times).tolist() == [-1, 978_307_200]
    np.testing.assert_array_equal(moments(seconds(times), "proleptic_gregorian"), times)
