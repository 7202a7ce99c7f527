"""What is forecast at a place, as a table: a row a lead, with interval, baselines and the skill there."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from forecast.cli import show
from forecast.errors import ForecastError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from forecast.query import Issue

# Long names are folded, so that the table fits a hundred columns.
HEADS = {
    "persistence": "persis- tence",
    "damped_persistence": "damped persis- tence",
    "climatology": "climat- ology",
    "seasonal_naive": "season. naive",
}
SKILLS = ("persistence", "climatology")
CAPTION = "times are UTC and label the start of the step"
ENDINGS = {".csv": "csv", ".json": "json", ".nc": "netcdf"}
PLACES = 12  # series named when none was asked for


def find(home: Path, pipeline: str, at: str | None, tomorrow: bool, time: str | None) -> xr.Dataset:
    """Ask the newest issue of a pipeline.

    Args:
        home: folder of all pipelines.
        pipeline: its name.
        at: "lat,lon" in degrees, or the name of a series.
        tomorrow: the calendar day after the date of issue only.
        time: a valid time, a date, or a span "first/last" only.

    Raises:
        ForecastError: no place, or one outside the domain; a time outside the run; both kinds of time.
    """
    issue = _newest(home, pipeline, tomorrow, time)
    if at is None:
        raise ForecastError("a place", "none", _invitation(issue))
    return issue.series(at) if issue.kind == "series" else issue.at(*_point(at))


def _newest(home: Path, pipeline: str, tomorrow: bool, time: str | None) -> Issue:
    from forecast import query

    if tomorrow and time:
        raise ForecastError("--tomorrow or --time", "both", "leave one out")
    issue = query.open(home, pipeline).latest()
    return issue.tomorrow() if tomorrow else issue.valid_time(time) if time else issue


def format_of(output: Path) -> str:
    """Return the format of an answer at a place that a file's ending names.

    Raises:
        ForecastError: no such ending.
    """
    from forecast.query.names import choose

    return ENDINGS[choose("file ending of an answer at a place", ENDINGS, output.suffix, ForecastError)]


def export(home: Path, pipeline: str, output: Path, tomorrow: bool, time: str | None) -> None:
    """Write the newest issue of a pipeline, whole, to a file; its ending chooses the format.

    Args:
        home: folder of all pipelines.
        pipeline: its name.
        output: NAME.nc, .zarr, .csv, .geojson, or .png: the maps as a picture.
        tomorrow: the calendar day after the date of issue only.
        time: a valid time, a date, or a span "first/last" only.

    Raises:
        ForecastError: another ending; a picture of series; a time outside the run.
    """
    from forecast.query import export as files

    issue = _newest(home, pipeline, tomorrow, time)
    if output.suffix != ".png":
        files.save(issue, output)
    elif issue.kind == "series":
        raise ForecastError("maps for a picture", f"{pipeline}, a pipeline of series", "write .csv, or open the page")
    else:
        from forecast import figures

        data = issue.data[[issue.targets[0]]].load().expand_dims("forecast_reference_time")
        figures.maps(data, variable=issue.targets[0]).savefig(output, dpi=150)


def cube(home: Path, pipeline: str, output: Path | None) -> None:
    """Write all issues of a pipeline as one CF cube.

    Args:
        home: folder of all pipelines.
        pipeline: its name.
        output: NAME.nc or NAME.zarr.

    Raises:
        ForecastError: no file, another ending, or issues of other leads or cells.
    """
    from forecast import query
    from forecast.query import export as files

    if output is None:
        raise ForecastError("--output FILE for the cube", "a terminal", "add --output cube.nc")
    reader = query.open(home, pipeline)
    files.save_cube([reader.issue(stamp.forecast_id) for stamp in reader.issues()[::-1]], output)


def example(forecast: xr.Dataset) -> str:
    """Return a place of a forecast, as ``--at`` takes it: the first series, or the middle of the map."""
    if "series" in forecast.coords:
        return str(forecast["series"].values[0])
    middle = {dim: size // 2 for dim, size in forecast.sizes.items() if dim in ("lat", "lon", "y", "x")}
    lat, lon = (float(forecast[name].isel(middle, missing_dims="ignore")) for name in ("lat", "lon"))
    return f"{lat:g},{lon:g}"


def _invitation(issue: Issue) -> str:
    if issue.kind == "series":
        names = [str(name) for name in issue.data["series"].values]
        more = f" ... ({len(names)} in all)" if len(names) > PLACES else ""
        return f"add --at NAME, one of {', '.join(names[:PLACES])}{more}"
    return f"add --at LAT,LON in degrees, such as --at {example(issue.data)}"


def _point(text: str) -> tuple[float, float]:
    try:
        lat, lon = (float(part) for part in text.split(","))
    except ValueError as error:
        raise ForecastError("a point 'lat,lon' in degrees", repr(text), "write --at 51.5,-0.1") from error
    return lat, lon


def answer(found: xr.Dataset, variables: list[str]) -> None:
    """Print an answer.

    Args:
        found: what ``find`` returned.
        variables: columns to show; none shows a digest of all.

    Raises:
        ForecastError: an unknown column.
    """
    from forecast.query import formats

    frame = formats.frame(found, variables or None)
    attrs = found.attrs
    simulated = " [bold magenta]SIMULATED[/]" if attrs.get("simulated") == "yes" else ""
    axis = str(attrs.get("axis", ""))
    reference = found["forecast_reference_time"].values.ravel()[0]
    issued = f"after {_step(reference, axis)}" if axis else f"issued {str(attrs['issue_time'])[:16]} UTC"
    show.console.print(
        f"[bold]{escape(str(attrs['place']))}[/]{simulated}, {issued} by "
        f"{escape(attrs['model'])} {attrs['model_version']}, data {attrs['data_version']}",
        soft_wrap=True,
    )
    if variables:
        columns = ["valid time", "lead", *variables]
        rows = [[*_when(frame, row, axis), *(f"{row[name]:,.4g}" for name in variables)] for _, row in frame.iterrows()]
        show.table(_span(frame, axis), columns, rows, caption="" if axis else CAPTION)
    else:
        for name in found.data_vars:
            if f"{name}_quantile" in found:
                _digest(str(name), found, frame)
    for sentence in json.loads(attrs.get("degraded", "[]")):
        show.say(f"degraded: {sentence}")
    if "note" in attrs:
        show.say(str(attrs["note"]))


def _digest(target: str, found: xr.Dataset, frame: pd.DataFrame) -> None:
    levels, axis = found["quantile"].values, str(found.attrs.get("axis", ""))
    low, high = (frame[f"{target}_quantile_{level:g}"] for level in (levels[0], levels[-1]))
    digits = _digits(float((high - low).median()))
    parts = {target: frame[target]}
    if f"{target}_observed" in frame and frame[f"{target}_observed"].notna().any():
        parts["observed"] = frame[f"{target}_observed"]
    for name in map(str, found["baseline"].values):
        parts[HEADS.get(name, name.replace("_", " "))] = frame[f"{target}_baseline_{name}"]
    skills = {name: frame[f"{target}_skill_{name}"] for name in SKILLS if f"{target}_skill_{name}" in frame}
    columns = ["valid time", "lead", target, f"{levels[0]:.0%} to {levels[-1]:.0%}", *list(parts)[1:]]
    columns += [f"skill vs {HEADS[name]}" for name in skills]
    rows = []
    for place, row in frame.iterrows():
        values = [_number(part[place], digits) for part in parts.values()]
        interval = f"{_number(low[place], digits)} to {_number(high[place], digits)}"
        percent = ["–" if math.isnan(part[place]) else f"{100 * part[place]:+.0f} %" for part in skills.values()]
        rows.append([*_when(frame, row, axis), f"[bold]{values[0]}[/]", interval, *values[1:], *percent])
    caption = "" if axis else f"{CAPTION}; "
    caption += "skill: 1 - MSE / MSE of the baseline, here, over the test span" if skills else "no scores yet"
    about = found[target].attrs
    title = f"{str(about.get('long_name') or target).strip()} [{about.get('units', '1')}], {_span(frame, axis)}"
    show.table(title, columns, rows, caption=caption)


def _digits(width: float) -> int:
    """Return decimals so that an interval of this width shows two or three digits that tell."""
    return 1 if not width > 0 else min(8, max(0, 2 - math.floor(math.log10(width))))


def _number(value: float, digits: int) -> str:
    return "–" if math.isnan(value) else f"{value:,.{digits}f}"


def _span(frame: pd.DataFrame, axis: str) -> str:
    first, last = (_step(frame["valid_time"].iloc[place], axis) for place in (0, -1))
    return first if first == last else f"{first} to {last}"


def _step(written: Any, axis: str) -> str:
    """Return a valid time as its date, or by the name of its step."""
    import cftime
    import numpy as np

    from forecast.axes import label

    date = str(written)[:10]
    if axis in ("", "integer"):
        return label(np.datetime64(date), axis) if axis else date
    return label(cftime.datetime(*map(int, date.split("-")), calendar="360_day"), axis)


def _when(frame: pd.DataFrame, row: Any, axis: str) -> tuple[str, str]:
    """Return a valid time and a lead, as short as the rows beside it allow; the title holds the year."""
    from forecast.axes import label_lead

    if axis:
        return _step(row["valid_time"], axis), label_lead(timedelta(hours=float(row["lead_hours"])), axis)
    times, hours = frame["valid_time"].astype(str), frame["lead_hours"]
    short = 5 if len(set(times.str[:4])) == 1 else 0
    daily = bool((times.str[11:16] == "00:00").all() and (hours % 24 == 0).all())
    time = str(row["valid_time"])[short : 10 if daily else 16].replace("T", " ")
    return time, f"{row['lead_hours'] / 24:g} d" if daily else f"{row['lead_hours']:g} h"
