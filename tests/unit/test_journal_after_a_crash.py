"""What a new process may believe of a file that a dead one left: only what the disk holds."""

import os
from pathlib import Path
from random import Random

import pytest

from controller.errors import JournalMissing, JournalNotWritable, JournalWriteFailed
from controller.record import store
from controller.record.journal import Journal
from controller.record.reader import JournalReader
from controller.record.telemetry import Telemetry, TelemetrySettings
from tests.support.journals import TickingClock, open_journal, opened, strokes
from tests.support.post import ADDRESS, TOPICS
from tests.support.sim_disk import SimDisk

SEEDS = range(12)


def vanish(journal: Journal, disk: SimDisk) -> None:
    """SIGKILL: nothing more is written, and the lock is free."""
    disk.kill()
    store.discard(journal._connection)
    journal.close()


@pytest.mark.hazard("H04")
@pytest.mark.parametrize("seed", SEEDS)
def test_head_after_a_kill_before_the_fsync_outlives_a_power_cut(tmp_path: Path, seed: int) -> None:
    """The dead process had written a commit, but not synced it; the new one builds on it."""
    with SimDisk(tmp_path, Random(seed)) as disk:
        journal = open_journal(tmp_path, vfs=disk.vfs)
        disk.power_goes_after(4)  # two pages with their headers: the whole commit, but its fsync
        journal.append([opened()])
        disk.power_left = None
        vanish(journal, disk)
        journal = open_journal(tmp_path, vfs=disk.vfs, seed=2)
        believed = journal.head
        assert believed[0] == 2
        disk.power_cut()
        journal.close()
        again = open_journal(tmp_path, vfs=disk.vfs, seed=3)
        assert again.head == believed
        again.close()


@pytest.mark.hazard("H19")
@pytest.mark.parametrize("seed", SEEDS)
def test_what_a_failed_fsync_lost_is_not_believed_after_a_restart(
    tmp_path: Path, seed: int
) -> None:
    """The cache still shows it, the disk has not got it, and no successor could be made."""
    with SimDisk(tmp_path, Random(seed)) as disk:
        journal = open_journal(tmp_path, vfs=disk.vfs)
        acknowledged = journal.append([opened()])[-1]
        disk.fail("eio_sync")
        with pytest.raises(JournalWriteFailed):
            journal.append([strokes(1, 0, 4)])
        with pytest.raises(JournalNotWritable):
            journal.start_successor(TickingClock())
        journal.close()
        disk.heal()
        journal = open_journal(tmp_path, vfs=disk.vfs, seed=2)
        last = journal.append([opened("s-2")])[-1]
        disk.power_cut()
        journal.close()
        again = open_journal(tmp_path, vfs=disk.vfs, seed=3)
        assert again.head == (last.seq, last.hash)
        assert [e.hash for e in again.entries()][1] == acknowledged.hash
        again.close()


@pytest.mark.hazard("H04", "H19")
@pytest.mark.parametrize("seed", SEEDS)
def test_what_a_reader_passes_on_before_the_next_writer_outlives_a_power_cut(
    tmp_path: Path, seed: int
) -> None:
    """Telemetry is started before the controller: nobody has settled the file yet."""
    with SimDisk(tmp_path, Random(seed)) as disk:
        journal = open_journal(tmp_path, vfs=disk.vfs)
        disk.power_goes_after(4)  # the whole commit, but its fsync
        journal.append([opened()])
        disk.power_left = None
        vanish(journal, disk)
        reader = JournalReader(tmp_path, vfs=disk.vfs, durable_only=True)
        passed_on = [entry.hash for entry in reader.entries()]
        assert len(passed_on) == 2
        disk.power_cut()
        reader.close()
        again = open_journal(tmp_path, vfs=disk.vfs, seed=3)
        assert [entry.hash for entry in again.entries()] == passed_on
        again.close()


async def test_telemetry_passes_on_nothing_else(tmp_path: Path) -> None:
    with SimDisk(tmp_path, Random(1)) as disk:
        vanish(open_journal(tmp_path / "journal", vfs=disk.vfs), disk)
        settings = TelemetrySettings(tmp_path / "journal", ADDRESS, TOPICS, tmp_path)
        synced = disk.operations["sync"]
        reader = await Telemetry(settings, TickingClock(), {}, vfs=disk.vfs)._open_journal()
        assert disk.operations["sync"] > synced
        reader.close()


@pytest.mark.hazard("H19")
def test_a_reader_that_cannot_settle_the_file_shows_nothing(tmp_path: Path) -> None:
    with SimDisk(tmp_path, Random(1)) as disk:
        journal = open_journal(tmp_path, vfs=disk.vfs)
        vanish(journal, disk)
        disk.fail("eio_sync", once=True)
        with pytest.raises(JournalMissing):
            JournalReader(tmp_path, vfs=disk.vfs, durable_only=True)
        JournalReader(tmp_path, vfs=disk.vfs, durable_only=True).close()


@pytest.mark.hazard("H19")
def test_a_disk_that_cannot_sync_what_was_left_is_refused(tmp_path: Path) -> None:
    with SimDisk(tmp_path, Random(1)) as disk:
        journal = open_journal(tmp_path, vfs=disk.vfs)
        vanish(journal, disk)
        disk.fail("eio_sync", once=True)
        with pytest.raises(JournalNotWritable):
            open_journal(tmp_path, vfs=disk.vfs, seed=2)
        assert disk.refused == 1
        open_journal(tmp_path, vfs=disk.vfs, seed=2).close()


@pytest.mark.hazard("H04")
def test_the_names_of_new_folders_are_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[str] = set()
    real = os.fsync

    def fsync(fd: int) -> None:
        synced.add(str(Path(f"/proc/self/fd/{fd}").readlink()))
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    open_journal(tmp_path / "state" / "training").close()
    assert {str(tmp_path), str(tmp_path / "state")} <= synced
    synced.clear()
    open_journal(tmp_path / "state" / "training", seed=2).close()
    assert str(tmp_path) not in synced
