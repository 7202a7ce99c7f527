"""One pipeline, for reading: its issues, their scores, the truth since. Opened once, it sees what is newest."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import Any

import xarray as xr

from forecast.archive import Archive
from forecast.errors import ForecastError
from forecast.query import times
from forecast.query.freshness import Freshness, cadence, freshness, moment
from forecast.query.issue import Issue, build
from forecast.query.names import NotFound, choose
from forecast.schema import LEAD, MEMBER, REFERENCE
from forecast.store import Store

KEPT = 8  # issues held open
HELD = 2**26  # bytes: an issue that is smaller (members apart) is held in memory
LEAD_IN = 2  # observations reach back this many times the forecast's length before it


@dataclass(frozen=True)
class Stamp:
    """One line of the list of issues; times in ISO 8601."""

    forecast_id: str
    reference_time: str
    issue_time: str
    model: str
    model_version: str
    data_version: str


class Reader:
    """The read side of one pipeline.

    Args:
        name: the pipeline's name.
        store: what was issued.
        archive: what was observed.
    """

    def __init__(self, name: str, store: Store, archive: Archive) -> None:
        self.name, self._store, self._archive = name, store, archive
        self._lock = RLock()  # the server answers from several threads
        self._seen: tuple[str, str] | None = None
        self._stamps: list[Stamp] = []
        self._scores: xr.Dataset | None = None
        self._open: OrderedDict[str, Issue] = OrderedDict()

    def issues(self) -> list[Stamp]:
        """Return the issues, newest first; empty before the first."""
        self._refresh()
        return self._stamps

    def _refresh(self) -> None:
        """Forget what was read where the store or the archive have a newer version (half a millisecond otherwise)."""
        seen = (self._store.version, self._archive.version)
        if seen != self._seen:
            with self._lock:
                self._stamps = [_stamp(row) for row in self._store.issues().iloc[::-1].to_dict("records")]
                self._scores = self._store.scores()
                self._open.clear()
                self._seen = seen

    def latest(self) -> Issue:
        """Return the newest issue.

        Raises:
            NotFound: nothing has been issued.
        """
        stamps = self.issues()
        if not stamps:
            raise NotFound(
                f"a forecast issued for {self.name}", "none", "run `forecast issue` with the pipeline's file"
            )
        return self._issue(stamps[0])

    def issue(self, forecast_id: str) -> Issue:
        """Return one issue.

        Raises:
            NotFound: no such issue; the nearest is suggested.
        """
        stamps = {stamp.forecast_id: stamp for stamp in self.issues()}
        return self._issue(stamps[choose("forecast_id", stamps, forecast_id)])

    def freshness(self, issue: Issue, now: datetime) -> Freshness:
        """Say how old an issue is at ``now``, against the time that usually lies between issues."""
        issued = [moment(stamp.issue_time) for stamp in self.issues()]
        usual = cadence([time for time in issued if time], issue.step.to_pytimedelta())
        return freshness(issue.data.attrs["issue_time"], issue.end, now, usual)

    def _issue(self, stamp: Stamp) -> Issue:
        with self._lock:
            if stamp.forecast_id not in self._open:
                self._open[stamp.forecast_id] = self._build(stamp)
                while len(self._open) > KEPT:
                    self._open.popitem(last=False)
            self._open.move_to_end(stamp.forecast_id)
            return self._open[stamp.forecast_id]

    def _build(self, stamp: Stamp) -> Issue:
        forecast, version = self._store.read(stamp.forecast_id), self._archive.version
        issue = build(forecast, self._scores, self._observed(forecast, version) if version else None)
        for data in (issue.data, issue.scores, issue.observed):
            small = data.drop_vars([name for name, array in data.items() if MEMBER in array.dims])
            if small.nbytes <= HELD:
                small.load()
        return issue

    def _observed(self, forecast: xr.Dataset, version: str) -> xr.Dataset:
        lead: Any = forecast[LEAD].values
        reference = forecast[REFERENCE].values[0]
        reach = lead[-1] if not hasattr(reference, "calendar") else lead[-1].astype("timedelta64[s]").item()
        return self._archive.load(version, start=reference - LEAD_IN * reach, end=reference + reach)


def _stamp(row: dict[Any, Any]) -> Stamp:
    told = [str(row[name]) for name in ("issue_time", "model", "model_version", "data_version")]
    return Stamp(str(row["forecast_id"]), times.text(row[REFERENCE]), *told)


def pipelines(home: Path) -> list[str]:
    """Return the names of the pipelines under ``home`` that have a store."""
    return sorted(path.parent.name for path in home.glob("*/store") if path.is_dir())


def open(home: Path, pipeline: str) -> Reader:
    """Open a pipeline for reading.

    Args:
        home: the folder of all pipelines.
        pipeline: its name.

    Raises:
        NotFound: no such pipeline; the known ones are listed.
    """
    folder = Path(home) / pipeline
    if not folder.is_dir() or Path(pipeline).name != pipeline:
        choose("pipeline", pipelines(Path(home)), pipeline)
        raise ForecastError(f"a folder {folder}", "none", "run the pipeline first")
    return Reader(pipeline, Store(folder / "store"), Archive(folder / "archive"))
