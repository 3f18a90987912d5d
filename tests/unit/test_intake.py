"""From the event stream to committed batches: in order, once, and only then acknowledged."""

from collections.abc import Sequence

import pytest

from controller.pen.strokes import PenStroke
from controller.record.events import Stroke, Strokes
from controller.session.books import Books
from controller.session.intake import GAP_MAX_S, GAP_S, Intake, to_record
from controller.session.recorder import Recorder
from protocol.words import EventFlag, EventKind
from tests.support.arms import BOOT, PEN, UID, event, opened
from tests.support.scribes import Scribe
from tests.support.virtual import VirtualClock, advance


def pushed(first: int, count: int = 1, arm_id: int = 1, **changes: int) -> list[PenStroke]:
    steps = changes.get("steps", 10)
    return [
        PenStroke(
            index, 1_000 * index, EventKind.PUNCTURE, EventFlag.CONTACT, 500, steps, 5, arm_id
        )
        for index in range(first, first + count)
    ]


class Ahead:
    """Raises ceilings to so many strokes beyond what is committed."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def ceilings_after(self, strokes: Sequence[Stroke]) -> tuple[int, int]:
        done = self._books.ledger.intervals[(PEN, 1)].committed.punctures + len(strokes)
        return done + 2, (done + 2) * 10


class Desk:
    """An intake for an open arm, on a scribe that holds what it gets."""

    def __init__(self) -> None:
        self.scribe, self.books = Scribe(), Books()
        self.books.apply(opened(), "s-1", "2030-01-01T00:00:00Z")
        self.failures: list[Exception] = []
        self.committed = 0
        self.recorder = Recorder(self.scribe, self.books, self.failures.append)
        self.clock = VirtualClock.running()
        self.intake = Intake(
            self.recorder, self.books.ledger, self.clock, UID, BOOT, self._committed
        )
        self.scribe.holds = True

    def _committed(self) -> None:
        self.committed += 1

    @property
    def batches(self) -> list[Strokes]:
        return [body for body in self.scribe.bodies if isinstance(body, Strokes)]

    @property
    def indexes(self) -> list[list[int]]:
        return [[stroke.index for stroke in body.strokes] for body in self.batches]

    async def commit(self) -> None:
        self.scribe.commit_next()
        await advance(0.001)
        await advance(0.001)


def test_the_journals_form_of_an_event() -> None:
    flags = EventFlag.CONTACT | EventFlag.PARTIAL | EventFlag.DEPTH_MISS
    stroke = PenStroke(7, 123, EventKind.PRELOAD, flags, 480, 9, 6, 3)
    assert to_record(stroke) == event(
        7,
        "preload",
        9,
        pen_ticks=123,
        protrusion_um=480,
        partial=True,
        depth_miss=True,
        peak_load_dn=6,
    )
    for kind in EventKind:
        assert to_record(PenStroke(0, 0, kind, EventFlag(0), 0, 0, 0, 1)).kind == kind.name.lower()
    trip = to_record(PenStroke(0, 0, EventKind.PUNCTURE, EventFlag.LOAD_TRIP, 0, 0, 0, 1))
    assert (trip.contact, trip.partial, trip.load_trip, trip.depth_miss) == (
        False,
        False,
        True,
        False,
    )


@pytest.mark.hazard("H04")
async def test_one_commit_at_a_time_and_the_rest_waits_for_the_next() -> None:
    desk = Desk()
    desk.intake.take(pushed(0, 2))
    desk.intake.take(pushed(2))
    desk.intake.take(pushed(3, 2))
    assert len(desk.scribe.waiting) == 1
    assert desk.intake.acked_index == 0
    await desk.commit()
    assert desk.intake.acked_index == 2
    assert desk.committed == 1
    await desk.commit()
    assert desk.indexes == [[0, 1], [2, 3, 4]]
    assert (desk.intake.acked_index, desk.committed) == (5, 2)
    assert [draft.session_id for draft in desk.scribe.drafts] == ["s-1", "s-1"]


async def test_the_drives_ceilings_go_into_the_same_transaction() -> None:
    desk = Desk()
    desk.intake.raise_for(1, Ahead(desk.books))
    desk.intake.take(pushed(0, 2))
    await desk.commit()
    assert (desk.batches[0].puncture_ceiling, desk.batches[0].step_ceiling) == (4, 40)
    desk.intake.raise_for(1, None)
    await advance(GAP_S)
    desk.intake.take(pushed(2))
    await desk.commit()
    assert (desk.batches[1].puncture_ceiling, desk.batches[1].step_ceiling) == (4, 40)


async def test_events_of_several_arms_are_kept_apart() -> None:
    desk = Desk()
    desk.intake.raise_for(1, Ahead(desk.books))
    desk.intake.take([*pushed(0), *pushed(1, arm_id=0), *pushed(2, arm_id=9), *pushed(3)])
    desk.scribe.commit_all()
    await advance(0.001)
    assert [(body.arm_id, body.puncture_ceiling) for body in desk.batches] == [
        (1, 3), (0, 0), (9, 0), (1, 3),
    ]  # fmt: skip
    assert [draft.session_id for draft in desk.scribe.drafts] == ["s-1", None, None, "s-1"]
    assert desk.books.ledger.intervals[(PEN, 1)].committed.punctures == 2
    assert desk.committed == 1


async def test_fast_strokes_share_commits() -> None:
    """At 150 Hz the pen sends four each 26.7 ms; two such batches go to the disk together."""
    desk = Desk()
    for first in range(0, 28, 4):
        desk.intake.take(pushed(first, 4))
        if desk.scribe.waiting:
            await desk.commit()
        await advance(4 / 150 - 0.002)
    assert [len(indexes) for indexes in desk.indexes] == [4, 8, 8, 8]
    assert desk.intake.acked_index == 28


async def test_slow_strokes_wait_for_nobody() -> None:
    desk = Desk()
    for index in range(4):
        desk.intake.take(pushed(index))
        assert len(desk.scribe.waiting) == 1, "a stroke at 20 Hz waited"
        await desk.commit()
        await advance(0.05 - 0.002)
    assert desk.indexes == [[0], [1], [2], [3]]


async def test_the_last_of_fast_strokes_do_not_wait_long() -> None:
    desk = Desk()
    desk.intake.take(pushed(0, 4))
    await desk.commit()
    await advance(0.01)
    desk.intake.take(pushed(4, 4))
    await advance(GAP_MAX_S - 0.012 - 0.002)
    assert not desk.scribe.waiting
    await advance(0.003)
    await desk.commit()
    assert desk.indexes == [[0, 1, 2, 3], [4, 5, 6, 7]]


async def test_what_waits_for_company_is_not_committed_after_the_link() -> None:
    desk = Desk()
    desk.intake.take(pushed(0))
    await desk.commit()
    desk.intake.take(pushed(1))
    desk.intake.close()
    await advance(1.0)
    assert desk.indexes == [[0]]


async def test_age_of_the_oldest_uncommitted_event() -> None:
    desk = Desk()
    assert desk.intake.oldest_age_s() == 0
    desk.intake.take(pushed(0))
    await advance(0.4)
    desk.intake.take(pushed(1))
    await advance(0.1)
    assert desk.intake.oldest_age_s() == pytest.approx(0.5, abs=0.01)
    await desk.commit()
    assert desk.intake.oldest_age_s() == pytest.approx(0.1, abs=0.01)
    await desk.commit()
    assert desk.intake.oldest_age_s() == 0


async def test_after_the_loss_nothing_more_is_committed_or_told() -> None:
    desk = Desk()
    desk.intake.take(pushed(0))
    desk.intake.take(pushed(1))
    desk.intake.close()
    await desk.commit()
    assert (desk.indexes, desk.committed) == ([[0]], 0)
    assert desk.books.ledger.next_index[(PEN, BOOT)] == 1  # durable all the same
    assert desk.scribe.waiting == []


@pytest.mark.hazard("H19")
async def test_what_a_failed_file_refused_is_taken_again_in_order() -> None:
    """The engine drops what waits and asks the pen again; nothing is lost, nothing comes twice."""
    desk = Desk()
    desk.intake.take(pushed(0, 2))
    desk.intake.take(pushed(2))
    desk.scribe.fail()
    following = Scribe()
    await advance(0.001)
    desk.recorder.continue_in(following)
    desk.intake.forget_waiting()
    assert desk.intake.acked_index == 0
    desk.intake.take(pushed(0, 4))
    await advance(0.001)
    assert [stroke.index for body in following.bodies for stroke in body.strokes] == [0, 1, 2, 3]  # type: ignore[attr-defined]  # all are Strokes
    assert desk.intake.acked_index == 4
    assert len(desk.failures) == 1


@pytest.mark.hazard("H17")
async def test_without_a_file_events_wait_in_the_pen() -> None:
    desk = Desk()
    desk.intake.take(pushed(0))
    desk.scribe.fail()
    await advance(0.001)
    desk.intake.take(pushed(1))
    assert desk.scribe.waiting == []
    assert (desk.intake.acked_index, desk.committed) == (0, 0)


async def test_events_that_never_come_are_not_awaited() -> None:
    desk = Desk()
    desk.intake.skip_to(40)
    assert desk.intake.acked_index == 40
    desk.intake.skip_to(30)
    assert desk.intake.acked_index == 40
    desk.intake.take(pushed(40))
    await desk.commit()
    assert desk.intake.acked_index == 41


async def test_a_new_boot_counts_from_its_own_start() -> None:
    desk = Desk()
    desk.intake.take(pushed(0, 3))
    await desk.commit()
    rebooted = Intake(desk.recorder, desk.books.ledger, desk.clock, UID, BOOT + 1, lambda: None)
    assert rebooted.acked_index == 0
