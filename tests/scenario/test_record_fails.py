"""The disk is slow, full or dying: nothing is ever done that is not on record."""

import asyncio
from pathlib import Path

import pytest

from controller.errors import JournalError, MicropenError, SessionError
from controller.service.program import PROGRAM
from tests.scenario.conftest import Figure
from tests.support.bills import dosing, pen_for
from tests.support.faulty_disk import FaultyDisk, faulty_disk
from tests.support.theatre import Theatre
from tests.support.virtual import advance

REST_S = 0.05


async def fail_in_mid_session(theatre: Theatre, disk: FaultyDisk) -> None:
    """The disk fails from a moment on at which doses are being given."""
    await theatre.begin(dosing(8, 6))
    work = theatre.operate()
    await theatre.until(lambda: theatre.stage.truth.so_far().punctures == 3)
    disk.fail_sync_at = disk.syncs + 1
    with pytest.raises((JournalError, SessionError)):
        await work


@pytest.mark.hazard("H19")
async def test_a_failed_commit_stops_the_pen_and_goes_on_record_only(tmp_path: Path) -> None:
    plan, folder = dosing(8, 6), tmp_path / "j"
    with faulty_disk() as disk:
        disk.once = True
        async with Theatre(folder, pen_for(plan), vfs=disk.name) as theatre:
            await fail_in_mid_session(theatre, disk)
            assert disk.failures == 1
            moved = theatre.stage.truth.so_far()
            assert await theatre.rest(5.0) < REST_S
            with pytest.raises(MicropenError):
                await theatre.acts.treat(PROGRAM)
            await theatre.rest(2.0)
            assert theatre.stage.truth.so_far().punctures <= moved.punctures + 1
            referee = theatre.check()
            assert len(list(folder.glob("journal*.db"))) == 2
            assert "record_failed" in referee.alarms
            assert len(referee.all("stop_sent")) == 1
            assert len(referee.all("stop_confirmed")) == 1
            assert referee.end_reasons[-1] == "stop"
            await theatre.stop()
            theatre.vfs = None
            await theatre.start()
            await theatre.operate()
            referee = theatre.check()
    assert referee.all("session_closed")[0]["outcome"] == "complete"


@pytest.mark.hazard("H17")
async def test_a_disk_that_stays_full_leaves_what_is_committed(tmp_path: Path) -> None:
    plan, folder = dosing(8, 6), tmp_path / "j"
    with faulty_disk() as disk:
        async with Theatre(folder, pen_for(plan), vfs=disk.name) as theatre:
            await fail_in_mid_session(theatre, disk)
            assert await theatre.rest(5.0) < REST_S
            with pytest.raises(MicropenError):
                await theatre.acts.treat(PROGRAM)
            await theatre.rest(2.0)
            theatre.check(still_open=1)
            await theatre.stop()
            disk.fail_sync_at = None
            await theatre.start()
            await theatre.operate()
            referee = theatre.check()
    assert referee.all("session_closed")[0]["outcome"] == "complete"


@pytest.mark.hazard("H17")
@pytest.mark.parametrize("heals", [True, False])
async def test_failing_at_every_commit_of_a_session(
    tmp_path: Path, heals: bool, figure: Figure
) -> None:
    """From the first commit after opening to the last: the invariant, and the way back."""
    plan = dosing(4, 3)
    tried = 0
    for nth in range(1, 200):
        with faulty_disk() as disk:
            disk.once = heals
            folder = tmp_path / str(nth)
            async with Theatre(folder, pen_for(plan), vfs=disk.name, seed=nth) as theatre:
                await theatre.begin(plan)
                disk.fail_sync_at = disk.syncs + nth
                work = theatre.operate()
                failed = await _failed(work)
                if disk.failures:
                    tried += 1
                    assert await theatre.rest(4.0) < REST_S
                    theatre.ceilings.look(theatre.stage.truth)
                    assert theatre.ceilings.overruns == []
                    await theatre.stop()
                    disk.fail_sync_at = None
                    await theatre.start()
                    if theatre.engine.book is not None:
                        await theatre.operate()
                referee = theatre.check()
            assert referee.all("session_closed")[0]["outcome"] == "complete"
        if not failed and not disk.failures:
            break
    assert tried > 10
    figure(f"{tried} commits failed in turn, disk {'heals' if heals else 'stays dead'}")


async def _failed(work: "asyncio.Task[None]") -> bool:
    try:
        await work
    except (JournalError, SessionError):
        return True
    return False


@pytest.mark.hazard("H19")
@pytest.mark.parametrize(("commit_s", "lapses"), [(0.1, False), (0.3, False), (5.0, True)])
async def test_a_slow_disk_makes_the_pen_pause(
    tmp_path: Path, commit_s: float, lapses: bool, figure: Figure
) -> None:
    """Every commit takes that long. An event may wait for two others before its own begins, so a
    disk of up to a third of a second keeps all events younger than the second of C6."""
    plan = dosing(8, 6)
    disk_s = (commit_s, commit_s)
    async with Theatre(tmp_path / "j", pen_for(plan), disk_s=disk_s) as theatre:
        began_s = theatre.clock.mono_s()
        await theatre.play(plan)
        took_s = theatre.clock.mono_s() - began_s
        referee = theatre.check()
    assert ("lapse" in referee.end_reasons) is lapses
    assert ("lease_lapsed" in referee.alarms) is lapses
    assert referee.all("session_closed")[0]["outcome"] == "complete"
    figure(f"commits of {commit_s} s: {took_s:.0f} s, {referee.end_reasons.count('lapse')} lapses")


@pytest.mark.hazard("H19")
async def test_half_a_second_until_each_commit_is_answered(tmp_path: Path) -> None:
    """Half a second of latency, but none of waiting for others: the pen pauses in its arms."""
    plan = dosing(8, 6)
    slow = Theatre(tmp_path / "j", pen_for(plan), disk_s=(0.5, 0.5), side_by_side=True)
    async with slow as theatre:
        await theatre.play(plan)
        referee = theatre.check()
    assert referee.end_reasons == ["disarmed"] * 3


@pytest.mark.hazard("H19")
async def test_one_long_stall_of_the_disk(tmp_path: Path) -> None:
    """A single fsync of 0.9 s: the pen holds at its ceiling and goes on in the same arm."""
    plan = dosing(12)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        await theatre.begin(plan)
        work = theatre.operate()
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures == 3)
        theatre.disk_s = (0.9, 0.9)
        await advance(0.3)
        theatre.disk_s = (0.001, 0.02)
        await work
        referee = theatre.check()
    assert referee.end_reasons == ["disarmed", "disarmed"]


@pytest.mark.hazard("H15", "H16")
async def test_the_wall_clock_jumps_and_nothing_but_its_text_changes(tmp_path: Path) -> None:
    plan = dosing(6, 4)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        await theatre.begin(plan)
        work = theatre.operate()
        for jump_s in (-10_000.0, 30_000.0, -20_000.0) * 3:
            await advance(0.3)
            theatre.clock.step_wall(jump_s)
        await work
        referee = theatre.check()
    assert referee.end_reasons == ["disarmed"] * 3
