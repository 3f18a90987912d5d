"""A journal's folder that the system will not list is a numbered error, not a traceback."""

import errno
from pathlib import Path

import pytest

from controller.errors import JournalMissing
from controller.record import reader
from controller.record.journal import Journal
from controller.record.reader import JournalReader
from tests.support.virtual import VirtualClock


def _refused(folder: Path) -> list[Path]:
    raise OSError(errno.EMFILE, "Too many open files", str(folder))


async def test_a_folder_that_cannot_be_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Journal.open(tmp_path, VirtualClock.running(), realm="training", min_free_bytes=0).close()
    open_already = JournalReader(tmp_path)
    monkeypatch.setattr(reader, "journal_files", _refused)
    for ask in (open_already.head, lambda: JournalReader(tmp_path)):
        with pytest.raises(JournalMissing, match="cannot be listed: Too many open files"):
            ask()
    open_already.close()
