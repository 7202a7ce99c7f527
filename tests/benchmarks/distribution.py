"""Distribution: what members and quantiles are worth on 2008's pressure maps, calibrated on 2007, the ridge beside.

``python -m tests.benchmarks.distribution FILE.nc ...`` adds forecasts from files: ``slp`` in Pa, with the dimensions
(forecast_reference_time, lead, lat, lon), valid in 2007 and 2008. The ridge is fitted here. Scores are area means over
the 366 days of 2008.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import xarray as xr

from forecast import schema, verification
from forecast.baselines.linear import Linear
from forecast.calibration import Calibration
from forecast.schema import LEAD, REFERENCE
from forecast.windows import Split

FILE = "ncep_slp_natl_2001_2008.nc"
DAYS = {
    "train": ("2001-01-01", "2006-12-31"),
    "validate": ("2007-01-01", "2007-12-31"),
    "test": ("2008-01-01", "2008-12-31"),
}
LEADS, LEVELS, MEMBERS = 5, [0.05, 0.5, 0.95], 20
ASKED = [2.28, 3.80, 4.45]
PUBLISHED = [2.46, 3.91, 4.50]


def ridge(observed: xr.DataArray, split: Split) -> xr.DataArray:
    """Return the ridge's forecasts for 2007 and 2008."""
    baseline = Linear()
    baseline.fit(split.select(observed, split.train), LEADS, split.select(observed, split.validate))
    first = int(observed.get_index("time").get_loc("2007-01-01"))
    return baseline.forecast(observed, observed["time"].values[first - LEADS : -1])


def show(name: str, forecast: xr.DataArray, observed: xr.DataArray, split: Split) -> None:
    """Calibrate on the calibration blocks of 2007 and print the scores of 2008."""
    begun = time.perf_counter()
    learned = Calibration.fit(verification.within(forecast, *split.calibration), observed, LEVELS, MEMBERS, 0)
    test = verification.within(forecast, DAYS["test"])
    members, bounds = learned.members(test), learned.quantiles(test)
    given = {"over": [dim for dim in test.dims if dim != LEAD], "weights": schema.area_weights(observed)}
    print(f"== {name}: {MEMBERS} members, calibrated and dressed in {time.perf_counter() - begun:.0f} s")
    print(row("rmse, hPa", verification.rmse(test, observed, **given) / 100))
    print(row("crps, hPa (not 'fair')", verification.crps(members, observed, **given) / 100))
    print(row("coverage of 90 %, %", 100 * verification.coverage(bounds, observed, **given), 1))
    valid = xr.DataArray(schema.valid_times(test[REFERENCE].values, test[LEAD].values), dims=(REFERENCE, LEAD))
    for season in ("DJF", "MAM", "JJA", "SON"):
        part = bounds.where(valid.dt.season == season)
        print(row(f"  {season}", 100 * verification.coverage(part, observed, **given), 1))
    print(row("mean width, hPa", verification.width(bounds, observed, **given) / 100, 2))
    apart = verification.spread_skill(members, observed, bins=1, **given)
    print(row("spread / error of mean", (apart["spread"] / apart["error"]).isel(bin=0), 3))


def row(name: str, values: xr.DataArray | list[float], digits: int = 3) -> str:
    """Return a line of figures by lead."""
    return f"{name:26}" + "".join(f"{value:>9.{digits}f}" for value in np.asarray(values))


def main() -> None:
    """Print the ridge's distribution, and that of each file named."""
    data = Path(os.environ.get("FORECAST_TEST_DATA", ""))
    if not (data / FILE).is_file():
        print(f"skipped: no {FILE} in FORECAST_TEST_DATA")
        return
    observed = xr.open_dataset(data / FILE)["slp"].transpose("time", "lat", "lon").sortby("lat").load()
    wanted = SimpleNamespace(train=DAYS["train"], validate_=DAYS["validate"], test=DAYS["test"], gap=None)
    split = Split.from_config(wanted, observed["time"].values, LEADS, pd.Timedelta("1D"))
    print(row("lead, days", list(range(1, LEADS + 1)), 0))
    print(row("crps asked for", ASKED))
    print(row("crps, ridge, published", PUBLISHED))
    show("ridge", ridge(observed, split), observed, split)
    for path in sys.argv[1:]:
        forecast = xr.open_dataset(path)["slp"].load()
        lead = schema.leads(forecast.sizes[LEAD], pd.Timedelta("1D"))
        show(Path(path).stem, forecast.assign_coords({LEAD: lead}), observed, split)


if __name__ == "__main__":
    main()
