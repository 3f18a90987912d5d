"""Codec: what is out of range can neither be sent nor believed; the digest sees every field."""

import struct

import msgspec
import pytest

from protocol.codec import decode_payload, encode_payload, settings_digest
from protocol.fields import Leaf, Row, layout_of
from protocol.framing import Discard, DiscardReason, Frame
from protocol.limits import PAYLOAD_MAX_BYTES, SIMULATED_UID_MIN, is_simulated_uid
from protocol.messages import (
    HOST_KINDS,
    MESSAGES,
    PEN_KINDS,
    Configure,
    Counters,
    EventRecord,
    Events,
    Grant,
    Identity,
    Message,
    Query,
    Status,
    Stop,
    StrokeSettings,
)
from protocol.words import EventFlag, EventKind, Mode, PenState, QueryTopic

COUNTERS = Counters(1504, 90_240, 4_000, 7, 600, 800)
STATUS = Status(5_000_000, 7, 12, PenState.RUNNING, 0x1E, 0, COUNTERS, 4)
RECORD = EventRecord(3_500_000, EventKind.PUNCTURE | EventFlag.CONTACT, 1_003, 60, 12)
SETTINGS = StrokeSettings(Mode.DOSE, 1_000, 500_000, 60, 100_000)


def events(count: int) -> Events:
    """A batch of `count` equal records."""
    return Events(STATUS, 12, 2, 0, (RECORD,) * count)


def decode(message: Message, payload: bytes) -> Message | Discard:
    """What the codec makes of other payload bytes under the kind of `message`."""
    return decode_payload(Frame(message.KIND, 0, 0, payload))


def narrow_rows() -> list[tuple[type[Message], Row]]:
    """Every numeric leaf of every message that does not use all bit patterns of its type."""
    return [
        (message, row)
        for message in MESSAGES
        for row in layout_of(message)
        if row.leaf.is_narrow and row.leaf.code != "16s"
    ]


def outside(leaf: Leaf) -> list[int]:
    """Values that fit the type of a leaf but not its range."""
    top = (1 << 8 * leaf.size_bytes) - 1
    if leaf.allowed is not None:
        return [value for value in range(256) if value not in leaf.allowed]
    return [value for value in (leaf.low - 1, leaf.high + 1) if 0 <= value <= top]


def lowest_payload(message: type[Message]) -> bytearray:
    """A valid payload with every field at its lowest, one record where records belong."""
    rows = layout_of(message)
    return bytearray(b"".join(lowest_leaf(row.leaf) for row in rows))


def lowest_leaf(leaf: Leaf) -> bytes:
    if leaf.code == "16s":
        return bytes(16)
    return leaf.low.to_bytes(leaf.size_bytes, "little", signed=leaf.low < 0)


@pytest.mark.parametrize(
    ("message", "row"), narrow_rows(), ids=lambda value: getattr(value, "path", "")
)
def test_every_value_out_of_range_is_dropped(message: type[Message], row: Row) -> None:
    base = layout_of(message)
    at = sum(before.leaf.size_bytes for before in base[: base.index(row)])
    values = outside(row.leaf)
    assert values, "a narrow field has values to refuse"
    for value in values:
        payload = lowest_payload(message)
        payload[at : at + row.leaf.size_bytes] = value.to_bytes(row.leaf.size_bytes, "little")
        found = decode_payload(Frame(message.KIND, 0, 0, bytes(payload)))
        assert found == Discard(DiscardReason.OUT_OF_RANGE, message.KIND), value


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
def test_any_other_length_is_dropped(message: type[Message]) -> None:
    payload = bytes(lowest_payload(message))
    assert isinstance(decode_payload(Frame(message.KIND, 0, 0, payload)), message)
    for wrong in (b"", payload[:-1], payload + b"\x00"):
        found = decode_payload(Frame(message.KIND, 0, 0, wrong))
        assert found == Discard(DiscardReason.BAD_LENGTH, message.KIND)


def test_batch_has_one_to_fourteen_records() -> None:
    assert len(encode_payload(events(14))) == 91 + 140 <= PAYLOAD_MAX_BYTES
    assert decode(events(1), encode_payload(events(14))) == events(14)
    for count in (0, 15):
        with pytest.raises(ValueError, match="1 to 14 fit a frame"):
            encode_payload(events(count))
    fifteen = encode_payload(events(14)) + encode_payload(events(1))[91:]
    assert decode(events(1), fifteen) == Discard(DiscardReason.BAD_LENGTH, Events.KIND)


