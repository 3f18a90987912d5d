"""Round trip of every message class, with values drawn from the layout tables themselves."""

import struct
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.codec import decode_payload, encode_payload
from protocol.fields import Leaf, Slot, slots_of
from protocol.framing import Decoder, Discard, DiscardReason, Frame, encode_frame
from protocol.limits import PAYLOAD_MAX_BYTES
from protocol.messages import MESSAGES, Message

REFUSALS = (ValueError, struct.error)
PRINTABLE = st.binary(max_size=16).map(
    lambda text: bytes(0x20 + byte % 0x5F for byte in text).ljust(16, b"\x00")
)


def leaf_values(slot: Slot, leaf: Leaf) -> st.SearchStrategy[Any]:
    """Every value that the table allows, as its Python type; edges often."""
    if leaf.code == "16s":
        return PRINTABLE
    if leaf.allowed is not None:
        return st.sampled_from(sorted(leaf.allowed)).map(slot.python_type)
    edges = st.sampled_from([leaf.low, leaf.high])
    return st.one_of(edges, st.integers(leaf.low, leaf.high))


def blocks(block: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Instances of a message or block, field by field from `slots_of`."""
    return st.builds(block, **{slot.name: slot_values(slot) for slot in slots_of(block)})


def slot_values(slot: Slot) -> st.SearchStrategy[Any]:
    """Values of one declared field."""
    if slot.leaf is not None:
        return leaf_values(slot, slot.leaf)
    inner = blocks(slot.python_type)
    if slot.tail is None:
        return inner
    return st.lists(inner, min_size=1, max_size=slot.tail.high).map(tuple)


MESSAGE_VALUES: dict[type[Message], st.SearchStrategy[Message]] = {
    message: blocks(message) for message in MESSAGES
}


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda message: message.__name__)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_message_comes_back_equal_and_typed(kind: type[Message], data: st.DataObject) -> None:
    message = data.draw(MESSAGE_VALUES[kind])
    payload = encode_payload(message)
    assert len(payload) <= PAYLOAD_MAX_BYTES
    back = decode_payload(Frame(message.KIND, 0, 0, payload))
    assert back == message
    assert type(back) is kind
    assert encode_payload(kind(*msgspec.structs.astuple(back))) == payload


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda message: message.__name__)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_payload_is_a_message_of_its_kind_with_these_bytes_or_a_discard(
    kind: type[Message], data: st.DataObject
) -> None:
    size = len(encode_payload(data.draw(MESSAGE_VALUES[kind])))
    payload = data.draw(st.one_of(st.binary(min_size=size, max_size=size), st.binary(max_size=240)))
    found = decode_payload(Frame(kind.KIND, 0, 0, payload))
    if isinstance(found, Discard):
        assert found.reason in {DiscardReason.BAD_LENGTH, DiscardReason.OUT_OF_RANGE}
        assert found.detail == kind.KIND
    else:
        assert type(found) is kind
        assert encode_payload(found) == payload, "one payload, one meaning"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(MESSAGES).flatmap(MESSAGE_VALUES.__getitem__), max_size=4))
def test_messages_survive_the_wire_in_order(messages: list[Message]) -> None:
    wire = b"".join(
        encode_frame(Frame(message.KIND, 5, at, encode_payload(message)))
        for at, message in enumerate(messages)
    )
    frames = [frame for frame in Decoder().feed(wire) if isinstance(frame, Frame)]
    assert [decode_payload(frame) for frame in frames] == messages


def out_of_range(leaf: Leaf) -> list[int]:
    """A few numbers outside the range of a leaf, inside or outside its type."""
    near = [leaf.low - 1, leaf.high + 1, 1 << 64, -(1 << 15) - 1]
    gaps = sorted(set(range(256)) - leaf.allowed)[:3] if leaf.allowed is not None else []
    return near + gaps


def numeric_slots(kind: type[Message]) -> list[tuple[Slot, Leaf]]:
    """The numeric fields that a message declares itself, outside blocks."""
    slots = [(slot, slot.leaf) for slot in slots_of(kind)]
    return [(slot, leaf) for slot, leaf in slots if leaf is not None and leaf.code != "16s"]


@pytest.mark.parametrize(
    "kind", [kind for kind in MESSAGES if numeric_slots(kind)], ids=lambda kind: kind.__name__
)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_encoder_refuses_whatever_the_table_does(kind: type[Message], data: st.DataObject) -> None:
    message = data.draw(MESSAGE_VALUES[kind])
    slot, leaf = data.draw(st.sampled_from(numeric_slots(kind)))
    bad = data.draw(st.sampled_from(out_of_range(leaf)))
    wrong = msgspec.structs.replace(message, **{slot.name: bad})
    with pytest.raises(REFUSALS):
        encode_payload(wrong)
