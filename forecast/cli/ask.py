"""Ask: a value tomorrow at a place, in the terminal or a file; or the page and the HTTP service."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from forecast.cli import answer, show
from forecast.cli.arguments import Home, Json, Name, command, home_of, name_of
from forecast.errors import ForecastError

HOST = "127.0.0.1"


def query(
    pipeline: Name,
    at: Annotated[str | None, typer.Option(help="A point 'lat,lon' in degrees, or the name of a series.")] = None,
    tomorrow: Annotated[bool, typer.Option("--tomorrow", help="The calendar day after the date of issue.")] = False,
    time: Annotated[str | None, typer.Option(help="A valid time, a date, or a span 'first/last'.")] = None,
    variable: Annotated[list[str] | None, typer.Option(help="A column, such as temp; by default a digest.")] = None,
    format: Annotated[str | None, typer.Option(help="csv, json or netcdf, instead of a table.")] = None,
    output: Annotated[
        Path | None, typer.Option(help=".csv, .json, .nc; without --at the whole issue, also .zarr, .geojson, .png.")
    ] = None,
    cube: Annotated[bool, typer.Option("--cube", help="All issues as one CF cube: --output FILE.nc or .zarr.")] = False,
    home: Home = None,
    json: Json = False,
) -> None:
    """Answer with value, unit, interval, the baselines' values and the skill there; or write an issue to a file."""
    name, format = name_of(pipeline), "json" if json else format
    if cube:
        answer.cube(home_of(home), name, output)
    elif output is not None and at is None and format is None:
        answer.export(home_of(home), name, output, tomorrow, time)
    else:
        _at_a_place(home, name, at, tomorrow, time, variable or [], format, output)
        return
    show.errors.print(f"wrote {escape(str(output))}")


def _at_a_place(
    home: Path | None,
    name: str,
    at: str | None,
    tomorrow: bool,
    time: str | None,
    variables: list[str],
    format: str | None,
    output: Path | None,
) -> None:
    if format is None and output is not None:
        format = answer.format_of(output)
    if format == "netcdf" and output is None:
        raise ForecastError("--output FILE for netcdf", "a terminal", "add --output answer.nc")
    found = answer.find(home_of(home), name, at, tomorrow, time)
    if format is None:
        answer.answer(found, variables)
        show.next_steps(
            (command("query", name, "--at", at, "--format", "csv", home=home), "every column, as a file"),
            (command("serve", name, home=home), "open the page"),
        )
        return
    from forecast.query import formats

    content = formats.write(found, format, variables or None)
    if output is None:
        sys.stdout.write(content.decode().rstrip("\n") + "\n")
        return
    output.write_bytes(content)
    show.errors.print(f"wrote {escape(str(output))}, {len(content):,} bytes")


def serve(
    pipelines: Annotated[list[str] | None, typer.Argument(help="Pipelines to serve; by default all.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 takes a free one.")] = 8000,
    home: Home = None,
) -> None:
    """Serve the page and the HTTP interface on this machine (loopback only)."""
    import uvicorn

    from dashboards.server import create
    from forecast import query as reading
    from forecast.process import now

    folder = home_of(home)
    names = [name_of(name) for name in pipelines or []] or reading.pipelines(folder)
    if not names:
        expected = "a pipeline that has issued a forecast"
        raise ForecastError(expected, f"none under {folder}", "run `forecast demo` first, or name its --home")
    server = uvicorn.Server(uvicorn.Config(create(folder, names, now), log_level="warning"))
    with _listening(port) as listener:
        where = f"http://{HOST}:{listener.getsockname()[1]}"
        show.say(f"serving {', '.join(names)} from {folder}")
        show.say(f"the page: {where}/   the interface: {where}/api   (Ctrl-C ends)")
        server.run(sockets=[listener])


def _listening(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        other = f"add --port {port + 1 if port < 65535 else 0}, or end what runs there"
        raise ForecastError(f"a free port on {HOST}", f"port {port}: {error.strerror}", other) from error
    return listener


COMMANDS = (query, serve)
