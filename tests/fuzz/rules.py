"""Frames with a right checksum, link and form that only a rule of the contract refuses.

They reach their handler, may be answered, and must change nothing: no counter, ceiling, lease,
latch, record or motion of the pen, no book and no state of the host. What is *not* here is what no
rule can tell from the real thing, because frames carry no signature: a fresh HELLO, a STOP, and
orders that are right in every field. Whoever can write those holds the cable.
"""

from collections.abc import Callable
from random import Random
from typing import get_args

import msgspec

from controller.link.requests import Reply
from protocol.codec import encode_payload
from protocol.limits import LEASE_PEN_MAX_US
from protocol.messages import (
    PEN_KINDS,
    Ack,
    Arm,
    ArmReply,
    CertificateStored,
    Clear,
    Cleared,
    Configure,
    Disarm,
    EventRecord,
    Events,
    Grant,
    GrantRefused,
    Health,
    Hello,
    HelloReply,
    Message,
    Replay,
    Status,
    StatusPush,
    StoreCertificate,
)
from protocol.words import PenState, Result
from tests.fuzz.facts import SETTINGS, Facts, vectors
from tests.fuzz.forgery import Blocks, sealed

Rule = Callable[[Random, Facts, int], Blocks]
"""Generator, facts, count; returns the blocks, fewer or none where the moment does not fit."""

_U64 = (1 << 64) - 1
_REPLY_KINDS = {reply.KIND for reply in get_args(Reply)}
_REPLIES = tuple(frame for frame in vectors() if frame.kind in _REPLY_KINDS)


def _blocks(messages: list[Message], facts: Facts, rng: Random) -> Blocks:
    return [sealed(facts.link_id, each.KIND, encode_payload(each), rng) for each in messages]


# --- to the pen ----------------------------------------------------------------------------


def stale_hello(rng: Random, facts: Facts, count: int) -> Blocks:
    """HELLOs that lingered: of replaced links, of link id 0, of the present one by another host."""
    high = rng.getrandbits(32) << 32
    choices = [Hello(high, facts.host_id), Hello(facts.nonce, facts.host_id ^ 1 or 2)]
    used = [high | nonce & 0xFFFF_FFFF for nonce in (*facts.replaced, facts.nonce)]
    choices += [Hello(nonce, facts.host_id) for nonce in (*facts.replaced, *used)]
    choices = [each for each in choices if each != Hello(facts.nonce, facts.host_id)]
    return _blocks([rng.choice(choices) for _ in range(count)], facts, rng)


def foreign_hello(rng: Random, facts: Facts, count: int) -> Blocks:
    """HELLOs of other protocol versions: answered, but no link is made."""
    heads = [head for head in range(256) if head >> 4 != 1]
    payloads = [
        encode_payload(Hello(rng.getrandbits(64), rng.getrandbits(64) | 1)) for _ in range(count)
    ]
    return [sealed(0, Hello.KIND, payload, rng, rng.choice(heads)) for payload in payloads]


def refused_grant(rng: Random, facts: Facts, count: int) -> Blocks:
    """Huge ceilings with an end that is past or too far, of another arm, or of another boot."""
    past, far = facts.ticks, facts.ticks + LEASE_PEN_MAX_US
    arm_id = facts.arm_id or facts.highest_arm_id + 1
    made: list[Message] = []
    for _ in range(count):
        ends = (rng.randrange(past + 1), rng.randrange(far + 1, far + 10**9), _U64)
        right = Grant(facts.boot_id, arm_id, _U64, _U64, far - 50_000, 0)
        wrong: dict[str, int] = rng.choice(
            [{"valid_until_ticks": end} for end in ends]
            + [{"arm_id": arm_id + rng.randrange(1, 1 << 31)}]
            + [{"boot_id": facts.boot_id + rng.randrange(1, 9), "acked_index": _U64}]
        )
        made.append(msgspec.structs.replace(right, **wrong))
    return _blocks(made, facts, rng)


def repeated_order(rng: Random, facts: Facts, count: int) -> Blocks:
    """Grants and acknowledgements of this very link that arrived long ago."""
    old = [frame for frame in facts.said if frame.kind in {Grant.KIND, Ack.KIND}]
    picks = [rng.choice(old) for _ in range(count)] if old else []
    return [sealed(facts.link_id, each.kind, each.payload, rng) for each in picks]


def refused_request(rng: Random, facts: Facts, count: int) -> Blocks:
    """Requests that an armed pen refuses, and those that name another arm, stop or boot."""
    if not facts.arm_id:
        return []
    counters, request = facts.status.counters, rng.randrange(0x10000)
    stored = StoreCertificate(request, rng.getrandbits(64))
    other = Arm(request, facts.highest_arm_id + 1, 1, 1, 1, 0, counters)
    choices: list[Message] = [
        Configure(request, SETTINGS),
        other,
        msgspec.structs.replace(other, arm_id=facts.arm_id),
        stored,
        Replay(request, facts.boot_id + 1, 0),
        Clear(request, rng.getrandbits(64) | 1, 0),
        Clear(request, 1, 1),
    ]
    if facts.arm_id > 1:
        choices.append(Disarm(request, rng.randrange(1, facts.arm_id)))
    return _blocks([rng.choice(choices) for _ in range(count)], facts, rng)


