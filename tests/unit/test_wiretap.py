"""The trace ring: what a line says, and that it stays bounded."""

import json

from controller.link.wiretap import Wiretap
from protocol.codec import encode_payload
from protocol.framing import Discard, DiscardReason, Frame
from protocol.messages import Identity, Message, Stop


def frame(message: Message) -> Frame:
    return Frame(message.KIND, 7, 3, encode_payload(message))


def test_lines_are_decoded_json_ready_and_in_order() -> None:
    tap = Wiretap()
    identity = Identity(9, 1, b"model A".ljust(16, b"\0"), bytes(16), 0, 0, 0)
    tap.mark(1.0, "port opened")
    tap.sent(1.5, frame(Stop(0xFFFF_FFFF_FFFF_FFFF)))
    tap.received(2.0, frame(identity))
    lines = json.loads(json.dumps(tap.dump()))
    assert lines[0] == {"mono_s": 1.0, "note": "port opened"}
    assert lines[1] == {
        "mono_s": 1.5,
        "way": "to_pen",
        "link_id": 7,
        "sequence": 3,
        "message": "Stop",
        "fields": {"stop_id": 0xFFFF_FFFF_FFFF_FFFF},
    }
    assert lines[2]["way"] == "from_pen"
    assert lines[2]["fields"]["model"] == "model A"


def test_what_was_thrown_away_says_why() -> None:
    tap = Wiretap()
    tap.received(1.0, Discard(DiscardReason.BAD_CRC, 20))
    tap.received(1.0, Frame(0x7E, 1, 0, b""))
    assert tap.dump() == [
        {"mono_s": 1.0, "way": "from_pen", "discard": "bad_crc", "detail": 20},
        {
            "mono_s": 1.0,
            "way": "from_pen",
            "link_id": 1,
            "sequence": 0,
            "discard": "unknown_kind",
            "detail": 0x7E,
        },
    ]


def test_it_keeps_the_newest_entries_only() -> None:
    tap = Wiretap(entries_max=3)
    for number in range(5):
        tap.mark(float(number), str(number))
    assert [line["note"] for line in tap.dump()] == ["2", "3", "4"]


def test_a_dump_reaches_sixty_seconds_back() -> None:
    tap = Wiretap()
    for second in (0.0, 39.9, 40.0, 100.0):
        tap.mark(second, "at")
    assert [line["mono_s"] for line in tap.dump()] == [40.0, 100.0]
    assert [line["mono_s"] for line in tap.dump(100.5)] == [100.0]
    assert Wiretap().dump() == []
