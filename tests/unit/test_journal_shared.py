"""Who may read the journal: nobody else, or the group that its folder is shared with."""

import stat
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.journals import TickingClock, open_journal


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """As systemd makes it with StateDirectoryMode=2750."""
    place = tmp_path / "state"
    place.mkdir()
    place.chmod(0o2750)
    return place


def test_the_group_of_a_shared_folder_reads_the_journal_and_writes_nothing(shared: Path) -> None:
    with closing(open_journal(shared / "training" / "journal")) as journal:
        files = [journal.path, *journal.folder.glob("journal.db-*")]
        assert len(files) == 3
        assert {mode(path) & 0o070 for path in files} == {0o040}
        assert {path.stat().st_gid for path in files} == {shared.stat().st_gid}
    assert mode(shared / "training" / "journal") == 0o2750


def test_a_successor_is_shared_too(shared: Path) -> None:
    with closing(open_journal(shared / "journal")) as journal:
        successor = journal.start_successor(TickingClock())
        successor.close()
        assert mode(successor.path) == 0o640


def test_elsewhere_nobody_else_reads_it(tmp_path: Path) -> None:
    with closing(open_journal(tmp_path / "journal")) as journal:
        assert mode(journal.path) == 0o600
    assert mode(tmp_path / "journal") == 0o700
