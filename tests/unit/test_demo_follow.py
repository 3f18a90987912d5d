"""The demo's follower meets a journal at every stage of being made."""

from pathlib import Path

from controller.service.demo.follow import Follower
from tests.support.journals import open_journal, whole_session


def test_a_journal_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    follower = Follower(folder)
    follower.read()
    folder.mkdir()
    follower.read()
    (folder / "journal.db").touch()
    follower.read()
    assert follower.entries == 0
    (folder / "journal.db").unlink()
    journal = open_journal(folder)
    for drafts in whole_session(batches=3):
        journal.append(drafts)
    follower.read()
    assert follower.entries == journal.head[0]
    assert (journal.head[0], journal.head[1]) in follower.seen
    journal.close()
    follower.close()
