"""A backup taken in mid-dose, restored: whole, and blocked because the pen knows more than it."""

from pathlib import Path

import pytest

from controller.errors import MicropenError
from controller.record.backup import back_up, restore
from controller.record.verify import verify
from controller.service.program import PROGRAM
from controller.session.act_errors import DosingBlocked
from simulator.ports import Chip
from tests.support.arms import TECHNICIAN
from tests.support.bills import dosing, pen_for
from tests.support.theatre import Theatre

PLAN = dosing(6, 4)


async def test_a_pen_that_was_not_armed_since_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "j"
    async with Theatre(folder, pen_for(PLAN)) as theatre:
        await theatre.play(PLAN)
        back_up(folder, tmp_path / "backup", theatre.clock)
        await theatre.stop()
        folder.rename(tmp_path / "kept")
        restore(tmp_path / "backup", folder, min_free_bytes=0)
        await theatre.start()
        theatre.stage.fit_cartridge(Chip(0xFEED, 1, 1, 1_000, used=False))
        await theatre.play(dosing(3))
        theatre.check()


@pytest.mark.hazard("H04", "H14")
async def test_a_pen_with_later_arms_blocks_dosing_on_a_restored_journal(tmp_path: Path) -> None:
    folder = tmp_path / "j"
    async with Theatre(folder, pen_for(PLAN)) as theatre:
        await theatre.begin(PLAN)
        work = theatre.operate()
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures == 3)
        made = back_up(folder, tmp_path / "backup", theatre.clock)
        await work
        later_arms = theatre.engine.books.ledger.highest_arm_id(theatre.stage.uid)
        theatre.check()
        await theatre.stop()
        folder.rename(tmp_path / "kept")
        assert restore(tmp_path / "backup", folder, min_free_bytes=0) == made
        assert verify(folder, expected_head=made.head).ok
        await theatre.start()
        await theatre.until(lambda: theatre.engine.link_error is not None)
        assert f"The pen knows arm {later_arms} of this host" in str(theatre.engine.link_error)
        assert [name for name in theatre.engine.alarms.active if name.startswith("books-")]
        before = theatre.stage.truth.so_far().counted
        for act in (theatre.acts.treat, theatre.acts.prime):
            with pytest.raises(MicropenError):
                await act(PROGRAM)
        await theatre.rest(2.0)
        assert theatre.stage.truth.so_far().counted == before
        for arm in theatre.engine.books.ledger.open_intervals():
            await theatre.acts.seal(arm.opened.arm_id, TECHNICIAN, "restored")
        with pytest.raises(DosingBlocked, match="not in this journal"):
            await theatre.acts.enrol(TECHNICIAN, "restored")
        await theatre.acts.close(PROGRAM)
        await theatre.acts.enrol(TECHNICIAN, "restored")
        assert theatre.engine.reconciled
        referee = theatre.referee()
        assert referee.open_arms == []
