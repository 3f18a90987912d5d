"""The signature that telemetry and archive trust each other by."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.errors import SigningKeyRefused
from controller.record.signing import Signer

KEY = bytes(range(32))
TOPIC = "micropen/v1/s/r/archive/receipt"
MESSAGE = b'{"seq":1}'


def test_signature_is_the_documented_one() -> None:
    """Computed with openssl: `dgst -sha256 -mac HMAC -macopt hexkey:...` of topic, 0, message."""
    signed = Signer(KEY).signed(TOPIC, MESSAGE)
    assert json.loads(signed) == {
        "seq": 1,
        "signature": "1e16cd2de278e65fae8a163266e729a8338ecd00bf111b1789f306771fceb3c7",
    }
    assert signed.startswith(b'{"seq":1,"signature":"')


@given(st.binary(min_size=32, max_size=40), st.dictionaries(st.text(), st.integers(), min_size=1))
def test_what_was_signed_is_known(key: bytes, message: dict[str, int]) -> None:
    signed = Signer(key).signed(TOPIC, json.dumps(message).encode())
    assert Signer(key).is_signed(TOPIC, signed)
    assert not Signer(key + b"x").is_signed(TOPIC, signed)
    assert not Signer(key).is_signed(TOPIC + "x", signed)
    assert json.loads(signed).keys() == message.keys() | {"signature"}


@given(st.data())
def test_one_changed_byte_is_seen(data: st.DataObject) -> None:
    signed = bytearray(Signer(KEY).signed(TOPIC, MESSAGE))
    place = data.draw(st.integers(0, len(signed) - 1))
    signed[place] ^= data.draw(st.integers(1, 255))
    assert not Signer(KEY).is_signed(TOPIC, bytes(signed))


@given(st.binary(max_size=300))
def test_bytes_are_never_signed(payload: bytes) -> None:
    assert not Signer(KEY).is_signed(TOPIC, payload)


def test_topic_and_message_cannot_be_moved_into_each_other() -> None:
    signed = Signer(KEY).signed("a", b'b{"seq":1}')
    assert not Signer(KEY).is_signed("ab", signed[1:])


def test_without_a_key_nothing_changes() -> None:
    assert Signer().signed(TOPIC, MESSAGE) == MESSAGE
    assert Signer().is_signed(TOPIC, b"anything")


def test_key_is_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(KEY)
    assert Signer.from_file(path).signed(TOPIC, MESSAGE) == Signer(KEY).signed(TOPIC, MESSAGE)
    assert Signer.from_file(None).signed(TOPIC, MESSAGE) == MESSAGE


def test_key_that_is_missing_or_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    with pytest.raises(SigningKeyRefused, match="E6007"):
        Signer.from_file(path)
    path.write_bytes(KEY[1:])
    with pytest.raises(SigningKeyRefused, match="31 bytes"):
        Signer.from_file(path)
