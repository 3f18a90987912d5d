"""`micropen doctor`: this machine on one page, with an exit code for monitoring."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape

from controller.clock import SystemClock
from controller.errors import MicropenError, WrongUsage
from controller.logs import set_up_logs
from controller.record.events import Actor
from controller.service.app import Wanted
from controller.service.commands.options import (
    ConfigOption,
    PortOption,
    Role,
    StateOption,
    catalogue_of,
)
from controller.service.doctor.disk import ROUNDS
from controller.service.doctor.examination import Asked, examine
from controller.service.doctor.line import DoctorFound, Line, failed
from controller.service.doctor.stop import judge_stop, stop_latencies
from controller.service.recorded import wanted_of

COLOURS = {"green": "green", "warning": "yellow", "red": "red", "unknown": "dim"}


def doctor(
    port: PortOption = "",
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="A warning ends with the exit code of a red line.")
    ] = False,
    stop_test: Annotated[
        bool, typer.Option("--stop-test", help="Send 20 STOPs to the pen at rest, and measure.")
    ] = False,
    by: Annotated[str, typer.Option("--by", help="Who tests STOP; goes into the record.")] = "",
    role: Annotated[Role, typer.Option("--role", help="In which role.")] = Role.TECHNICIAN,
    tls_cert: Annotated[
        Path | None, typer.Option(help="A certificate of this place to look at too (PEM).")
    ] = None,
    cursor: Annotated[
        Path | None, typer.Option(help="Folder of telemetry's cursor, as `micropen telemetry` has.")
    ] = None,
    fsync_rounds: Annotated[
        int, typer.Option(help="How often the disk is measured; 0: not at all.", min=0)
    ] = ROUNDS,
) -> None:
    """Look at port, pen, certificate, clock, disk, power, record and broker; say what to do.

    Exit code 0 when no line is red, 80 otherwise. Safe while a service runs and a session is open;
    --stop-test needs the pen and the journal for itself.
    """
    if stop_test and not by:
        raise WrongUsage("--stop-test needs --by NAME: every stop is recorded with its person.")
    set_up_logs(as_json=False, quiet=True)
    catalogue, clock = catalogue_of(config), SystemClock()
    tested = None
    if stop_test:
        wanted = wanted_of(catalogue, port, state)
        tested = _stop_line(wanted, Actor(name=by, role=role.value))
    asked = Asked(catalogue, state, port, fsync_rounds, tls_cert=tls_cert, cursor=cursor)
    console = Console(soft_wrap=True)
    lines = []
    for line in examine(asked, clock):
        found = tested if tested is not None and line.name == "stop" else line
        lines.append(found)
        if not as_json:
            console.print(page(found))
    if as_json:
        typer.echo(json.dumps([msgspec.to_builtins(line) for line in lines], indent=1))
    bad = [line.name for line in lines if line.state == "red"]
    bad += [line.name for line in lines if strict and line.state == "warning"]
    if bad:
        raise DoctorFound(f"Not in order: {', '.join(bad)}.")


def page(line: Line) -> str:
    """One line with its colour and, below it, what to do."""
    word = line.state.upper() if line.state == "red" else line.state
    said = f"[{COLOURS[line.state]}]{word:8}[/] {line.name:12} {escape(line.sentence)}"
    return f"{said}\n{'':22}{escape(line.action)}" if line.action else said


def _stop_line(wanted: Wanted, actor: Actor) -> Line:
    try:
        return judge_stop(asyncio.run(stop_latencies(wanted, actor)))
    except MicropenError as error:
        return failed("stop", error)


def written_page(lines: list[Line]) -> str:
    """The page as plain text, for a file."""
    rows = [f"{line.state:8} {line.name:12} {line.sentence} {line.action}" for line in lines]
    return "\n".join(row.rstrip() for row in rows) + "\n"
