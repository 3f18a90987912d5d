"""An arm has one end on record: whoever comes second to close it is refused, and it can be read."""

import asyncio
from pathlib import Path

import pytest

from controller.errors import LinkLost
from controller.pen.driver import Pen
from controller.record.entry import Entry
from controller.record.events import Body
from controller.service.app import read_books
from controller.service.program import PROGRAM
from controller.session import arming
from controller.session.recorder import ClosedAlready
from controller.session.states import State
from protocol.messages import StrokeSettings
from tests.support.arms import TECHNICIAN
from tests.support.bills import dosing, pen_for
from tests.support.theatre import Theatre
from tests.support.virtual import advance

PLAN = dosing(6, 4)
SLOW_S = (2.0, 2.0)
QUICK_S = (0.001, 0.02)


@pytest.mark.hazard("H08", "H10")
@pytest.mark.parametrize("turns", range(5))
async def test_a_pen_pulled_between_its_preparation_and_the_arm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, turns: int
) -> None:
    configure = arming.configure

    async def pulled(pen: Pen, settings: StrokeSettings) -> int:
        digest = await configure(pen, settings)
        theatre.unplug()
        for _ in range(turns):
            await asyncio.sleep(0)
        return digest

    async with Theatre(tmp_path / "j", pen_for(PLAN), seed=1) as theatre:
        await theatre.begin(PLAN)
        with monkeypatch.context() as patched:
            patched.setattr(arming, "configure", pulled)
            with pytest.raises(LinkLost):
                await theatre.acts.prime(PROGRAM)
        await advance(1)
        assert theatre.engine.state in (State.READY, State.INTERRUPTED)
        theatre.replug()
        await advance(10)
        assert theatre.engine.state is State.READY
        assert not theatre.engine.recorder.failed
        theatre.check()
    assert read_books(tmp_path / "j").ledger.open_intervals() == []


@pytest.mark.hazard("H08", "H10")
async def test_a_seal_while_the_pens_own_word_is_on_its_way_to_the_disk(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN), seed=1) as theatre:
        await theatre.begin(PLAN)
        work = theatre.operate()
        await theatre.until(lambda: theatre.stage.world.mechanism.oracle.in_stroke)
        theatre.unplug()
        await advance(0.5)
        work.cancel()
        (interval,) = theatre.engine.books.ledger.open_intervals()
        recorder = theatre.engine.recorder
        theatre.replug()
        # Slow from the moment at which only the closing entry is left to be written.
        await theatre.engine.changes.until(lambda: theatre.engine.pen is not None, 30.0)
        await _slow_at_the_closing_entry(theatre)
        theatre.unplug()
        await advance(0.1)
        assert interval.is_open
        with pytest.raises(ClosedAlready):
            await theatre.acts.seal(interval.opened.arm_id, TECHNICIAN, "lost")
        theatre.disk_s = QUICK_S
        await advance(3)
        assert interval.closed is not None
        assert interval.closed.how == "final"
        assert not recorder.failed
        theatre.check()
    assert read_books(tmp_path / "j").ledger.open_intervals() == []


async def _slow_at_the_closing_entry(theatre: Theatre) -> None:
    recorder, seen = theatre.engine.recorder, asyncio.Event()
    submit = recorder.submit

    def slowly(*bodies: Body, **whose: str | None) -> "asyncio.Future[list[Entry]]":
        if bodies[0].kind == "arm_closed":
            theatre.disk_s = SLOW_S
            seen.set()
        return submit(*bodies, **whose)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(recorder, "submit", slowly)
        await asyncio.wait_for(seen.wait(), 30.0)
