"""The event stream of one boot: in order, once, gaps seen."""

from controller.pen.strokes import HELD_MAX, StrokeStream
from protocol.messages import EventRecord, Events
from protocol.words import EventFlag, EventKind
from tests.support.fake_pen import status_of


def batch(first: int, count: int = 1, *, arm_id: int = 1, boot_id: int = 1) -> Events:
    records = tuple(EventRecord(n, 0x09, 500, 2, 1) for n in range(first, first + count))
    return Events(status_of(0, boot_id=boot_id), arm_id, first, 3, records)


def indexes(stream: StrokeStream, *batches: Events) -> list[int]:
    return [stroke.index for events in batches for stroke in stream.feed(events)]


def test_a_record_becomes_a_stroke_in_our_units() -> None:
    record = EventRecord(0xFFFF_FFFF, EventKind.PRELOAD | EventFlag.PARTIAL, 700, 41, 255)
    (stroke,) = StrokeStream(1, 6).feed(Events(status_of(), 9, 6, 2, (record,)))
    assert (stroke.index, stroke.arm_id, stroke.pen_ticks) == (6, 9, (2 << 32) + 0xFFFF_FFFF)
    assert (stroke.kind, stroke.flags) == (EventKind.PRELOAD, EventFlag.PARTIAL)
    assert (stroke.protrusion_um, stroke.steps, stroke.peak_load_dn) == (700, 41, 255)


def test_repeats_are_dropped_also_in_part() -> None:
    stream = StrokeStream(1, 0)
    assert indexes(stream, batch(0, 3), batch(0, 3), batch(1, 4), batch(2, 1)) == [0, 1, 2, 3, 4]
    assert stream.missing() is None


def test_a_gap_is_seen_at_once_and_filled_in_order() -> None:
    stream = StrokeStream(1, 0)
    assert indexes(stream, batch(0, 2), batch(4, 2)) == [0, 1]
    assert stream.missing() == 2
    assert indexes(stream, batch(2, 2)) == [2, 3, 4, 5]
    assert stream.missing() is None


def test_events_that_nobody_showed_yet_are_missing_when_expected() -> None:
    stream = StrokeStream(1, 0)
    stream.expect(2)
    stream.expect(1)
    assert stream.missing() == 0
    assert indexes(stream, batch(0, 2)) == [0, 1]
    assert stream.missing() is None


def test_events_of_another_boot_are_never_mixed_in() -> None:
    stream = StrokeStream(1, 0)
    assert indexes(stream, batch(0, 2, boot_id=2), batch(5, 1, boot_id=2)) == []
    assert stream.missing() is None
    assert indexes(stream, batch(0, 1)) == [0]


def test_what_the_ring_lost_is_skipped_up_to_the_first_that_is_there() -> None:
    stream = StrokeStream(1, 0)
    assert indexes(stream, batch(8, 2)) == []
    assert stream.skip_lost(5) == (5, [])
    assert stream.missing() == 5
    assert indexes(stream, batch(5, 3)) == [5, 6, 7, 8, 9]


def test_an_event_held_here_ends_the_loss_although_the_ring_lost_it() -> None:
    stream = StrokeStream(1, 0)
    indexes(stream, batch(3, 2))
    first_present, strokes = stream.skip_lost(7)
    assert first_present == 3
    assert [stroke.index for stroke in strokes] == [3, 4]
    assert stream.next_index == 5


def test_a_repeat_is_not_held_as_if_it_were_ahead() -> None:
    stream = StrokeStream(1, 0)
    assert indexes(stream, batch(0), batch(0)) == [0]
    stream.expect(5)
    assert stream.skip_lost(4) == (4, [])
    assert stream.missing() == 4


def test_memory_stays_bounded_behind_a_gap() -> None:
    stream = StrokeStream(1, 0)
    for first in range(1, 2 * HELD_MAX, 14):
        assert stream.feed(batch(first, 14)) == []
    assert len(indexes(stream, batch(0))) == HELD_MAX
    assert stream.missing() == HELD_MAX
