"""One witness after the other has nothing to show: nothing is sent, and it is named."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from controller.console.publishing import PERIOD_S
from controller.link.exchange import Exchange
from controller.link.handshake import Handshake
from controller.link.heard import Heard
from controller.pen.driver import PenLine
from controller.pen.follow import Follower
from controller.record.events import ServiceStopped
from controller.service.app import Service
from controller.service.supervised.evidence import (
    ACT_S,
    CHANGE_S,
    COMMIT_S,
    GRANTS_S,
    PEN_LINE_S,
    SCREEN_S,
    STATUS_S,
    WORK_S,
    ScreenWitness,
)
from controller.service.supervised.watchdog import TURN_S, Watchdog, watched
from controller.session.hearing import Hearing
from controller.session.states import State
from tests.support.bills import dosing, pen_for
from tests.support.manager import Listening, fed, goes_hungry
from tests.support.theatre import Theatre
from tests.support.virtual import VirtualLoop, advance

PLAN = dosing(12, 2)


async def hangs(*_: Any) -> Any:
    """What never comes."""
    await asyncio.get_running_loop().create_future()


class Page:
    """A door whose thread and page get on until they are told not to."""

    def __init__(self) -> None:
        self.turns = 0
        self.page_turns = 0
        self.answers = self.tells = True

    def nudge(self) -> None:
        self.turns += self.answers
        self.page_turns += self.tells


@pytest.mark.hazard("H09")
@pytest.mark.parametrize("linked", [True, False])
async def test_a_pen_line_that_hangs_in_an_await_is_not_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, linked: bool
) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre, fed(theatre) as manager:
        await theatre.until(lambda: theatre.engine.reconciled)
        if linked:
            monkeypatch.setattr(Follower, "_wait", hangs)
        else:
            monkeypatch.setattr(theatre.opener, "open", hangs)
            theatre.unplug()
        status = await goes_hungry(manager, theatre, PEN_LINE_S)
        assert status.startswith("not alive: pen line has not turned for ")


@pytest.mark.hazard("H09")
@pytest.mark.parametrize("place", [(Handshake, "run"), (PenLine, "link_up"), (Exchange, "request")])
async def test_wherever_the_pen_line_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: tuple[type, str]
) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre, fed(theatre) as manager:
        await theatre.until(lambda: theatre.engine.reconciled)
        monkeypatch.setattr(*place, hangs)
        theatre.unplug()
        await advance(3.0)
        theatre.replug()
        status = await goes_hungry(manager, theatre, 5.0 + PEN_LINE_S)
        assert "pen line has not turned" in status


@pytest.mark.hazard("H09")
async def test_a_link_that_is_kept_without_a_status_is_not_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Exchange, "_check_silence", lambda _: None)
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre, fed(theatre) as manager:
        await theatre.until(lambda: theatre.engine.reconciled)
        monkeypatch.setattr(Heard, "note", lambda *_: False)
        status = await goes_hungry(manager, theatre, STATUS_S)
        assert "pen line keeps a link without a status" in status


@pytest.mark.hazard("H09")
async def test_statuses_that_nobody_judges_are_not_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre, fed(theatre) as manager:
        await theatre.until(lambda: theatre.engine.reconciled)
        monkeypatch.setattr(Hearing, "pen_status", lambda *_: None)
        status = await goes_hungry(manager, theatre, STATUS_S)
        assert "session engine has judged no status" in status


@pytest.mark.hazard("H09")
async def test_a_lease_that_is_not_renewed_is_not_alive_and_nothing_else_renews_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre, fed(theatre) as manager:
        await theatre.begin(PLAN)
        work = theatre.operate()
        await theatre.until(lambda: theatre.engine.state is State.RUNNING)
        drive = theatre.engine.drive
        assert drive is not None
        # The pen ends such an arm after a second; here nobody may hear of it.
        monkeypatch.setattr(theatre.engine, "has_ended", lambda _: False)
        monkeypatch.setattr(drive, "_grant", lambda *_: None)
        with capture_logs() as lines:
            await theatre.until(lambda: "not alive" in manager.status, GRANTS_S + TURN_S + 0.1)
        assert "session engine has not renewed the lease" in manager.status
        assert [line["witness"] for line in lines if line["event"] == "no sign of life"] == [
            "session engine"
        ]
        assert not drive.is_granting
        monkeypatch.undo()
        await work  # the pen ended the arm, and the next one goes on where it stopped
        await advance(2 * TURN_S)
        assert "not alive" not in manager.status
        theatre.check()


@pytest.mark.hazard("H09")
async def test_the_first_witness_that_is_missing_ends_the_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pen rests by its lease long before a manager would act."""
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre, fed(theatre) as manager:
        await theatre.begin(PLAN)
        work = theatre.operate()
        await theatre.until(lambda: theatre.engine.state is State.RUNNING)
        await theatre.until(lambda: theatre.stage.moves)
        monkeypatch.setattr(Follower, "_wait", hangs)
        await theatre.until(lambda: "not alive" in manager.status)
        assert await theatre.rest(1.5) <= 0.4
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        theatre.check(still_open=len(theatre.referee().open_arms))


