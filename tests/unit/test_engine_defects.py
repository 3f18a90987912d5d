"""Whose fault an entry is that cannot be booked: our own code's, or the pen's."""

import pytest

from controller.record.events import Contradiction
from controller.session.act_errors import DosingBlocked
from controller.session.states import WrongState
from tests.support.arms import PERSON
from tests.support.paper_pen import Room
from tests.support.virtual import advance


@pytest.mark.parametrize("kind", [ValueError, TypeError, KeyError])
async def test_an_error_of_the_books_own_code_is_a_defect_and_no_word_against_the_pen(
    monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    async with Room() as room:
        told: list[BaseException] = []
        stop_for = room.engine.on_defect

        def tell(error: BaseException) -> None:
            told.append(error)
            stop_for(error)

        room.engine.on_defect = tell
        await room.treating()

        def broken(*_: object) -> None:
            raise kind("a defect of our own")

        with monkeypatch.context() as patched:
            patched.setattr(room.books.ledger, "apply", broken)
            room.say_battery(80)
            await advance(0)
        assert [type(error) for error in told] == [kind]
        assert room.stops == [f"internal error: {told[0]!r}"]
        assert room.recorded(Contradiction) == []
        assert room.engine.violations == []
        assert not [each for each in room.alarms if each.startswith("books-contradict-pen")]
        with pytest.raises((DosingBlocked, WrongState)):
            await room.acts.treat(PERSON)


async def test_an_entry_against_the_books_is_still_a_word_against_the_pen() -> None:
    async with Room() as room:
        await room.treating()
        room.engine.note(room.arm.opened)
        await advance(0.1)
        (found,) = room.recorded(Contradiction)
        assert "opened twice" in found.sentence
        assert found.sentence in room.stops[0]
