"""`micropen preflight`, `update`, `rollback`, `migrate`: another program here, and back."""

import json
import os
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from controller.clock import SystemClock
from controller.logs import set_up_logs
from controller.record.entry import SCHEMA_VERSION
from controller.record.migration import Forward, bring_forward, take_back, way_back
from controller.service.appliance.ground import who
from controller.service.appliance.layout import Layout
from controller.service.appliance.machine import Machine
from controller.service.appliance.preflight import Asked
from controller.service.appliance.preflight import preflight as look
from controller.service.appliance.rollback import rollback as do_rollback
from controller.service.appliance.update import update as do_update
from controller.service.appliance.update_errors import PreflightRefused
from controller.service.commands.appliance import RootOption
from controller.service.commands.doctor import page
from controller.service.commands.options import ConfigOption, PortOption, StateOption, catalogue_of
from controller.service.places import journal_folder

NICER = 10
"""Building an environment takes minutes, and the room may be in use meanwhile."""

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def preflight(
    port: PortOption = "",
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    full: Annotated[
        bool, typer.Option("--full", help="Verify every entry of the journals, not their ends.")
    ] = False,
    ask_pen: Annotated[
        bool, typer.Option(help="Greet the pen when no service holds its port; nothing moves.")
    ] = True,
) -> None:
    """Say whether this program could take over here now: config, journals, pen, certificate.

    Reads only, also beside a running service. Exit code 0 when no line is red, 80 otherwise.
    `update` asks the new program this before it switches.
    """
    set_up_logs(as_json=False, quiet=True)
    asked = Asked(catalogue_of(config), state, port, ask_pen=ask_pen, every_entry=full)
    console, lines = Console(soft_wrap=True), []
    for line in look(asked, SystemClock()):
        lines.append(line)
        if not as_json:
            console.print(page(line))
    if as_json:
        typer.echo(json.dumps([msgspec.to_builtins(line) for line in lines], indent=1))
    if refused := [line.name for line in lines if line.state == "red"]:
        raise PreflightRefused(f"Refused: {', '.join(refused)}.")


def update(
    release: Annotated[
        Path,
        typer.Argument(metavar="RELEASE", help="A folder that `make release` made, or its wheel."),
    ],
    by: Annotated[str, typer.Option("--by", help="Who updates; default: who typed sudo.")] = "",
    no_restart: Annotated[
        bool, typer.Option("--no-restart", help="Switch only; the next start is the new program's.")
    ] = False,
    root: RootOption = Path("/"),
) -> None:
    """Put a release in the place of the program that runs, if it may run here. Needs root.

    It is built beside the present one and asked (`preflight`). Then the service is stopped, never
    in mid-session; switched and started. What does not come up is undone.
    """
    os.nice(NICER)
    machine = Machine(Layout(root.resolve()))
    do_update(machine, release.resolve(), typer.echo, who=by or who(), restart=not no_restart)


def rollback(
    by: Annotated[str, typer.Option("--by", help="Who goes back; default: who typed sudo.")] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why; for the list of switches.")] = "",
    undo_migration: Annotated[
        bool,
        typer.Option("--undo-migration", help="Put an unused journal of the newer layout aside."),
    ] = False,
    root: RootOption = Path("/"),
) -> None:
    """Let the program before the last update run again, on the same record. Needs root."""
    machine = Machine(Layout(root.resolve()))
    words = {"who": by or who(), "reason": reason}
    do_rollback(machine, typer.echo, **words, takes_back=undo_migration)


def migrate(
    state: StateOption = None,
    config: ConfigOption = None,
    undo: Annotated[
        bool, typer.Option("--undo", help="Go back, if nothing but a start was recorded since.")
    ] = False,
    only_look: Annotated[
        bool, typer.Option("--look", help="Say what going back would leave out; change nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring the journal forward to this program's layout; a proven copy is kept beside it first.

    `update` and each start of the service do so by themselves. Needs the journal for itself.
    """
    settings = catalogue_of(config).settings
    folder = journal_folder(state or settings.state_folder)
    if only_look:
        found = _way_back(folder)
    elif undo:
        found = {"aside": take_back(folder)}
    else:
        found = _forward(bring_forward(folder, SystemClock(), settings.realm))
    if as_json:
        typer.echo(json.dumps(found, default=str))
    else:
        typer.echo("\n".join(f"{name}: {value}" for name, value in found.items()))


def _forward(done: Forward | None) -> dict[str, object]:
    if done is None:
        return {"before": SCHEMA_VERSION, "after": SCHEMA_VERSION, "kept": None}
    return {"before": done.before, "after": done.after, "kept": done.kept}


def _way_back(folder: Path) -> dict[str, object]:
    found = way_back(folder)
    if found is None:
        return {"newer": 0, "kept": None, "used": {}, "sessions": [], "since_wall": None}
    return {
        "newer": len(found.files),
        "kept": found.kept,
        "used": found.used,
        "sessions": found.sessions,
        "since_wall": found.since_wall,
    }