@pytest.mark.hazard("H09")
async def test_engine_work_that_hangs_is_not_alive(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre, fed(theatre) as manager:
        await theatre.until(lambda: theatre.engine.reconciled)
        theatre.engine.spawn(hangs())
        status = await goes_hungry(manager, theatre, WORK_S)
        assert "session engine waits for what does not come" in status


@pytest.mark.hazard("H09")
async def test_an_act_that_never_ends_is_not_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre, fed(theatre) as manager:
        await theatre.begin(PLAN)
        monkeypatch.setattr(type(theatre.engine.pen), "cartridge", hangs)
        work = theatre.operate()
        status = await goes_hungry(manager, theatre, ACT_S)
        assert "session engine has been at one act" in status
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await advance(2 * TURN_S)
        assert manager.status == "pen ready; session ready"


@pytest.mark.hazard("H09", "H19")
async def test_a_commit_that_does_not_end_is_not_alive(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre, fed(theatre) as manager:
        await theatre.until(lambda: theatre.engine.reconciled)
        await advance(1.0)
        theatre.disk_s = (100.0, 100.0)
        theatre.engine.note(ServiceStopped(reason="a test"))
        status = await goes_hungry(manager, theatre, COMMIT_S)
        assert "journal has been committing for" in status
        theatre.disk_s = (0.001, 0.02)
        await advance(100.0)
        assert manager.status == "pen ready"


@pytest.mark.hazard("H09")
@pytest.mark.parametrize(
    ("part", "said"), [("answers", "does not serve"), ("tells", "tells the page nothing")]
)
async def test_a_screen_that_does_not_answer_is_not_alive(
    tmp_path: Path, part: str, said: str
) -> None:
    page = Page()
    async with (
        Theatre(tmp_path / "j", pen_for(PLAN)) as theatre,
        fed(theatre, {"screen": ScreenWitness(page)}) as manager,
    ):
        await advance(30.0)
        assert manager.status == "pen ready"
        setattr(page, part, False)
        status = await goes_hungry(manager, theatre, SCREEN_S)
        assert status.startswith(f"not alive: screen {said}")
        setattr(page, part, True)
        await advance(2 * TURN_S)
        assert manager.status == "pen ready"


@pytest.mark.hazard("H09")
async def test_nothing_is_sent_while_the_loop_stands_still(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre, fed(theatre) as manager:
        await theatre.until(lambda: theatre.engine.reconciled)
        await advance(5.0)
        before_mono_s = theatre.clock.mono_s()
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.stall(30.0)
        assert manager.pings_since(before_mono_s) == 0
        await advance(6.0)
        assert manager.longest_silence_s(before_mono_s) >= 30.0
        assert manager.status == "pen ready"


async def test_a_change_of_pens_may_take_its_time_but_not_for_ever(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        there, beats = [True], [0]

        def present() -> Service | None:
            return theatre.service if there[0] else None

        async with fed(theatre, present=present, beats=lambda: beats[0]) as manager:
            await theatre.until(lambda: theatre.engine.reconciled)
            there[0] = False
            before_mono_s = theatre.clock.mono_s()
            await advance(CHANGE_S)
            assert manager.status == "changing pens"
            assert manager.longest_silence_s(before_mono_s) <= 2 * TURN_S
            beats[0] += 1  # a record of a million entries is read
            await advance(CHANGE_S)
            assert manager.longest_silence_s(before_mono_s) <= 2 * TURN_S
            status = await goes_hungry(manager, theatre, 0.0)
            assert "change of pens has stood still" in status
            there[0] = True
            await advance(2 * TURN_S)
            assert manager.status == "pen ready"


async def test_a_defect_of_the_watchdog_itself_is_told_and_nothing_is_fed(tmp_path: Path) -> None:
    class Broken:
        def missing(self) -> dict[str, str]:
            raise ZeroDivisionError

    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        manager = Listening(theatre.clock)
        with capture_logs() as lines:
            async with watched(Watchdog(manager, Broken(), lambda: theatre.service)):
                await advance(30.0)
        assert manager.lines == ["STOPPING=1", "STATUS=stopping"]
        assert "the watchdog met a defect" in [line["event"] for line in lines]


def test_the_page_is_told_much_more_often_than_it_must() -> None:
    assert 10 * PERIOD_S < SCREEN_S
