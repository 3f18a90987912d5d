"""`micropen backup` and `micropen restore`: a copy of the record that proves itself, and back."""

from pathlib import Path
from typing import Annotated

import typer

from controller.clock import SystemClock
from controller.record.backup import Manifest, back_up
from controller.record.backup import restore as restore_backup
from controller.service.commands.options import (
    ConfigOption,
    JournalOption,
    StateOption,
    catalogue_of,
    journal_of,
)
from controller.service.places import journal_folder


def backup(
    target: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A folder that does not exist, or is empty.")
    ],
    journal: JournalOption = None,
    state: StateOption = None,
    config: ConfigOption = None,
) -> None:
    """Copy the journal to FOLDER, also while a service runs and a session is open.

    The copy is verified, hash by hash, before it counts. Note its head elsewhere.
    """
    folder = journal_of(journal, state, config)
    _tell(target, back_up(folder, target, SystemClock()))


def restore(
    source: Annotated[Path, typer.Argument(metavar="BACKUP", help="A folder made by `backup`.")],
    state: StateOption = None,
    config: ConfigOption = None,
) -> None:
    """Put the journal of BACKUP into a state folder that has none.

    What was recorded after the backup is missing from it: a pen that has armed since blocks dosing
    until a technician enrols it anew (`micropen pen enrol`).
    """
    folder = journal_folder(state or catalogue_of(config).settings.state_folder)
    _tell(folder, restore_backup(source, folder))


def _tell(place: Path, manifest: Manifest) -> None:
    names = ", ".join(manifest.files)
    typer.echo(f"{place}: {names}; {manifest.head_seq} entries ({manifest.realm}), all verified.")
    typer.echo(f"Head, to be noted elsewhere: {manifest.head_seq}:{manifest.head_hash}")
