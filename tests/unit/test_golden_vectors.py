"""The codec against vectors worked out from SPEC.md without it (see vectors/README.md)."""

import json
from pathlib import Path
from typing import Any

import pytest

from protocol.codec import decode_payload, encode_payload, settings_digest
from protocol.fields import layout_of
from protocol.framing import (
    Decoder,
    Discard,
    DiscardReason,
    Frame,
    cobs_decode,
    cobs_encode,
    crc32c,
    encode_frame,
)
from protocol.messages import MESSAGES, Message, StrokeSettings
from protocol.words import Mode
from tests.unit.test_spec_text import at_path

FOLDER = Path(__file__).parents[1] / "vectors"


def load(name: str) -> Any:
    """One vector file."""
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


FRAMING = load("framing.json")
GOLDEN = load("messages.json")
REFUSED = load("refused.json")


def found_in(data: bytes) -> list[Frame | Message | Discard]:
    """What frame decoder and codec together make of a stream: messages and discards."""
    return [
        decode_payload(item) if isinstance(item, Frame) else item for item in Decoder().feed(data)
    ]


def as_bytes(value: int | str) -> int | bytes:
    """Text values stand unpadded in the file."""
    return value.encode().ljust(16, b"\x00") if isinstance(value, str) else value


@pytest.mark.parametrize("vector", GOLDEN, ids=lambda vector: vector["name"])
def test_frame_decodes_to_the_values_and_encodes_to_the_bytes(vector: dict[str, Any]) -> None:
    wire = bytes.fromhex(vector["frame"])
    frames = Decoder().feed(wire)
    assert len(frames) == 1
    frame = frames[0]
    assert isinstance(frame, Frame)
    assert (frame.link_id, frame.sequence) == (vector["link_id"], vector["sequence"])
    assert frame.payload == bytes.fromhex(vector["payload"])
    message = decode_payload(frame)
    assert isinstance(message, Message)
    assert type(message).__name__ == vector["message"]
    for path, value in vector["values"].items():
        assert at_path(message, path) == as_bytes(value), path
    again = Frame(message.KIND, frame.link_id, frame.sequence, encode_payload(message))
    assert encode_frame(again) == wire


def test_every_message_and_every_field_has_vectors() -> None:
    for message in MESSAGES:
        vectors = [vector for vector in GOLDEN if vector["message"] == message.__name__]
        assert len(vectors) >= 3
        wanted = {row.path.replace("[]", "[0]") for row in layout_of(message)}
        assert all(wanted <= set(vector["values"]) for vector in vectors)
    longest = max(len(bytes.fromhex(vector["frame"])) for vector in GOLDEN)
    assert longest == 14 + 91 + 14 * 10, "the batch of 14 records is among them"


@pytest.mark.parametrize("vector", REFUSED, ids=lambda vector: vector["name"])
def test_refused_bytes_give_the_expected_reason(vector: dict[str, Any]) -> None:
    found = found_in(bytes.fromhex(vector["bytes"]))
    assert len(found) == 1
    assert isinstance(found[0], Discard)
    assert (found[0].reason.value, found[0].detail) == (vector["reason"], vector["detail"])


def test_every_discard_reason_has_a_vector() -> None:
    assert {vector["reason"] for vector in REFUSED} == {reason.value for reason in DiscardReason}


@pytest.mark.parametrize("vector", FRAMING["streams"], ids=lambda vector: vector["name"])
def test_stream_yields_frames_and_discards_in_order(vector: dict[str, Any]) -> None:
    found = [
        f"frame:{item.kind}" if isinstance(item, Frame) else f"{item.reason}:{item.detail}"
        for item in Decoder().feed(bytes.fromhex(vector["bytes"]))
    ]
    assert found == vector["found"]


@pytest.mark.parametrize("vector", FRAMING["crc32c"], ids=lambda vector: hex(vector["crc"]))
def test_crc_equals_the_published_value(vector: dict[str, Any]) -> None:
    assert crc32c(bytes.fromhex(vector["bytes"])) == vector["crc"]


@pytest.mark.parametrize("vector", FRAMING["cobs"], ids=lambda vector: vector["raw"][:24] or "-")
def test_cobs_pair(vector: dict[str, Any]) -> None:
    raw, encoded = bytes.fromhex(vector["raw"]), bytes.fromhex(vector["encoded"])
    assert cobs_encode(raw) == encoded
    assert cobs_decode(encoded) == raw


@pytest.mark.parametrize("vector", FRAMING["digest"], ids=lambda vector: hex(vector["digest"]))
def test_digest_of_settings(vector: dict[str, Any]) -> None:
    values = {name: value for name, value in vector.items() if name not in ("digest", "mode")}
    settings = StrokeSettings(mode=Mode(vector["mode"]), **values)
    assert settings_digest(settings) == vector["digest"]
