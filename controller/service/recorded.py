"""The books of this site's journal for commands that only look, with or without a service at it."""

from pathlib import Path

from controller.record.folder import journal_files
from controller.service.app import read_books
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
