"""The technician's terminal: keys, typed values, STOP, and what is shown meanwhile."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from controller.calibration.balance.words import Discard, Reading, Why
from controller.calibration.certificate.report import Stage
from controller.calibration.face import Kind, Question, Wish
from controller.calibration.instruments import RoomTable
from controller.calibration.procedure.steps import ReadRoom
from controller.service import calibrating, calibration_terminal
from controller.service.calibration_program import MOST_TRIES, CalibrationProgram, NeedsPerson
from controller.service.calibration_terminal import CalibrationTerminal
from controller.service.keys import GONE, STOP_KEYS
from controller.service.terminal import TerminalGone
from controller.session.states import State
from tests.support.virtual import advance
from tests.support.workshop import TECHNICIAN, Workshop, workshop

ROOM = Question(Kind.ROOM, "Liquid and air:", "21.4 22.1 1012.4 52")
STEP = ReadRoom(
    title="The room",
    instruction="Read it.",
    number=3,
    total=31,
    series=0,
    stage=Stage.AS_FOUND,
    at="start",
)


class Keyboard:
    """In the place of the key thread: what a person presses."""

    pressed: "Keyboard"

    def __init__(
        self, stop: Callable[[], None], keys: "asyncio.Queue[str]", is_text: Callable[[], bool]
    ) -> None:
        self._stop, self._keys, self._is_text = stop, keys, is_text
        Keyboard.pressed = self

    def press(self, text: str) -> None:
        for key in text:
            if key in STOP_KEYS and not self._is_text():
                self._stop()
            else:
                self._keys.put_nowait(key)

    def hang_up(self) -> None:
        self._keys.put_nowait(GONE)

    def close(self) -> None:
        """Nothing to give back."""


@asynccontextmanager
async def terminal(
    room: Workshop, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[CalibrationTerminal, Keyboard, io.StringIO]]:
    monkeypatch.setattr(calibration_terminal, "KeyThread", Keyboard)
    monkeypatch.setattr(calibration_terminal, "require_terminal", lambda: None)
    said, service = io.StringIO(), room.theatre.service

    def stop() -> None:
        service.stop("key")

    face = CalibrationTerminal(room.theatre.engine, stop, said)
    face.open()
    try:
        yield face, Keyboard.pressed, said
    finally:
        await face.close()


async def answer(face: CalibrationTerminal, question: Question, press: Callable[[], None]) -> str:
    asked = asyncio.create_task(face.ask(question))
    await advance(0.1)
    press()
    return await asked


async def test_a_value_is_typed_with_letters_that_stop_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with workshop(tmp_path) as room, terminal(room, monkeypatch) as (face, keys, said):
        reason = Question(Kind.REASON, "Why?")
        told = await answer(face, reason, lambda: keys.press("a drx\x7fop stays\n"))
        assert told == "a drop stays"
        assert room.theatre.engine.stops.count == 0
        assert "> a drop stay" in said.getvalue()
        assert await answer(face, ROOM, lambda: keys.press("20 20 1013 50\r")) == "20 20 1013 50"
        keys.press("s")
        await advance(0.1)
        assert room.theatre.engine.stops.count == 1


async def test_wishes_are_keys_and_escape_gives_up_in_a_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with workshop(tmp_path) as room, terminal(room, monkeypatch) as (face, keys, said):
        keys.press("Rma")
        assert [await face.wish() for _ in range(3)] == [Wish.REDO, Wish.MOVED, Wish.ABORT]
        asking = asyncio.create_task(face.ask(ROOM))
        await advance(0.1)
        keys.press("r2\x1b")
        assert await face.wish() is Wish.ABORT
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert await answer(face, Question(Kind.REASON, "?"), lambda: keys.press("so\x1b")) == ""
        keys.press("?")
        await advance(0.1)
        assert said.getvalue().count("Keys:") == 2


async def test_only_c_clears_and_only_enter_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with workshop(tmp_path) as room, terminal(room, monkeypatch) as (face, keys, _):
        for kind, wrong, right in ((Kind.CLEAR, "\nx", "c"), (Kind.TRY_AGAIN, "cx", "\n")):
            asking = asyncio.create_task(face.ask(Question(kind, "So?")))
            await advance(0.1)
            keys.press(wrong)
            await advance(0.1)
            assert not asking.done()
            keys.press(right)
            assert await asking == ""


async def test_a_terminal_that_is_gone_ends_every_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with workshop(tmp_path) as room, terminal(room, monkeypatch) as (face, keys, _):
        asking = asyncio.create_task(face.ask(ROOM))
        wishing = asyncio.create_task(face.wish())
        await advance(0.1)
        keys.hang_up()
        for each in (asking, wishing):
            with pytest.raises(TerminalGone, match="the pen was stopped"):
                await each


async def test_step_balance_and_state_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with workshop(tmp_path) as room, terminal(room, monkeypatch) as (face, _, said):
        face.show(STEP)
        face.live(Reading(3_541_200, 100, stable=True))
        await advance(0.3)
        assert "[3/31] none  balance 3.5412 g  SPACE = STOP" in said.getvalue()
        face.live(Reading(3_541_210, 10, stable=False))
        await advance(0.3)
        assert "balance 3.54121 g  moving" in said.getvalue()
        face.live(Discard(Why.OVERLOAD, b"S +"))
        await advance(0.3)
        assert "balance the balance is overloaded" in said.getvalue()


@pytest.mark.hazard("H34")
async def test_a_cadence_by_keys_with_a_stop_and_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with workshop(tmp_path) as room:
        theatre = room.theatre
        await theatre.engine.changes.until(lambda: theatre.engine.reconciled)
        async with terminal(room, monkeypatch) as (face, keys, said):
            room.face = face  # type: ignore[assignment]  # a person instead of the script
            work = room.begin("cadence")
            await theatre.until(lambda: theatre.engine.state is State.RUNNING, 60.0)
            keys.press(" ")
            await theatre.until(lambda: "c = clear it" in said.getvalue(), 60.0)
            assert not theatre.stage.moves
            keys.press("c")
            await theatre.until(lambda: theatre.engine.state is State.RUNNING, 60.0)
            keys.press("a")
            await theatre.until(lambda: "given up?" in said.getvalue(), 60.0)
            assert not theatre.stage.moves
            keys.press("the motor sounds odd\n")
            assert await work == "aborted"
        closed = room.book.closed
        assert closed is not None
        assert closed.reason == "the motor sounds odd"
        assert [alarm in said.getvalue() for alarm in ("HIGH:", "STOP")] == [True, True]
        theatre.check()


# --- a program at the same place ---


async def test_a_program_answers_what_needs_no_eyes() -> None:
    said = io.StringIO()
    room = RoomTable(
        liquid_mdegc=20_000, air_mdegc=21_500, pressure_pa=101_300, humidity_permille=505
    )
    face = CalibrationProgram(room, said)
    face.show(STEP)
    assert said.getvalue() == "[3/31] The room\n"
    assert await face.ask(ROOM) == "20.0 21.5 1013.0 50.5"
    assert await face.ask(Question(Kind.TACHOMETER, "?")) == "-"
    for kind in (Kind.GO_ON, Kind.CLEAR):
        assert await face.ask(Question(kind, "?")) == ""


async def test_a_program_refuses_what_needs_a_person() -> None:
    face = CalibrationProgram(None, io.StringIO())
    for question in (ROOM, Question(Kind.MASS, "?"), Question(Kind.INDICATOR, "?")):
        with pytest.raises(NeedsPerson):
            await face.ask(question)
    again = Question(Kind.TRY_AGAIN, "E7054 Not stable.\n  Likely cause: draught.")
    for _ in range(MOST_TRIES):
        assert await face.ask(again) == ""
    with pytest.raises(NeedsPerson, match=r"After 10 tries still: E7054 Not stable\.\n"):
        await face.ask(again)
    face.show(STEP)
    assert await face.ask(again) == ""


async def test_a_program_wishes_for_nothing() -> None:
    wishing = asyncio.create_task(CalibrationProgram(None, io.StringIO()).wish())
    await advance(3_600.0)
    assert not wishing.done()
    wishing.cancel()
    await asyncio.gather(wishing, return_exceptions=True)


async def test_a_whole_calibration_by_the_program(tmp_path: Path) -> None:
    said = io.StringIO()
    room_table = RoomTable(
        liquid_mdegc=20_000, air_mdegc=20_000, pressure_pa=101_300, humidity_permille=500
    )
    async with workshop(tmp_path) as room:
        room.face = CalibrationProgram(room_table, said)  # type: ignore[assignment]  # no script
        assert await room.calibrate() == "measured"
        assert "[31/31] Finished" in said.getvalue()
        assert room.book.opened.actor == TECHNICIAN
        with pytest.raises(calibrating.OtherOpen, match="dose of pen"):
            calibrating.same_procedure(room.book, "cadence")