# --- to the host ---------------------------------------------------------------------------


def late_reply(rng: Random, facts: Facts, count: int) -> Blocks:
    """Replies to requests that are not in flight; their statuses are of another boot."""
    blocks = []
    for _ in range(count):
        frame = rng.choice(_REPLIES)
        request_id = rng.randrange(0x10000)
        if request_id == facts.pending:
            continue
        payload = request_id.to_bytes(2, "little") + frame.payload[2:]
        if frame.kind in {ArmReply.KIND, Cleared.KIND}:
            payload = _with_old_status(frame.kind, payload, facts)
        blocks.append(sealed(facts.link_id, frame.kind, payload, rng))
    return blocks


def _with_old_status(kind: int, payload: bytes, facts: Facts) -> bytes:
    status = _old_status(facts, 0, ticks=0)
    tail = encode_payload(StatusPush(status))
    return payload[: -len(tail)] + tail


def wrong_reply(rng: Random, facts: Facts, count: int) -> Blocks:
    """Replies of a wrong kind to the one request that is in flight."""
    if not facts.pending:
        return []
    ids = [rng.getrandbits(64) for _ in range(count)]
    wrong = [CertificateStored(facts.pending, Result.OK, each) for each in ids]
    return _blocks(list(wrong), facts, rng)


def _old_status(facts: Facts, boots_off: int, ticks: int) -> Status:
    """Alarming contents that only boot and tick give away."""
    return msgspec.structs.replace(
        facts.heard,
        pen_ticks=ticks,
        boot_id=facts.boot_id + boots_off,
        arm_id=facts.highest_arm_id + 7,
        state=PenState.LATCHED,
        fault=3,
        next_index=facts.heard.next_index + 1_000,
    )


def old_status(rng: Random, facts: Facts, count: int) -> Blocks:
    """Statuses of an earlier tick, or of another boot."""
    made: list[Message] = []
    for _ in range(count):
        newest = facts.heard.pen_ticks
        if rng.random() < 0.5:
            made.append(StatusPush(_old_status(facts, 0, rng.randrange(max(1, newest)))))
        else:
            ticks = newest + rng.randrange(10**6)
            made.append(StatusPush(_old_status(facts, rng.randrange(1, 9), ticks)))
    return _blocks(made, facts, rng)


def old_events(rng: Random, facts: Facts, count: int) -> Blocks:
    """Events of another boot, and events below the index that comes next."""
    record = EventRecord(1, 1, 700, 10, 3)
    made: list[Message] = []
    for _ in range(count):
        size = rng.randrange(1, 15)
        status = _old_status(facts, 0, 0)
        first = rng.randrange(max(1, facts.booked_index - size + 1))
        if first + size > facts.booked_index:
            first, status = facts.booked_index, _old_status(facts, 1, facts.heard.pen_ticks + 1)
        made.append(Events(status, facts.arm_id, first, 0, (record,) * size))
    return _blocks(made, facts, rng)


def stray_hello_reply(rng: Random, facts: Facts, count: int) -> Blocks:
    """HELLO_REPLYs while the link stands, of another pen or another boot."""
    made: list[Message] = [
        HelloReply(
            rng.choice((facts.nonce, rng.getrandbits(64))),
            rng.getrandbits(64),
            rng.choice((1, 2)),
            facts.boot_id + rng.randrange(2),
            PenState.IDLE,
            rng.getrandbits(32),
            rng.getrandbits(64),
        )
        for _ in range(count)
    ]
    return _blocks(made, facts, rng)


def repeated_report(rng: Random, facts: Facts, count: int) -> Blocks:
    """What the pen said on this link long ago; not HEALTH, which tells neither time nor index."""
    plain = {Health.KIND, GrantRefused.KIND}
    old = [f for f in facts.said if f.kind in PEN_KINDS and f.kind not in plain]
    picks = [rng.choice(old) for _ in range(count)] if old else []
    return [sealed(facts.link_id, each.kind, each.payload, rng) for each in picks]


RULES: dict[str, tuple[float, Rule]] = {
    "stale_hello": (0.6, stale_hello),
    "foreign_hello": (0.4, foreign_hello),
    "refused_grant": (1.0, refused_grant),
    "repeated_order": (0.6, repeated_order),
    "refused_request": (0.6, refused_request),
    "late_reply": (0.6, late_reply),
    "wrong_reply": (0.4, wrong_reply),
    "old_status": (0.8, old_status),
    "old_events": (0.6, old_events),
    "stray_hello_reply": (0.3, stray_hello_reply),
    "repeated_report": (0.6, repeated_report),
}
TO_PEN = frozenset(
    {"stale_hello", "foreign_hello", "refused_grant", "repeated_order", "refused_request"}
)
