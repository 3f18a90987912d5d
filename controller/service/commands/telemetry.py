"""`micropen telemetry` and `micropen archive`: become the small processes that speak MQTT.

The command line's own libraries would double their memory, so this process is replaced (exec)
instead of importing them; process id and signals stay the same for systemd.
"""

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

Address = Annotated[str, typer.Option("--broker", help="host:port")]
Site = Annotated[str, typer.Option(help="a-z, 0-9 and hyphen")]
Room = Annotated[str, typer.Option(help="a-z, 0-9 and hyphen")]
Username = Annotated[str | None, typer.Option(help="User name at the broker.")]
PasswordFile = Annotated[Path | None, typer.Option(help="Its first line is the password.")]
CaFile = Annotated[Path | None, typer.Option(help="PEM file of the broker's CA; turns TLS on.")]


def telemetry(
    journal: Annotated[Path, typer.Option(help="Folder of the journal.")],
    broker: Address,
    site: Site,
    room: Room,
    state: Annotated[
        Path | None, typer.Option(help="Folder of the cursor; `telemetry` beside the journal.")
    ] = None,
    archive: Annotated[bool, typer.Option("--archive", help="Wait for receipts.")] = False,
    username: Username = None,
    password_file: PasswordFile = None,
    ca_file: CaFile = None,
) -> None:
    """Send a journal to an MQTT broker, for ever: at least once, in order, over any outage."""
    arguments = [*_common(broker, site, room, username, password_file, ca_file)]
    arguments += ["--journal", str(journal), *_given("--state", state)]
    arguments += ["--archive"] if archive else []
    become("controller.record.telemetry", arguments)


def archive(
    folder: Annotated[Path, typer.Option(help="Where the archive keeps its files.")],
    broker: Address,
    site: Site,
    room: Room,
    name: Annotated[str, typer.Option(help="Who signs the receipts.")] = "archive",
    username: Username = None,
    password_file: PasswordFile = None,
    ca_file: CaFile = None,
) -> None:
    """Keep what a room sends, on this machine, and acknowledge what is on its disk."""
    arguments = [*_common(broker, site, room, username, password_file, ca_file)]
    become("controller.record.archive", [*arguments, "--folder", str(folder), "--name", name])


def become(module: str, arguments: list[str]) -> NoReturn:
    """Replace this process by a module run as a program."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])


def _common(
    broker: str,
    site: str,
    room: str,
    username: str | None,
    password_file: Path | None,
    ca_file: Path | None,
) -> list[str]:
    arguments = ["--broker", broker, "--site", site, "--room", room]
    arguments += _given("--username", username)
    arguments += _given("--password-file", password_file)
    return arguments + _given("--ca-file", ca_file)


def _given(option: str, value: str | Path | None) -> list[str]:
    return [] if value is None else [option, str(value)]
