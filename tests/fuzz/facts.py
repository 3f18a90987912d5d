"""What an attacker who reads the line would know of the link, and the frames it could make.

`Facts` is taken from both ends of a running theatre; `sources` are frames that either end would act
on if they arrived intact. Only their damaged or forged forms are ever fed.
"""

import json
from functools import cache
from pathlib import Path
from random import Random

import msgspec

from protocol.codec import encode_payload
from protocol.framing import Decoder, Frame, encode_frame
from protocol.limits import LEASE_HOST_MAX_US
from protocol.messages import (
    Ack,
    Arm,
    Clear,
    Configure,
    Disarm,
    EventRecord,
    Events,
    Grant,
    Health,
    Hello,
    Message,
    Status,
    StatusPush,
    Stop,
    Stopped,
    StoreCertificate,
    StrokeSettings,
)
from protocol.words import Mode, PenState
from simulator.device import PenDevice
from tests.support.theatre import Theatre

VECTORS = Path(__file__).parents[1] / "vectors" / "messages.json"
SETTINGS = StrokeSettings(Mode.BENCH, 2_000, 100_000, 10, 0)


class Facts(msgspec.Struct, frozen=True):
    """One instant of one link. `arm_id` 0 = no arm is open; `pending` the request in flight.

    `status` is the pen's own, `heard` the newest that the host knows; `booked_index` is the first
    event that the host has not taken yet. `said` are frames of this link that arrived long ago.
    """

    link_id: int
    nonce: int
    host_id: int
    status: Status
    arm_id: int
    highest_arm_id: int
    lease_end_ticks: int
    pending: int
    replaced: tuple[int, ...]
    heard: Status
    booked_index: int
    said: tuple[Frame, ...] = ()

    @property
    def boot_id(self) -> int:
        return self.status.boot_id

    @property
    def ticks(self) -> int:
        return self.status.pen_ticks


def device_of(theatre: Theatre) -> PenDevice:
    """The firmware that runs now."""
    device = theatre.stage.world.device
    assert device is not None, "the pen is without power"
    return device


def facts_of(theatre: Theatre, said: tuple[Frame, ...] = ()) -> Facts:
    """What is in force at this instant."""
    device = device_of(theatre)
    core, handshake = device._core, device._handshake
    assert theatre.engine.pen is not None
    link, stream = theatre.engine.pen._link, theatre.engine.pen._follower._stream
    arm = core.open_arm
    return Facts(
        link_id=link.link_id,
        nonce=handshake.nonce,
        host_id=handshake.host_id,
        status=core.status(),
        arm_id=arm.row.arm_id if arm else 0,
        highest_arm_id=core.memory.highest_arm_id,
        lease_end_ticks=arm.lease.end_ticks if arm else 0,
        pending=link._pending.request_id if link._pending else 0,
        replaced=tuple(handshake._replaced),
        heard=link.heard.status,
        booked_index=stream.next_index if stream is not None else 0,
        said=said,
    )


@cache
def vectors() -> tuple[Frame, ...]:
    """One frame or more of every kind."""
    texts = json.loads(VECTORS.read_text("utf-8"))
    found = [item for text in texts for item in Decoder().feed(bytes.fromhex(text["frame"]))]
    return tuple(item for item in found if isinstance(item, Frame))


def _orders(facts: Facts, rng: Random) -> list[Message]:
    status, request = facts.status, rng.randrange(1, 0x10000)
    arm_id = facts.arm_id or facts.highest_arm_id + 1
    counters = status.counters
    return [
        Grant(
            facts.boot_id,
            arm_id,
            counters.punctures + 1_000,
            counters.forward_steps + 1_000_000,
            facts.ticks + LEASE_HOST_MAX_US,
            status.next_index,
        ),
        Ack(facts.boot_id, status.next_index),
        Disarm(request, arm_id),
        Stop(rng.getrandbits(64) | 1),
        Hello(rng.getrandbits(64) | 1, facts.host_id),
        Clear(request, rng.getrandbits(64), 0),
        Configure(request, SETTINGS),
        Arm(request, facts.highest_arm_id + 1, 1, 1, 1, 0, counters),
        StoreCertificate(request, rng.getrandbits(64)),
    ]


def _reports(facts: Facts, rng: Random) -> list[Message]:
    later = msgspec.structs.replace(
        facts.status, pen_ticks=facts.ticks + 5_000, state=PenState.LATCHED, fault=1
    )
    record = EventRecord(facts.ticks & 0xFFFF_FFFF, 1, 700, 10, 3)
    return [
        StatusPush(later),
        Events(later, facts.arm_id, facts.status.next_index, 0, (record, record)),
        Stopped(rng.getrandbits(64) | 1, later),
        Health(3_900, 80, 300, 0, 0),
    ]


def sources(facts: Facts, rng: Random) -> list[Frame]:
    """Frames under the link in force that would be acted on: at least one of every kind."""
    live = _orders(facts, rng) + _reports(facts, rng)
    found = [Frame(each.KIND, facts.link_id, 0, encode_payload(each)) for each in live]
    found += [Frame(each.kind, facts.link_id, 0, each.payload) for each in vectors()]
    return [msgspec.structs.replace(each, sequence=rng.randrange(256)) for each in found]


def block_of(frame: Frame) -> bytes:
    """A frame's bytes without delimiters."""
    return encode_frame(frame)[1:-1]
