"""The archive's disk is full or fails: nothing is acknowledged that is not on it (H17, H20)."""

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from controller.errors import ArchiveNotWritable
from controller.record.archive_file import BatchView, ChainFile
from controller.record.incoming import read_message
from controller.record.messages import batch_json
from tests.support.sending import Desk


@pytest.fixture
def batches(tmp_path: Path) -> Iterator[list[BatchView]]:
    """A whole session as it comes to the archive."""
    desk = Desk(tmp_path, archive=True)
    desk.record_session()
    found = []
    while batch := desk.outbox.take():
        desk.outbox.sent(batch)
        payload = batch_json(
            batch,
            chain_id=desk.reader.chain_id,
            journal_id=desk.reader.journal_id(batch[0].seq),
            realm="training",
            simulated=True,
            sent_wall="w",
        )
        found.append(read_message(payload, BatchView))
    yield found
    desk.close()


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes; a write stops in the middle, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def kept_again(path: Path, batches: list[BatchView]) -> bytes:
    """The file after a new start to which everything is sent again."""
    with closing(ChainFile(path)) as again:
        for batch in batches:
            assert again.keep(batch) == 0
    return path.read_bytes()


@pytest.mark.hazard("H20")
@pytest.mark.parametrize("room", [0, 1, 700, 701])
def test_full_disk_is_a_number_and_leaves_whole_lines(
    batches: list[BatchView], tmp_path: Path, room: int
) -> None:
    whole = kept_again(tmp_path / "whole.jsonl", batches)
    path = tmp_path / "kept.jsonl"
    kept = ChainFile(path)
    kept.keep(batches[0])
    before = path.read_bytes()
    with room_for(len(before) + room), pytest.raises(ArchiveNotWritable, match="E6005"):
        kept.keep(batches[1])
    kept.close()
    assert path.read_bytes() == before
    assert kept_again(path, batches) == whole


@pytest.mark.hazard("H20")
def test_lines_whose_fsync_failed_are_not_found_again(
    batches: list[BatchView], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel may keep them in its cache and tell nobody: a receipt for them would be a lie."""

    def failing(fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    path = tmp_path / "kept.jsonl"
    with closing(ChainFile(path)) as kept:
        kept.keep(batches[0])
        received = kept.index.seq
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", failing)
            with pytest.raises(ArchiveNotWritable):
                kept.keep(batches[1])
    with closing(ChainFile(path)) as again:
        assert again.index.seq == received


@pytest.mark.hazard("H20")
def test_a_new_start_syncs_what_it_finds(
    batches: list[BatchView], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its predecessor may have been killed between write and sync."""
    path = tmp_path / "kept.jsonl"
    kept_again(path, batches)
    synced: list[str] = []
    genuine = os.fsync

    def noting(fd: int) -> None:
        synced.append(Path(f"/proc/self/fd/{fd}").readlink().name)
        genuine(fd)

    monkeypatch.setattr(os, "fsync", noting)
    ChainFile(path).close()
    assert path.name in synced
