"""Options that several commands have in common, and the config folder that they lead to."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from controller.errors import JournalMissing
from controller.service.places import config_folder, journal_folder
from controller.session.catalogue import Catalogue

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="The config folder. Default: ./config, or the one that was installed.",
        envvar="MICROPEN_CONFIG",
        show_default=False,
    ),
]
StateOption = Annotated[
    Path | None,
    typer.Option(
        "--state",
        help="The state folder; its journal is used. Default: state_folder of controller.toml.",
        show_default=False,
    ),
]
JournalOption = Annotated[
    Path | None,
    typer.Option(
        "--journal",
        help="A folder of journal files, or one of them, instead of --state.",
        show_default=False,
    ),
]
PortOption = Annotated[
    str,
    typer.Option(
        "--port",
        help="The pen's port, best /dev/serial/by-id/... Default: as in controller.toml.",
        show_default=False,
    ),
]


class Role(StrEnum):
    """Who may put the books right by hand."""

    TECHNICIAN = "technician"
    ADMINISTRATOR = "administrator"


def catalogue_of(config: Path | None) -> Catalogue:
    """The config folder that was named, or the one that is found. Raises FileUnreadable."""
    return Catalogue(config_folder(config))


def state_of(state: Path | None, config: Path | None) -> Path:
    """The state folder that was named, or that of controller.toml. Raises InputError."""
    return state or catalogue_of(config).settings.state_folder


def journal_of(journal: Path | None, state: Path | None, config: Path | None) -> Path:
    """The journal that was named, or that of the state folder in controller.toml.

    Raises InputError when neither is named and controller.toml cannot be read, and JournalMissing
    when the folder only holds simulated runs, each with a journal of its own.
    """
    if journal is not None:
        return journal
    place = state or catalogue_of(config).settings.state_folder
    folder = journal_folder(place)
    runs = [] if folder.exists() else sorted(place.glob("*/journal"))
    if runs:
        raise JournalMissing(
            f"There is no journal in {folder}.",
            cause="Only simulated runs were made here, and each has a folder of its own.",
            action=f"Name a run; the newest is --state {runs[-1].parent}",
        )
    return folder
