"""Each fault of the disk strikes a session, and says so itself when it does."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from controller.errors import MicropenError
from tests.soak.catalogue import FaultId
from tests.soak.fault import Fault
from tests.soak.faults.disk import DISK
from tests.soak.script import FaultRow
from tests.support.bills import dosing, pen_for
from tests.support.sim_broker import SimBroker
from tests.support.sim_disk import SimDisk
from tests.support.theatre import Theatre
from tests.support.virtual import advance

PLAN = dosing(6, 4)


@dataclass
class Ward:
    """The room of a fault, without a trial around it."""

    theatre: Theatre
    disk: SimDisk
    broker: SimBroker
    rng: Random
    hits: Counter[FaultId] = field(default_factory=Counter)

    def happened(self, fault: FaultId) -> None:
        self.hits[fault] += 1


async def struck(ward: Ward, fault: Fault, lasts_s: float) -> None:
    """Treat; in the middle of it the fault strikes, and is taken back."""
    theatre = ward.theatre
    await theatre.begin(PLAN)
    work = theatre.operate()
    await theatre.until(lambda: theatre.stage.truth.so_far().punctures == 3)
    await advance(ward.rng.uniform(0.0, 0.3))
    assert ward.hits.total() == 0
    await fault.begin()
    await advance(lasts_s)
    await fault.end()
    await asyncio.gather(work, return_exceptions=True)


async def brought_to_its_end(theatre: Theatre) -> None:
    """Restart a service whose record failed, and treat on."""
    if theatre.engine.recorder.failed:
        await theatre.rest(3.0)
        await theatre.stop()
        await theatre.start()
    if theatre.engine.book is not None:
        await theatre.operate()


@pytest.mark.hazard("H18")
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("fault", sorted(DISK))
async def test_each_fault_takes_effect_and_the_books_stay_right(
    tmp_path: Path, fault: FaultId, seed: int
) -> None:
    row = FaultRow(fault=fault, lasts_s=0.6, value=seed % 2 if fault != FaultId.H13 else 0.0)
    with SimDisk(tmp_path, Random(seed)) as disk:
        room = Theatre(tmp_path / "j", pen_for(PLAN), seed=seed, vfs=disk.vfs)
        async with room as theatre:
            ward = Ward(theatre, disk, SimBroker(Random(seed)), Random(seed))
            await struck(ward, DISK[fault](ward, row), row.lasts_s)
            assert ward.hits[fault] >= 1
            assert ward.hits.total() == ward.hits[fault]
            await brought_to_its_end(theatre)
            referee = theatre.check()
            assert referee.all("session_closed")[0]["outcome"] == "complete"
            assert theatre.crashes == (fault is FaultId.H6)


async def test_a_boot_from_a_full_disk_is_left_to_a_person(tmp_path: Path) -> None:
    with SimDisk(tmp_path, Random(1)) as disk:
        async with Theatre(tmp_path / "j", pen_for(PLAN), vfs=disk.vfs) as theatre:
            ward = Ward(theatre, disk, SimBroker(Random(1)), Random(1))
            cut = DISK[FaultId.H6](ward, FaultRow(fault=FaultId.H6))
            await cut.begin()
            disk.fail("eio_open")
            await cut.end()
            assert not theatre.is_running
            disk.heal()
            await theatre.start()
            assert theatre.check().entries


async def test_a_killed_process_on_a_failing_disk_hears_of_no_error(tmp_path: Path) -> None:
    with SimDisk(tmp_path, Random(1)) as disk:
        for seed in range(5):  # some of them in the middle of a transaction
            room = Theatre(tmp_path / str(seed), pen_for(PLAN), seed=seed, vfs=disk.vfs)
            async with room as theatre:
                await theatre.begin(PLAN)
                work = theatre.operate()
                await theatre.until(lambda: theatre.stage.truth.so_far().punctures == 2)
                disk.fail("eio_sync")
                await theatre.crash()
                disk.heal()
                await theatre.start()
                with pytest.raises((asyncio.CancelledError, MicropenError)):
                    await work
                await theatre.stop()
                await theatre.start()
                theatre.check(still_open=len(theatre.referee().open_arms))
