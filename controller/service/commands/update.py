"""`micropen preflight`, `update`, `rollback`, `migrate`: another program here, and back."""

import json
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from controller.clock import SystemClock
from controller.logs import set_up_logs
from controller.service.appliance.preflight import Asked, PreflightRefused
from controller.service.appliance.preflight import preflight as look
from controller.service.commands.doctor import page
from controller.service.commands.options import ConfigOption, PortOption, StateOption, catalogue_of

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
