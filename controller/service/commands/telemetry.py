"""`micropen telemetry` and `micropen archive`: become the small processes that speak MQTT.

The command line's own libraries would double their memory, so this process is replaced (exec)
instead of importing them; process id and signals stay the same for systemd.
"""

import os
import ssl
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from controller.errors import WrongUsage
from controller.service.commands.options import (
    ConfigOption,
    JournalOption,
    StateOption,
    catalogue_of,
)
from controller.service.places import journal_folder, telemetry_folder
from controller.settings import BrokerSettings

Address = Annotated[
    str | None,
    typer.Option("--broker", help="host:port. Default: the broker table of controller.toml."),
]
Site = Annotated[
    str | None, typer.Option(help="a-z, 0-9 and hyphen. Default: as in controller.toml.")
]
Room = Annotated[
    str | None, typer.Option(help="a-z, 0-9 and hyphen. Default: as in controller.toml.")
]
Username = Annotated[str | None, typer.Option(help="User name at the broker.")]
PasswordFile = Annotated[Path | None, typer.Option(help="Its first line is the password.")]
CaFile = Annotated[Path | None, typer.Option(help="PEM file of the broker's CA; turns TLS on.")]
SigningKeyFile = Annotated[
    Path | None, typer.Option(help="Key of 32 bytes or more that telemetry and archive share.")
]


def telemetry(
    journal: JournalOption = None,
    state: StateOption = None,
    config: ConfigOption = None,
    broker: Address = None,
    site: Site = None,
    room: Room = None,
    cursor: Annotated[
        Path | None, typer.Option(help="Folder of the cursor. Default: telemetry/ of the state.")
    ] = None,
    archive: Annotated[
        bool | None,
        typer.Option("--archive/--no-archive", help="Wait for an archive's receipts."),
    ] = None,
    username: Username = None,
    password_file: PasswordFile = None,
    ca_file: CaFile = None,
    signing_key_file: SigningKeyFile = None,
) -> None:
    """Send a journal to an MQTT broker, for ever: at least once, in order, over any outage."""
    login = _login(username, password_file, ca_file, signing_key_file)
    arguments = _common(config, broker, site, room, login)
    settings = None if journal is not None else catalogue_of(config).settings
    folder = journal
    if settings is not None:
        place = state or settings.state_folder
        folder, cursor = journal_folder(place), cursor or telemetry_folder(place)
        wanted = broker is None and settings.broker is not None and settings.broker.archive
        archive = bool(wanted) if archive is None else archive
    arguments += [*_given("--journal", folder), *_given("--state", cursor)]
    arguments += ["--archive"] if archive else []
    become("controller.record.telemetry", arguments)


def archive(
    folder: Annotated[Path, typer.Option(help="Where the archive keeps its files.")],
    config: ConfigOption = None,
    broker: Address = None,
    site: Site = None,
    room: Room = None,
    name: Annotated[str, typer.Option(help="Who signs the receipts.")] = "archive",
    username: Username = None,
    password_file: PasswordFile = None,
    ca_file: CaFile = None,
    signing_key_file: SigningKeyFile = None,
) -> None:
    """Keep what a room sends, on this machine, and acknowledge what is on its disk."""
    login = _login(username, password_file, ca_file, signing_key_file)
    arguments = _common(config, broker, site, room, login)
    become("controller.record.archive", [*arguments, "--folder", str(folder), "--name", name])


def become(module: str, arguments: list[str]) -> NoReturn:
    """Replace this process by a module run as a program."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])


def _common(
    config: Path | None,
    broker: str | None,
    site: str | None,
    room: str | None,
    login: list[str],
) -> list[str]:
    """Where to send. What is not typed is read from controller.toml, and only then."""
    if broker and site and room:
        return ["--broker", broker, "--site", site, "--room", room, *login]
    settings = catalogue_of(config).settings
    if broker is None:
        broker, login = _written(settings.broker, login)
    where = ["--broker", broker, "--site", site or settings.site, "--room", room or settings.room]
    return [*where, *login]


def _written(settings: BrokerSettings | None, typed: list[str]) -> tuple[str, list[str]]:
    """Address and login of controller.toml; typed logins come later and win."""
    if settings is None:
        raise WrongUsage(
            "No broker is named.",
            cause="controller.toml has no [broker] table, and --broker was not given.",
            action="Give --broker HOST:PORT, or fill in [broker] in controller.toml.",
        )
    ca_file = settings.ca_file
    if settings.tls and ca_file is None:
        ca_file = Path(ssl.get_default_verify_paths().openssl_cafile)
    key_file = settings.signing_key_file
    login = _login(settings.username, settings.password_file, ca_file, key_file)
    return f"{settings.host}:{settings.port}", [*login, *typed]


def _login(
    username: str | None, password_file: Path | None, ca_file: Path | None, key_file: Path | None
) -> list[str]:
    return [
        *_given("--username", username),
        *_given("--password-file", password_file),
        *_given("--ca-file", ca_file),
        *_given("--signing-key-file", key_file),
    ]


def _given(option: str, value: str | Path | None) -> list[str]:
    return [] if value is None else [option, str(value)]
