"""The disk fails at every operation of a session in turn: nothing is done that is not on record.

EIO, ENOSPC and a read-only file system, at each open, read, write, truncation, sync and removal
that SQLite asks for, once and from then on. Every third of them; each one if the environment has
MICROPEN_EVERY_DISK_FAULT=1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from controller.errors import MicropenError
from controller.record import store
from controller.record.entry import Entry
from controller.service.program import PROGRAM
from tests.scenario.conftest import Figure, wanted
from tests.support.auditor import audit
from tests.support.bills import dosing, pen_for
from tests.support.sim_disk import Kind, SimDisk
from tests.support.theatre import Theatre
from tests.support.virtual import advance

Head = tuple[int, str]
PLAN = dosing(3)
KINDS: tuple[Kind, ...] = (
    *("eio_open", "eio_read", "eio_write", "eio_sync", "eio_delete"),
    *("full", "read_only"),
)
EVERY = 1 if wanted("MICROPEN_EVERY_DISK_FAULT", 0) else 3
REST_S = 0.05
MOST_OPERATIONS = 1_000


@dataclass
class Evidence:
    """What was on record when the disk first failed, and what is said to be on record."""

    disk: SimDisk
    folder: Path
    acknowledged: list[Entry] = field(default_factory=list)
    before: dict[str, bytes] = field(default_factory=dict)
    acknowledged_before: int = 0

    def __post_init__(self) -> None:
        self.disk.on_effect = self._failed

    def heard(self, entries: Sequence[Entry]) -> None:
        """A commit was confirmed."""
        self.acknowledged += entries

    def head_before(self) -> Head:
        """The last entry that was acknowledged before the failure."""
        if not self.acknowledged_before:
            return 1, audit(self.folder).entries[0].hash  # the one that opened the file
        last = self.acknowledged[self.acknowledged_before - 1]
        return last.seq, last.hash

    def _failed(self, kind: str) -> None:
        if not self.before and kind != "power_cut":
            self.acknowledged_before = len(self.acknowledged)
            self.before = self._files()

    def _files(self) -> dict[str, bytes]:
        found = sorted(self.folder.glob("journal*.db*"))
        return {path.name: path.read_bytes() for path in found if not path.name.endswith("-shm")}

    def untouched_since(self) -> bool:
        """Whether the failed file is, byte for byte, as it was left by the failure."""
        now = self._files()
        return {name: now.get(name) for name in self.before} == self.before


async def play(theatre: Theatre) -> bool:
    """A whole session, from the start of the service to its end; whether the disk ended it."""
    try:
        if not theatre.is_running:
            await theatre.start()
        engine = theatre.engine
        await theatre.until(lambda: engine.reconciled or engine.recorder.failed)
        if engine.recorder.failed:
            return True
        if engine.book is None:
            await theatre.begin(PLAN)
        await theatre.operate()
    except MicropenError:
        return True
    return False


async def record_only(theatre: Theatre, seen: Evidence) -> None:
    """After the failing commit: the pen stands, nothing is granted, the file is left alone."""
    truth = theatre.stage.truth
    ahead = truth.so_far().punctures
    assert await theatre.rest(2.0) < REST_S
    assert truth.so_far().punctures <= ahead + 1
    with pytest.raises(MicropenError):
        await theatre.acts.treat(PROGRAM)
    theatre.ceilings.look(truth)
    assert theatre.ceilings.overruns == []
    assert seen.untouched_since()


def named_head(folder: Path) -> Head | None:
    """Where the successor, if there is one, says that the file before it ends."""
    openings = [entry for entry in audit(folder).entries if entry.kind == "journal_opened"]
    if len(openings) == 1:
        return None
    return openings[-1].body["predecessor_seq"], openings[-1].body["predecessor_hash"]


async def failing_at(folder: Path, kind: Kind, skip: int, once: bool) -> bool:
    """One session whose disk fails so; False when it has no such operation any more."""
    with SimDisk(folder.parent, Random(skip), watch_reads=kind == "eio_read") as disk:
        seen = Evidence(disk, folder)
        theatre = Theatre(folder, pen_for(PLAN), seed=skip, vfs=disk.vfs)
        theatre.on_entries = seen.heard
        disk.fail(kind, once=once, skip=skip)
        try:
            ended = await play(theatre)
            if theatre.is_running and theatre.engine.recorder.failed:
                await record_only(theatre, seen)
                named = named_head(folder)
                assert named == seen.head_before() or (named is None and not once)
            if theatre.is_running:
                await theatre.stop()
            disk.heal()
            await recovered(theatre, seen, cut=bool(skip % 2))
            if not disk.refused:
                assert not ended
        finally:
            disk.heal()
            await theatre.__aexit__()
        return disk.refused > 0


async def recovered(theatre: Theatre, seen: Evidence, *, cut: bool) -> None:
    """The disk works again: nothing acknowledged is missing, and the session comes to its end."""
    if cut:
        seen.disk.power_cut()
    if not theatre.is_running:
        await theatre.start()
    kept = {entry.seq: entry.hash for entry in audit(theatre.folder).entries}
    assert [e.seq for e in seen.acknowledged if kept.get(e.seq) != e.hash] == []
    await advance(0.5)
    if not theatre.referee().all("session_closed"):
        assert not await play(theatre)
    referee = theatre.check()
    assert [closed["outcome"] for closed in referee.all("session_closed")] == ["complete"]


@pytest.mark.hazard("H17")
@pytest.mark.hazard("H19")
@pytest.mark.parametrize("once", [True, False])
@pytest.mark.parametrize("kind", KINDS)
async def test_failing_at_every_operation(
    tmp_path: Path, kind: Kind, once: bool, figure: Figure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "CHECKPOINT_PAGES", 30)  # so that the session has some
    tried = 0
    first = once if EVERY > 1 else 0  # in a slice, other operations than without `once`
    for skip in range(first, MOST_OPERATIONS, EVERY):
        folder = tmp_path / str(skip) / "j"
        folder.mkdir(parents=True)
        if not await failing_at(folder, kind, skip, once):
            break
        tried += 1
    assert tried >= 1
    figure(f"{tried} operations refused, {'once each' if once else 'from there on'}")
