"""Two ways to the end of one arm: whoever comes second finds it closed, and the session goes on."""

import pytest

from controller.errors import JournalWriteFailed
from controller.record.events import ArmClosed, Body
from controller.session.closing import seal_body
from controller.session.states import State
from protocol.words import EndReason
from tests.support.arms import PEN, PERSON, TECHNICIAN
from tests.support.paper_pen import Room
from tests.support.scribes import Scribe
from tests.support.sessions import SESSION
from tests.support.virtual import advance


def hand_in(room: Room, *bodies: Body) -> None:
    """Another closing entry, on its way to a disk that holds it back."""
    room.scribe.holds = True
    room.engine.recorder.submit(*bodies, session_id=SESSION, pen_uid=PEN)


@pytest.mark.hazard("H08")
async def test_a_closing_entry_that_came_first_ends_the_arm() -> None:
    async with Room() as room:
        await room.treating()
        await room.strokes(2)
        hand_in(room, seal_body(room.arm, TECHNICIAN, "another way"))
        room.pen.end_arm(EndReason.LAPSE)
        room.tell()
        await advance(1.0)
        assert room.is_in(State.ENDING)
        room.scribe.commit_all()
        await room.until(State.READY)
        assert [each.how for each in room.recorded(ArmClosed)] == ["sealed"]
        assert room.alarms == ["lease-lapsed"], "the pen's own word is heard all the same"
        assert room.stops == []
        assert room.engine.drive is None
        again = room.restart()
        assert again.books.ledger.open_intervals() == []
        assert "lease-lapsed" in again.books.alarms


@pytest.mark.hazard("H08", "H19")
async def test_a_closing_entry_that_came_first_and_was_refused_is_made_up_for() -> None:
    async with Room() as room:
        await room.treating()
        await room.strokes(2)
        hand_in(room, seal_body(room.arm, TECHNICIAN, "another way"))
        await room.acts.pause(PERSON)
        await advance(1.0)
        successor = Scribe()
        room.scribe.broken = JournalWriteFailed("The test's disk failed.")
        room.engine.on_record_failed = lambda _: room.engine.recorder.continue_in(successor)
        room.scribe.fail()
        await advance(1.0)
        assert room.arm.closed is not None
        assert room.arm.closed.how == "final"
        assert room.is_in(State.READY)
