"""Whatever the line does to the batches: every event once, in order, and every gap seen."""

from hypothesis import given
from hypothesis import strategies as st

from controller.pen.strokes import StrokeStream
from protocol.messages import EventRecord, Events
from tests.support.fake_pen import status_of

TOTAL = 60
BATCHES = st.lists(st.tuples(st.integers(0, TOTAL - 1), st.integers(1, 14)), max_size=40)


def batch(first: int, count: int, boot_id: int = 1) -> Events:
    """Events `first` on, up to TOTAL; each record's tick is its index."""
    after = min(first + count, TOTAL)
    records = tuple(EventRecord(n, 0x09, 500, 2, 1) for n in range(first, after))
    return Events(status_of(0, boot_id=boot_id), 1, first, 0, records)


@given(BATCHES, st.integers(0, 20))
def test_any_order_gives_each_event_once_in_index_order(
    batches: list[tuple[int, int]], start: int
) -> None:
    stream, given_out, arrived = StrokeStream(1, start), [], set()
    for first, count in batches:
        events = batch(first, count)
        arrived |= {record.ticks_low for record in events.records}
        given_out += stream.feed(events)
        given_out += stream.feed(batch(first, count, boot_id=2))
        ahead = {index for index in arrived if index >= stream.next_index}
        assert (stream.missing() is not None) == bool(ahead)
        assert stream.next_index not in arrived
    assert [stroke.index for stroke in given_out] == list(range(start, stream.next_index))
    assert all(stroke.pen_ticks == stroke.index for stroke in given_out)


@given(BATCHES)
def test_asking_for_what_is_missing_always_ends_with_everything(
    batches: list[tuple[int, int]],
) -> None:
    stream = StrokeStream(1, 0)
    got = [stroke.index for first, count in batches for stroke in stream.feed(batch(first, count))]
    stream.expect(TOTAL)
    requests = 0
    while (missing := stream.missing()) is not None:
        requests += 1
        assert requests <= TOTAL
        got += [stroke.index for stroke in stream.feed(batch(missing, 14))]
    assert got == list(range(TOTAL))


@given(BATCHES, st.integers(0, TOTAL))
def test_a_loss_leaves_out_exactly_what_neither_end_has(
    batches: list[tuple[int, int]], oldest: int
) -> None:
    stream = StrokeStream(1, 0)
    got = [stroke.index for first, count in batches for stroke in stream.feed(batch(first, count))]
    arrived = {n for first, count in batches for n in range(first, min(first + count, TOTAL))}
    stream.expect(TOTAL)
    while (missing := stream.missing()) is not None:
        if oldest > missing:
            first_present, strokes = stream.skip_lost(oldest)
            assert not arrived & set(range(missing, first_present))
            assert first_present in arrived or first_present == oldest
        else:
            strokes = stream.feed(batch(missing, 14))
        got += [stroke.index for stroke in strokes]
    assert got == sorted(arrived | set(range(oldest, TOTAL)))
