"""Commit first, then the books; and no failure is swallowed on the way."""

import asyncio

import pytest

from controller.errors import JournalError, JournalWriteFailed
from controller.session.amounts import Amount
from controller.session.books import Books
from controller.session.ledger import LedgerViolation
from controller.session.recorder import ClosedAlready, Recorder
from tests.support.arms import PEN, batch, closed, event, opened
from tests.support.scribes import Scribe
from tests.support.virtual import advance

KEY = (PEN, 1)


class Desk:
    """A recorder with its scribe, its books, and the failures that it told of."""

    def __init__(self) -> None:
        self.scribe, self.books = Scribe(), Books()
        self.told: list[Exception] = []
        self.recorder = Recorder(self.scribe, self.books, self.told.append)


@pytest.mark.hazard("H04")
async def test_nothing_is_booked_before_it_is_durable() -> None:
    desk = Desk()
    desk.scribe.holds = True
    waiting = desk.recorder.submit(opened(), session_id="s-1", pen_uid=PEN)
    await advance(1.0)
    assert desk.books.ledger.intervals == {}
    assert not waiting.done()
    desk.scribe.commit_next()
    (entry,) = await waiting
    assert entry.session_id == "s-1"
    assert desk.books.ledger.intervals[KEY].session_id == "s-1"


async def test_whoever_waits_reads_the_booked_books() -> None:
    desk = Desk()
    await desk.recorder.commit(opened(), batch(ceilings=(2, 20)))
    assert desk.books.ledger.intervals[KEY].puncture_ceiling == 2


async def test_cancelling_the_waiter_does_not_cancel_the_commit() -> None:
    desk = Desk()
    desk.scribe.holds = True
    waiter = asyncio.create_task(desk.recorder.commit(opened()))
    await advance(0)
    waiter.cancel()
    await asyncio.wait([waiter])
    assert waiter.cancelled()
    desk.scribe.commit_next()
    await advance(0)
    assert KEY in desk.books.ledger.intervals


@pytest.mark.hazard("H19")
async def test_the_first_failure_is_told_once_and_nothing_is_booked() -> None:
    desk = Desk()
    desk.scribe.holds = True
    waiting = [desk.recorder.submit(opened(number)) for number in (1, 2)]
    desk.scribe.fail()
    for each in waiting:
        with pytest.raises(JournalWriteFailed):
            await each
    assert len(desk.told) == 1
    assert isinstance(desk.told[0], JournalError)
    assert (desk.recorder.failed, desk.recorder.accepts) == (True, False)
    assert desk.books.ledger.intervals == {}


@pytest.mark.hazard("H19")
async def test_a_note_that_nobody_waits_for_fails_aloud() -> None:
    desk = Desk()
    desk.scribe.broken = JournalWriteFailed("x")
    desk.recorder.submit(opened())
    await advance(0)
    assert len(desk.told) == 1


@pytest.mark.hazard("H19")
async def test_the_record_goes_on_in_a_successor_and_fails_there_once_more() -> None:
    desk, following = Desk(), Scribe()
    desk.scribe.broken = JournalWriteFailed("x")
    with pytest.raises(JournalWriteFailed):
        await desk.recorder.commit(opened())
    desk.recorder.continue_in(following)
    assert (desk.recorder.failed, desk.recorder.accepts) == (True, True)
    await desk.recorder.commit(opened())
    assert len(following.bodies) == 1
    following.broken = JournalWriteFailed("y")
    with pytest.raises(JournalWriteFailed):
        await desk.recorder.commit(opened(2))
    assert len(desk.told) == 2
    assert not desk.recorder.accepts


@pytest.mark.hazard("H19")
async def test_a_late_refusal_of_the_old_file_does_not_hurt_the_new_one() -> None:
    desk, following = Desk(), Scribe()
    desk.scribe.holds = True
    first, late = desk.recorder.submit(opened(1)), desk.recorder.submit(opened(2))
    desk.scribe.waiting[0][1].set_exception(JournalWriteFailed("x"))
    with pytest.raises(JournalWriteFailed):
        await first
    desk.recorder.continue_in(following)
    desk.scribe.waiting[1][1].set_exception(JournalWriteFailed("x"))
    with pytest.raises(JournalWriteFailed):
        await late
    assert desk.recorder.accepts
    assert len(desk.told) == 1


@pytest.mark.hazard("H02")
async def test_what_contradicts_the_books_is_not_swallowed() -> None:
    """It is durable already: the file goes on, but nobody may arm any more."""
    desk = Desk()
    await desk.recorder.commit(opened(), batch(event(0), ceilings=(2, 20)))
    with pytest.raises(LedgerViolation, match="booked twice"):
        await desk.recorder.commit(batch(event(0), ceilings=(2, 20)))
    assert [type(error) for error in desk.told] == [LedgerViolation]
    assert (desk.recorder.failed, desk.recorder.accepts) == (True, True)


async def test_a_commit_that_is_given_up_cancels_who_waits() -> None:
    desk = Desk()
    desk.scribe.holds = True
    waiting = desk.recorder.submit(opened())
    desk.scribe.waiting[0][1].cancel()
    await advance(0)
    assert waiting.cancelled()
    assert desk.told == []


async def test_a_closed_recorder_takes_nothing_more() -> None:
    desk = Desk()
    desk.recorder.close()
    assert (desk.recorder.failed, desk.recorder.accepts) == (False, False)


@pytest.mark.hazard("H08")
async def test_an_arm_is_closed_once_also_while_the_disk_is_slow() -> None:
    desk = Desk()
    await desk.recorder.commit(opened(1), opened(2))
    desk.scribe.holds = True
    word = closed(opened(1), Amount())
    desk.recorder.submit(word)
    with pytest.raises(ClosedAlready, match="Arm 1 "):
        await desk.recorder.commit(word)
    desk.recorder.submit(closed(opened(2), Amount()))
    desk.scribe.commit_all()
    await advance(0)
    with pytest.raises(ClosedAlready, match="Arm 1 "):
        desk.recorder.submit(word)
    assert len(desk.scribe.bodies) == 4
    assert not desk.recorder.failed


@pytest.mark.hazard("H08", "H19")
async def test_a_closing_entry_that_the_disk_refused_may_be_written_again() -> None:
    desk, following = Desk(), Scribe()
    await desk.recorder.commit(opened())
    desk.scribe.broken = JournalWriteFailed("x")
    with pytest.raises(JournalWriteFailed):
        await desk.recorder.commit(closed(opened(), Amount()))
    desk.recorder.continue_in(following)
    await desk.recorder.commit(closed(opened(), Amount()))
    assert not desk.books.ledger.intervals[KEY].is_open


async def test_a_service_that_is_ending_records_nothing_that_comes_late() -> None:
    desk = Desk()
    await desk.recorder.commit(opened())
    desk.recorder.close()
    with pytest.raises(JournalWriteFailed, match="ending"):
        await desk.recorder.commit(batch(ceilings=(2, 20)))
    desk.recorder.continue_in(desk.scribe)
    assert not desk.recorder.accepts
    assert desk.books.ledger.intervals[KEY].puncture_ceiling == 0
    assert desk.told == []