def test_one_bad_record_drops_the_whole_batch() -> None:
    payload = bytearray(encode_payload(events(3)))
    payload[91 + 10 + 4] = 0x80
    assert decode(events(1), bytes(payload)) == Discard(DiscardReason.OUT_OF_RANGE, Events.KIND)
    with pytest.raises(ValueError, match="EventRecord"):
        encode_payload(Events(STATUS, 12, 2, 0, (RECORD, EventRecord(0, 0, 0, 0, 0))))


def test_value_out_of_range_is_refused_at_encoding_and_named() -> None:
    over = msgspec.structs.replace(SETTINGS, protrusion_um=3_001)
    with pytest.raises(ValueError, match="protrusion_um is 3001; allowed 0 to 3000 um"):
        encode_payload(Configure(1, over))
    with pytest.raises(ValueError, match=r"Stop\.stop_id is 0; allowed 1"):
        encode_payload(Stop(0))


@pytest.mark.parametrize("ceiling", [-1, 1 << 64])
def test_value_over_its_type_is_refused_at_encoding(ceiling: int) -> None:
    with pytest.raises(struct.error):
        encode_payload(Grant(7, 12, ceiling, 0, 0, 0))


@pytest.mark.parametrize(
    "name", [b"pen", b"pen\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x1f"]
)
def test_text_is_sixteen_printable_bytes(name: bytes) -> None:
    with pytest.raises(ValueError, match=r"Identity\.model is"):
        encode_payload(Identity(1, 2, name, b"1.0".ljust(16, b"\x00"), 0, 0, 0))


def test_enum_fields_come_back_as_members() -> None:
    found = decode(
        Query(1, QueryTopic.ENVELOPE, 0), encode_payload(Query(1, QueryTopic.ENVELOPE, 0))
    )
    assert isinstance(found, Query)
    assert found.topic is QueryTopic.ENVELOPE
    batch = decode(events(1), encode_payload(events(1)))
    assert isinstance(batch, Events)
    assert batch.status.state is PenState.RUNNING
    assert (batch.records[0].kind, batch.records[0].flags) == (
        EventKind.PUNCTURE,
        EventFlag.CONTACT,
    )


def test_unknown_kind_is_dropped() -> None:
    known = HOST_KINDS | PEN_KINDS
    for kind in set(range(256)) - known:
        assert decode_payload(Frame(kind, 0, 0, b"")) == Discard(DiscardReason.UNKNOWN_KIND, kind)
    assert set(range(0x01, 0x0C)) == HOST_KINDS
    assert set(range(0x81, 0x90)) == PEN_KINDS


def test_digest_changes_with_every_field() -> None:
    others = [
        msgspec.structs.replace(SETTINGS, mode=Mode.BENCH),
        msgspec.structs.replace(SETTINGS, protrusion_um=1_001),
        msgspec.structs.replace(SETTINGS, stroke_period_us=500_001),
        msgspec.structs.replace(SETTINGS, steps=61),
        msgspec.structs.replace(SETTINGS, dwell_us=100_001),
    ]
    assert len({settings_digest(settings) for settings in (SETTINGS, *others)}) == 6
    assert settings_digest(SETTINGS) == 0xC7A414B4


def test_digest_sees_two_fields_of_one_type_exchanged() -> None:
    swapped = msgspec.structs.replace(SETTINGS, stroke_period_us=100_000, dwell_us=500_000)
    assert settings_digest(swapped) != settings_digest(SETTINGS)


def test_forward_steps_sum_the_four_forward_categories() -> None:
    assert COUNTERS.forward_steps == 90_240 + 4_000 + 7 + 600


def test_simulated_uids_are_those_with_all_top_four_bits_set() -> None:
    assert is_simulated_uid(SIMULATED_UID_MIN)
    assert is_simulated_uid((1 << 64) - 1)
    assert not is_simulated_uid(SIMULATED_UID_MIN - 1)
    assert SIMULATED_UID_MIN == 0xF << 60
