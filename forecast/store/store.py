"""What one pipeline has issued. An issue of the same versions replaces the former one; one of other versions stands
beside it: what a user acted on stays.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
import zarr

from forecast import schema
from forecast.errors import ForecastError
from forecast.snapshots import Snapshots
from forecast.store import rows


class Store:
    """What one pipeline has issued, in a local folder. Readers see the newest commit and never wait for a writer.

    Args:
        path: the folder; the first write creates it.
    """

    def __init__(self, path: Path | str) -> None:
        self._snapshots = Snapshots(path)

    @property
    def version(self) -> str:
        """Id of the newest commit, "" before the first write: what was read under it is still all there is."""
        return self._snapshots.newest

    def write_issue(self, forecast: xr.Dataset, state: dict[str, np.ndarray] | None = None) -> str:
        """Write a forecast and the state after its reference time as one commit.

        Args:
            forecast: one reference time (schema.check_forecast), with the attributes forecast_id, issue_time (ISO 8601,
                UTC), model, model_version, data_version.
            state: arrays by name (numbers, booleans or datetime64, any shape), or None.

        Returns:
            The id under which it is found: its forecast_id, with "-r2", "-r3"... where that id stands already for
            other versions (of the data, say).

        Raises:
            ForecastError: the forecast breaks its contract; nothing is written.
        """
        forecast = rows.complete(schema.check_forecast(forecast))
        with self._snapshots.write() as session:
            index = rows.index(session.store)
            name, former = rows.place(index, forecast.attrs)
            order = 1 + max(index["order"], default=0)
            rows.write(rows.from_forecast(forecast, name, state or {}, order), session.store, former)
            session.commit(f"issue {name}")
        return name

    def issues(self) -> pd.DataFrame:
        """Return one row an issue, sorted by reference time, issue time, order of writing; empty before any.

        Columns: forecast_id, forecast_reference_time (Timestamp or cftime), issue_time (text), model, model_version,
        data_version, code_version ("" where it was not given).
        """
        return rows.index(self._reading())[list(rows.COLUMNS)]

    def latest(self) -> xr.Dataset:
        """Return the forecast of the newest reference time; of several, the one issued last. Read lazily.

        Raises:
            ForecastError: nothing has been issued.
        """
        store = self._reading()
        index = rows.index(store)
        if index.empty:
            raise ForecastError("at least one issued forecast", "none", "run `forecast issue PIPELINE`")
        return rows.read(store, index.iloc[-1])

    def read(self, forecast_id: str) -> xr.Dataset:
        """Return one issue as it was written (contract of forecasts), read lazily.

        Raises:
            ForecastError: there is none of that id; the nearest is named.
        """
        store = self._reading()
        return rows.read(store, rows.find(rows.index(store), forecast_id))

    def state(self, forecast_id: str) -> dict[str, np.ndarray] | None:
        """Return the state written with an issue, None where there was none.

        Raises:
            ForecastError: there is none of that id; the nearest is named.
        """
        store = self._reading()
        return rows.state(store, rows.find(rows.index(store), forecast_id))

    def scores(self) -> xr.Dataset | None:
        """Return the scores written last, read lazily; None before the first."""
        store = self._reading()
        if store is None or "scores" not in zarr.open_group(store, mode="r"):
            return None
        return rows.texts(xr.open_zarr(store, group="scores", consolidated=False, chunks=None))

    def write_champion(self, record: dict[str, Any], scores: xr.Dataset | None = None) -> None:
        """Add a champion to the record, with the scores that it won by, as one commit.

        Args:
            record: any JSON; the same as the present one adds nothing.
            scores: replace the scores; None leaves them.

        Raises:
            ForecastError: the record holds what JSON cannot.
        """
        try:
            record = json.loads(json.dumps(record))
        except TypeError as error:
            raise ForecastError("a champion's record as JSON", str(error), "use text, numbers, lists") from error
        with self._snapshots.write() as session:
            new = record != self.champion()
            if new:
                zarr.open_group(session.store, mode="a").attrs["champions"] = [*self.champions(), record]
            if scores is not None:
                rows.objects(scores).to_zarr(session.store, group="scores", mode="w", consolidated=False)
            if new or scores is not None:
                session.commit(f"champion {record.get('name', '')}")

    def champions(self) -> list[dict[str, Any]]:
        """Return every champion's record, the present one last."""
        store = self._reading()
        kept: Any = [] if store is None else zarr.open_group(store, mode="r").attrs.get("champions", [])
        return list(kept)

    def champion(self) -> dict[str, Any] | None:
        """Return the present champion's record, None before the first."""
        return next(iter(self.champions()[::-1]), None)

    def _reading(self) -> Any:
        return self._snapshots.read() if self._snapshots.newest else None
