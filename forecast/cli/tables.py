"""What each stage did, as a table on the terminal or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape

from forecast.cli import show
from forecast.cli.scoreboard import CHOSEN_STEPS, MOST_LEADS, differences, scoreboard, series_board

if TYPE_CHECKING:
    from forecast.quality import Finding
    from forecast.stages.check import Checked
    from forecast.stages.comparison import Comparison
    from forecast.stages.ingest import Ingested
    from forecast.stages.issue import Issued
    from forecast.stages.train import Trained
    from forecast.stages.verify import Verified


def checked(done: Checked, json: bool) -> None:
    """Show what a pipeline file will do before it does it."""
    if json:
        show.as_json(done.facts)
        return
    show.facts("The pipeline is sound", done.facts)


def ingested(done: Ingested, json: bool) -> None:
    """Show what became of the observations, and what the quality rules found."""
    receipt = done.receipt
    counts = {name: getattr(receipt, name) for name in ("new", "corrected", "late", "unchanged", "missing")}
    if json:
        findings = [vars(finding) for finding in done.findings]
        show.as_json({"version": receipt.version, **counts, "findings": findings, **done.observed})
        return
    observed = done.observed
    show.say(f"{observed['title']}: {observed['variables']}, {observed['sizes']}, {observed['span']}")
    if "series" in observed:
        show.say(observed["series"])
    if receipt.changed:
        show.say("archived: " + ", ".join(f"{count} {name}" for name, count in counts.items() if count))
    else:
        show.say(f"nothing new: all {receipt.unchanged} steps are in the archive already; the data version stays")
    for finding in done.findings:
        show.say(f"quality: {_told(finding)}")
    show.say(f"data version {receipt.version}")


def _told(finding: Finding) -> str:
    what = f"{finding.rule} of {finding.variable}" if finding.variable else finding.rule
    return (
        f"{what}: {finding.count} {finding.action} ({finding.example})"
        if finding.count
        else f"{what}: {finding.action} ({finding.example})"
    )


def trained(done: Trained, json: bool) -> None:
    """Show how each model and baseline was learned."""
    rows = [vars(entry) for entry in done.entries]
    if json:
        show.as_json({"data_version": done.data_version, "parent_run": done.parent_run, "entries": rows})
        return
    columns = ("name", "family", "parameters", "best epoch", "early loss", "seconds")
    cells: list[list[Any]] = []
    for entry in done.entries:
        loss = None if entry.early_loss is None else f"{entry.early_loss:.4f}"
        parameters = f"{entry.parameters:,}" if entry.family == "model" else "–"
        epoch = "–" if entry.best_epoch is None else f"{entry.best_epoch} of {entry.epochs}"
        cells.append([entry.name, entry.family, parameters, epoch, loss, f"{entry.seconds:.1f}"])
    show.table("Trained and calibrated", columns, cells)
    for entry in done.entries:
        if entry.note:
            show.say(f"{entry.name}: {entry.note}")
    show.say(f"data version {done.data_version}, MLflow run {done.parent_run}")


def compared(done: Comparison, json: bool) -> None:
    """Show every forecaster beside every baseline on the test span; the best of each column in bold."""
    if json:
        show.as_json(done.as_dict())
        return
    for target, scores in done.test.items():
        title = f"{done.span}, {done.title}"
        if target in done.panels:
            series_board(target, done.panels[target], champion=done.champion, title=title, axis=done.axis)
        else:
            scoreboard(target, scores, champion=done.champion, title=title)
    show.say(f"champion: {done.champion} ({done.reason})")
    for target, interval in done.intervals.items():
        for line in differences(target, interval):
            show.say(line)
    if done.figures:
        show.say("figures: " + ", ".join(str(path) for path in done.figures))


def issued(done: Issued, json: bool) -> None:
    """Show what was issued."""
    attrs = done.forecast.attrs
    if json:
        show.as_json({"forecast_id": done.forecast_id, "state": done.state, **attrs})
        return
    show.say(f"issued {done.forecast_id}")
    show.say(f"model {attrs['model']} {attrs['model_version']}, data {attrs['data_version']}, {done.state}")
    for sentence in done.degraded:
        show.say(f"degraded: {sentence}")


def verified(done: Verified, json: bool) -> None:
    """Show the scores of issued forecasts."""
    if json:
        show.as_json({"rows": done.rows, "note": done.note})
        return
    for target in dict.fromkeys(row["target"] for row in done.rows):
        _verified(target, [row for row in done.rows if row["target"] == target])
    show.say(done.note)


def _verified(target: str, rows: list[dict[str, Any]]) -> None:
    hours = list(dict.fromkeys(row["lead_hours"] for row in rows))
    if len(hours) > MOST_LEADS:
        hours = [hours[step - 1] for step in CHOSEN_STEPS if step <= len(hours)]
    found = {(row["forecaster"], row["lead_hours"]): row for row in rows}
    names = dict.fromkeys(row["forecaster"] for row in rows)
    cells: list[list[Any]] = []
    for name in names:
        own = [found.get((name, hour)) for hour in hours]
        cells.append([escape(name), *(None if one is None else f"{one['rmse']:.4g}" for one in own)])
    first = next(iter(names))
    scored = [found.get((first, hour), {"scored": 0})["scored"] for hour in hours]
    cells.append(["[dim]values scored[/]", *(f"[dim]{count:,}[/]" for count in scored)])
    called = {row["lead_hours"]: row.get("lead") for row in rows}
    heads = [called[hour] or (f"{hour // 24} d" if hour % 24 == 0 else f"{hour} h") for hour in hours]
    units = rows[0]["units"]
    show.table(f"{target}: RMSE [{units}] of issued forecasts, by lead", ["forecaster", *heads], cells)
