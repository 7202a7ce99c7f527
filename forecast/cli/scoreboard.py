"""The comparison on the terminal: every forecaster beside every baseline, the best of each column in bold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from forecast.cli import show

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr

    from forecast.verification.panel import Scores

MOST_LEADS = 6
CHOSEN_STEPS = (1, 3, 6, 12, 24, 48)  # of more leads than fit, those of most interest in hourly data
SHORT = {"persistence": "persist.", "climatology": "climat."}  # so that six leads, CRPS and coverage fit 100 columns


@dataclass(frozen=True)
class Column:
    """One column: its heading, a value for each forecaster, how a value is written, whether the highest is best."""

    head: str
    values: np.ndarray
    form: str
    highest: bool = False

    @property
    def best(self) -> int:
        """Place of the best value; NaN is never it."""
        ranks = [float("-inf") if value != value else value if self.highest else -value for value in self.values]
        return ranks.index(max(ranks))

    def cell(self, place: int) -> str:
        """Write one value: the best in bold, a dash for none."""
        value = self.values[place]
        text = "–" if value != value else format(value, self.form)
        return f"[bold green]{text}[/]" if place == self.best else text


def scoreboard(target: str, scores: xr.Dataset, *, champion: str, title: str) -> None:
    """Print the scores of one target.

    Args:
        target: its name.
        scores: ``verification.table``.
        champion: who is marked.
        title: the span and the data.
    """
    units, factor = _readable(scores["rmse"])
    columns = _columns(scores, factor)
    covered = 100 * scores["coverage"].mean("lead").values
    rows = []
    for place, name in enumerate(map(str, scores["forecaster"].values)):
        label = f"[bold]{escape(name)} ◄[/]" if name == champion else escape(name)
        rows.append([label, *(column.cell(place) for column in columns), f"{covered[place]:.0f} %"])
    heads = ["forecaster", *(column.head for column in columns), "cover"]
    show.table(f"{target}: RMSE [{units}] by lead, {title}", heads, rows, caption=_caption(scores))


def series_board(target: str, found: Scores, *, champion: str, title: str, axis: str = "") -> None:
    """Print the scores of one target of a table of series: MASE first, over all leads and at some.

    Args:
        target: its name.
        found: ``verification.panel.score``.
        champion: who is marked.
        title: the span and the data.
        axis: what the steps are called, as the data's attribute ``axis``.
    """
    whole, by_lead = found.whole, found.lead
    columns = [Column("MASE", whole["mase"].values, ".3f"), Column("sMAPE", whole["smape"].values, ".2f")]
    if "wql" in whole:
        columns.append(Column("WQL", whole["wql"].values, ".4f"))
    if "msis" in whole:
        columns.append(Column("MSIS", whole["msis"].values, ".2f"))
    mase = by_lead["mase"].transpose("lead", "forecaster")
    some = by_lead["lead"].values[[0, -1]] if by_lead.sizes["lead"] > 1 else by_lead["lead"].values
    columns += [Column(f"MASE {_span(lead, axis)}", mase.sel(lead=lead).values, ".3f") for lead in some]
    covered = sorted(str(name) for name in whole.data_vars if str(name).startswith("coverage_"))
    rows = []
    for place, name in enumerate(map(str, whole["forecaster"].values)):
        label = f"[bold]{escape(name)} ◄[/]" if name == champion else escape(name)
        shares = [float(whole[one][place]) for one in covered]
        cells = ["–" if share != share else f"{100 * share:.0f} %" for share in shares]
        rows.append([label, *(column.cell(place) for column in columns), *cells])
    heads = [
        "forecaster",
        *(column.head for column in columns),
        *(name.replace("coverage_", "in ") for name in covered),
    ]
    told = ["mase", "smape", "wql", "msis", *covered]
    lines = [f"{name.replace('coverage_', 'in ')}: {whole[name].attrs['definition']}" for name in told if name in whole]
    count = f"{whole.attrs['series']:,} series"
    if whole.attrs["left_out"]:
        count += f", {whole.attrs['left_out']:,} of them too short or constant, left out of MASE and MSIS"
    show.table(f"{target}: {count}, {title}", heads, rows, caption="\n".join(lines))


def _columns(scores: xr.Dataset, factor: float) -> list[Column]:
    """Return RMSE at some leads, skill against persistence and climatology, and the CRPS."""
    rmse = factor * scores["rmse"].transpose("lead", "forecaster")
    columns = [Column(_span(lead), rmse.sel(lead=lead).values, ".3f") for lead in _leads(scores)]
    mse = (scores["rmse"] ** 2).mean("lead")
    for baseline, short in SHORT.items():
        if baseline in scores["baseline"].values:
            gain = 100 * (1 - mse / mse.sel(forecaster=baseline)).values
            columns.append(Column(f"skill vs {short} %", gain, "+.1f", highest=True))
    if "crps" not in scores:
        return columns
    return [*columns, Column("CRPS", factor * scores["crps"].mean("lead").values, ".2f")]


def _caption(scores: xr.Dataset) -> str:
    nominal = 100 * float(scores["nominal"].mean())
    skill = scores["skill"].attrs["definition"]
    lines = {
        "RMSE": scores["rmse"].attrs["definition"],
        "skill": f"against persistence and climatology; {skill}; here MSE is the mean over all leads, in %",
        "CRPS": f"{scores['crps'].attrs['definition']}; mean over all leads" if "crps" in scores else "",
        "cover": f"{scores['coverage'].attrs['definition']} ({nominal:.0f} %); mean over all leads",
    }
    return "\n".join(f"{name}: {text}" for name, text in lines.items() if text)


def _leads(scores: xr.Dataset) -> Any:
    lead = scores["lead"].values
    return lead if len(lead) <= MOST_LEADS else lead[[step - 1 for step in CHOSEN_STEPS if step <= len(lead)]]


def _span(lead: Any, axis: str = "") -> str:
    if axis:
        from forecast.axes import label_lead

        return label_lead(lead, axis)
    hours = int(lead.astype("timedelta64[h]").astype(int))
    return f"{hours // 24} d" if hours % 24 == 0 else f"{hours} h"


def differences(target: str, interval: xr.Dataset) -> list[str]:
    """Return one line a lead: the difference of two forecasters' RMSE, its bootstrap interval, and p of the test.

    Of tables of series one line over all leads, of MASE.

    Args:
        target: its name.
        interval: ``verification.paired`` with p, or ``paired_series``; the forecasters' names as attributes a and b.
    """
    if "whole_difference" in interval:
        return [_whole(target, interval)]
    units, factor = _readable(interval["difference"])
    lines = []
    for lead in _leads(interval):
        row = interval.sel(lead=lead)
        difference, lower, upper = (factor * float(row[name]) for name in ("difference", "lower", "upper"))
        who = f"RMSE of {interval.attrs['a']} - {interval.attrs['b']}"
        bounds = f"{100 * interval.attrs['level']:.0f} % interval {lower:+.3f} to {upper:+.3f}"
        chance = f"Diebold-Mariano p {_chance(float(row['p']))}"
        lines.append(f"{target} at {_span(lead)}: {who} = {difference:+.3f} {units}, {bounds}, {chance}")
    return lines


def _whole(target: str, interval: xr.Dataset) -> str:
    difference, lower, upper = (float(interval[f"whole_{name}"]) for name in ("difference", "lower", "upper"))
    who = f"{target}: MASE of {interval.attrs['a']} - {interval.attrs['b']} = {difference:+.3f}"
    bounds = f"{100 * interval.attrs['level']:.0f} % interval {lower:+.3f} to {upper:+.3f}"
    return f"{who}, {bounds} ({interval.attrs['drawn']} drawn)"


def _chance(p: float) -> str:
    return "unknown" if p != p else "< 0.001" if p < 0.001 else f"= {p:.3f}"


def _readable(score: xr.DataArray) -> tuple[str, float]:
    from forecast.units import readable

    return readable(str(score.attrs.get("units", "")))
