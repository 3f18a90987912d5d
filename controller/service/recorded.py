"""This site's journal for short commands: its books to look at, or a visit to its pen."""

from pathlib import Path

from controller.record.folder import journal_files
from controller.service.app import Wanted, read_books
from controller.service.places import journal_folder
from controller.session.books import Books
from controller.session.catalogue import Catalogue


def has_journal(folder: Path) -> bool:
    """Whether a folder holds a journal."""
    return folder.is_dir() and bool(journal_files(folder))


def recorded_books(catalogue: Catalogue, state: Path | None) -> Books:
    """The books of the state folder's journal; empty without one. Raises JournalError."""
    folder = journal_folder(state or catalogue.settings.state_folder)
    return read_books(folder) if has_journal(folder) else Books()


def wanted_of(
    catalogue: Catalogue, port: str, state: Path | None, *, bundles: bool = False
) -> Wanted:
    """A service on the site's journal, with what is built into its pen.

    bundles: whether its faults leave support bundles; a short visit's do not.
    """
    settings = catalogue.settings
    return Wanted(
        port=port or settings.pen_port.path,
        folder=journal_folder(state or settings.state_folder),
        realm=settings.realm,
        baud=settings.pen_port.baud,
        config_digest=catalogue.digest,
        pump_head=catalogue.pump_head,
        config=catalogue.folder if bundles else None,
    )
