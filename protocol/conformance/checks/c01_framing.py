"""C1: what is not a whole, known, ranged frame of this link changes nothing and is counted."""

from protocol.codec import encode_payload
from protocol.conformance.host import BOOT_US, RawHost
from protocol.conformance.rules import Case, Needs, check
from protocol.framing import Frame, cobs_encode, crc32c, encode_frame
from protocol.messages import Ack, Envelope, Health, HelloReply, Query, Status, StatusPush, Stopped
from protocol.words import QueryTopic

BAD = (
    "cut",
    "bit",
    "version",
    "flag",
    "kind",
    "length",
    "range",
    "other link",
    "no link",
    "too long",
)


def raw_frame(body: bytes) -> bytes:
    crc = crc32c(body).to_bytes(4, "little")
    return b"\x00" + cobs_encode(body + crc) + b"\x00"


def head(host: RawHost, kind: int, version: int = 1, flags: int = 0) -> bytes:
    link = host.link_id.to_bytes(4, "little")
    return bytes((version << 4 | flags, kind)) + link + b"\x07"


def discarded(host: RawHost) -> int:
    return host.await_message(Health, 1_200_000).discarded_frames


def bad_frames(host: RawHost) -> dict[str, bytes]:
    good = host.frame(Query(9, QueryTopic.IDENTITY, 0))
    body = head(host, Query.KIND)
    return {
        "cut": good[: len(good) // 2] + b"\x00",
        "bit": good[:8] + bytes((good[8] ^ 0x10,)) + good[9:],
        "version": raw_frame(head(host, Query.KIND, version=2) + b"\x09\x00\x01\x00\x00\x00\x00"),
        "flag": raw_frame(head(host, Query.KIND, flags=1) + b"\x09\x00\x01\x00\x00\x00\x00"),
        "kind": raw_frame(head(host, 0x7F)),
        "length": raw_frame(body + b"\x09\x00\x01\x00\x00\x00\x00\x00"),
        "range": raw_frame(body + b"\x09\x00\x06\x00\x00\x00\x00"),
        "other link": host.frame(Query(9, QueryTopic.IDENTITY, 0), link_id=host.link_id ^ 1),
        "no link": host.frame(Query(9, QueryTopic.IDENTITY, 0), link_id=0),
        "too long": b"\x00" + b"\x01" * 300 + b"\x00",
    }


@check("C1", hazards=("H11",), cases=[Case(name, name) for name in BAD])
def a_bad_frame_is_counted_and_answered_by_nobody(host: RawHost, name: str) -> None:
    before = discarded(host)
    host.rig.write(bad_frames(host)[name])
    heard = host.listen(200_000)
    assert all(isinstance(message, StatusPush | Health) for message in heard)
    assert discarded(host) == before + 1


@check("C1")
def an_echo_of_the_pen_s_own_frames_is_dropped(host: RawHost) -> None:
    before = discarded(host)
    status = host.fresh_status()
    host.send(StatusPush(status))
    host.send(Stopped(7, status))
    assert host.of(Stopped) == []
    assert discarded(host) == before + 2


@check("C1")
def empty_blocks_are_nothing(host: RawHost) -> None:
    before = discarded(host)
    host.rig.write(b"\x00" * 9)
    assert discarded(host) == before


@check("C1")
def a_cut_frame_does_not_hurt_the_next(host: RawHost) -> None:
    whole = host.frame(Query(77, QueryTopic.IDENTITY, 0))
    host.rig.write(whole[:6])
    assert host.identity().uid != 0


@check("C1")
def frames_arrive_byte_by_byte(host: RawHost) -> None:
    request = Query(host.request_id(), QueryTopic.ENVELOPE, 0)
    for byte in host.frame(request):
        host.rig.write(bytes((byte,)))
    assert host.await_message(Envelope).request_id == request.request_id


@check("C1")
def sequence_numbers_of_the_pen_count_by_one(host: RawHost) -> None:
    assert host.discards == []
    statuses = [message for message in host.listen(3_000_000) if isinstance(message, StatusPush)]
    assert len(statuses) >= 28
    assert_monotone([message.status for message in statuses])


def assert_monotone(statuses: list[Status]) -> None:
    ticks = [status.pen_ticks for status in statuses]
    assert ticks == sorted(set(ticks))


@check("C1", hazards=("H46",))
def a_hello_of_another_version_is_answered_in_ours_and_makes_no_link(host: RawHost) -> None:
    nonce = 0x0102030405060708
    payload = nonce.to_bytes(8, "little") + (77).to_bytes(8, "little")
    host.rig.write(raw_frame(b"\x20\x01" + bytes(5) + payload))
    reply = host.await_message(HelloReply)
    assert (reply.nonce, reply.protocol_version) == (nonce, 1)
    assert host.identity().uid == reply.uid


@check("C1", needs=Needs.POWER)
def an_unlinked_pen_pushes_status_under_link_zero(host: RawHost) -> None:
    boot_id = host.status.boot_id
    host.cut_power()
    host.listen(BOOT_US)
    assert host.status.boot_id == boot_id + 1
    answers = len(host.heard)
    ack = Ack(host.status.boot_id, 0)
    host.rig.write(encode_frame(Frame(Ack.KIND, 0, 0, encode_payload(ack))))
    assert discarded(host) == 1
    assert len(host.heard) > answers
