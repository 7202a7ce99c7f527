"""What the terminal shows: tables, facts, progress bars, errors in three parts, and what to do next.

Results go to standard output, progress and errors to standard error. On forty columns and more nothing is cut off:
headings fold at spaces, cells do not, and a table that is too wide goes on below with its first column repeated.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from forecast.errors import ForecastError

# Where the output is no terminal (a file, a pipe, a log) lines may be longer than a terminal's usual 80 columns.
WIDE = 120
GAP = 2  # between columns


def _width(stream: TextIO) -> int | None:
    return None if stream.isatty() or "COLUMNS" in os.environ else WIDE


console = Console(highlight=False, width=_width(sys.stdout))
errors = Console(stderr=True, highlight=False, width=_width(sys.stderr))

Cell = str | float | int | None


def refuse(error: ForecastError) -> None:
    """Print an error in its three parts on standard error."""
    for color, part, text in (
        ("red", "expected", error.expected),
        ("red", "got", error.got),
        ("green", "do", error.remedy),
    ):
        errors.print(f"[bold {color}]{part:>8}[/] {escape(text)}", soft_wrap=True)


def heading(text: str) -> None:
    """Print a rule with a title."""
    console.rule(f"[bold]{escape(text)}[/]", align="left", style="dim")


def say(text: str) -> None:
    """Print one line of plain text."""
    console.print(escape(text), soft_wrap=True)


def next_steps(*steps: tuple[str, str]) -> None:
    """Print what to do next: pairs of a command and what it does."""
    console.print("[dim]next:[/]")
    for command, purpose in steps:
        console.print(f"  [bold cyan]{escape(command)}[/]  [dim]# {escape(purpose)}[/]", soft_wrap=True)


def as_json(value: Any) -> None:
    """Print a value as JSON on standard output.

    NaN and infinities, which JSON does not have, become null; numpy's numbers plain ones; all else its text.
    """
    print(json.dumps(_plain(value), indent=2, allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int):
        return value
    return _plain(value.item()) if hasattr(value, "item") else str(value)


def facts(title: str, found: Mapping[str, Any]) -> None:
    """Print names and what was found, a line each; a long one goes on below itself."""
    console.print(f"[bold]{escape(title)}[/]", soft_wrap=True)
    grid = Table(box=None, show_header=False)
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for name, value in found.items():
        grid.add_row(escape(name), escape(str(value)))
    console.print(grid)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]], caption: str = "") -> None:
    """Print a table.

    Args:
        title: plain text.
        columns: headings, plain text; they fold at spaces.
        rows: cells are text in rich's markup, or numbers, shown with two decimals; None is a dash.
        caption: plain text below.
    """
    cells = [[_shown(cell) for cell in row] for row in rows]
    widths = [
        max([*map(len, name.split()), *(Text.from_markup(row[place]).cell_len for row in cells)], default=0)
        for place, name in enumerate(columns)
    ]
    console.print(f"[bold]{escape(title)}[/]", soft_wrap=True)
    for block in _blocks(widths, console.width):
        grid = Table(box=SIMPLE_HEAD, padding=(0, GAP - 1, 0, 0), show_edge=False, pad_edge=False)
        for place in block:
            side: JustifyMethod = "left" if place == 0 else "right"
            grid.add_column(escape(columns[place]), justify=side, width=widths[place], vertical="bottom")
        for row in cells:
            grid.add_row(*(row[place].replace(" ", "\N{NO-BREAK SPACE}") for place in block))
        console.print(grid)
        console.print()
    if caption:
        console.print(Padding(f"[dim]{escape(caption)}[/]", (0, 2, 1, 2)))


def _shown(cell: Cell) -> str:
    return "–" if cell is None else cell if isinstance(cell, str) else f"{cell:,.2f}"


def _blocks(widths: Sequence[int], room: int) -> list[list[int]]:
    """Deal the columns out to blocks that fit the room, the first column in each of them."""
    blocks: list[list[int]] = [[0]]
    for place in range(1, len(widths)):
        if len(blocks[-1]) > 1 and sum(widths[at] + GAP for at in (*blocks[-1], place)) - GAP > room:
            blocks.append([0])
        blocks[-1].append(place)
    return blocks


@contextmanager
def progress(quiet: bool = False) -> Iterator[Any]:
    """Show bars on standard error while work goes on, none where ``quiet``; yields ``report(what, done, total)``."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, disable=quiet) as bars:
        known: dict[str, Any] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in known:
                known[what] = bars.add_task(what, total=total)
            bars.update(known[what], completed=done, total=total)

        yield report
