"""What goes over MQTT: one class a message.

Why plain dataclasses: msgspec writes them in the telemetry process, which does without pydantic
(9 MB of 40); pydantic makes their JSON Schema (schema.py) and checks them in the tests. Why bytes
in `batch_json`: a batch carries the journal's bodies byte for byte, so that a receiver can check
the hashes; the tests hold the bytes against the classes.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from controller.record.entry import Entry

MESSAGE_VERSION: Final = 1
"""`schema_version` of every message; the `v1` of the topics."""

Wall = str
Hash = str


@dataclass(frozen=True, kw_only=True)
class Message:
    """Base of all messages. Receivers must accept fields that they do not know."""

    schema_version: Literal[1] = 1

    def json(self) -> bytes:
        """The message as it is sent."""
        return msgspec.json.encode(self)


@dataclass(frozen=True, kw_only=True)
class EntryMessage:
    """One journal entry; docs/journal.md has the meaning of each field and of the hash."""

    seq: int
    prev_hash: Hash
    hash: Hash
    host_boot_id: str
    mono_ns: int
    wall: Wall
    clock_synced: bool | None
    session_id: str | None
    pen_uid: str | None
    kind: str
    body: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class EventBatch(Message):
    """`.../session/<id>/events` and `.../service/events`, QoS 1, never retained.

    Drop what was seen: (`chain_id`, `seq`) names an entry for ever. A gap in `seq` over both
    topics is a loss. `chain_id` is the id of the chain's first file, `journal_id` that of the file
    that holds these entries. `simulated`: a simulated pen took part.
    """

    chain_id: str
    journal_id: str
    realm: Literal["treatment", "training"]
    simulated: bool
    first_seq: int
    last_seq: int
    sent_wall: Wall
    entries: list[EntryMessage]


@dataclass(frozen=True, kw_only=True)
class Availability(Message):
    """`.../availability`, retained. Online past `expires_wall` means: the broker lost us."""

    state: Literal["online", "offline"]
    heartbeat_wall: Wall | None = None
    expires_wall: Wall | None = None


@dataclass(frozen=True, kw_only=True)
class PenInfo:
    """The pen that was linked last."""

    pen_uid: str
    simulated: bool
    model: str | None
    firmware: str


@dataclass(frozen=True, kw_only=True)
class Info(Message):
    """`.../info`, retained: who is talking, and the schema of what is said.

    `protocol_version` is that of the wire between host and pen; `certificate_id` that of the newest
    arm.
    """

    software_version: str
    protocol_version: int
    journal_schema_version: int
    chain_id: str
    realm: Literal["treatment", "training"]
    host_id: str
    config_digest: str | None
    pen: PenInfo | None
    certificate_id: str | None
    json_schemas: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class ZoneState:
    """What a zone got so far; the truth lies between certain and possible."""

    zone: str
    punctures_certain: int
    punctures_possible: int
    dose_certain_nl: float
    dose_possible_nl: float


@dataclass(frozen=True, kw_only=True)
class SessionState:
    """The newest session; the truth lies between certain and possible."""

    session_id: str
    state: str
    zone: str | None
    plan_name: str
    punctures_certain: int
    punctures_possible: int
    dose_certain_nl: float
    dose_possible_nl: float
    zones: list[ZoneState]


@dataclass(frozen=True, kw_only=True)
class PenHealth:
    """Housekeeping of the pen; `grip_temperature_dc` is tenths of a degree Celsius."""

    wall: Wall
    battery_mv: int
    battery_percent: int
    grip_temperature_dc: int


@dataclass(frozen=True, kw_only=True)
class RoomState(Message):
    """`.../state`, retained: derived from the journal up to entry `seq`.

    `alarms` is how many are active.
    """

    chain_id: str
    realm: Literal["treatment", "training"]
    simulated: bool
    seq: int
    wall: Wall
    session: SessionState | None
    health: PenHealth | None
    alarms: int


@dataclass(frozen=True, kw_only=True)
class AlarmMessage(Message):
    """`.../alarm/<alarm_id>`, retained until an empty payload clears it."""

    alarm_id: str
    name: str
    priority: Literal["low", "medium", "high"]
    sentence: str
    cause: str
    action: str
    raised_wall: Wall
    session_id: str | None
    pen_uid: str | None


@dataclass(frozen=True, kw_only=True)
class Receipt(Message):
    """`.../archive/receipt`, retained: all entries up to `seq` are on the archive's disk."""

    archive: str
    chain_id: str
    seq: int
    hash: Hash
    wall: Wall


TOPIC_MODELS: Final[dict[str, type[Message]]] = {
    "event_batch": EventBatch,
    "availability": Availability,
    "info": Info,
    "state": RoomState,
    "alarm": AlarmMessage,
    "receipt": Receipt,
}


def entry_json(entry: Entry) -> bytes:
    """An entry as EntryMessage, with the body byte for byte as it was hashed."""
    head = json.dumps(
        {
            "seq": entry.seq,
            "prev_hash": entry.prev_hash,
            "hash": entry.hash,
            "host_boot_id": entry.host_boot_id,
            "mono_ns": entry.mono_ns,
            "wall": entry.wall,
            "clock_synced": entry.clock_synced,
            "session_id": entry.session_id,
            "pen_uid": entry.pen_uid,
            "kind": entry.kind,
        },
        separators=(",", ":"),
    )
    return b'%s,"body":%s}' % (head[:-1].encode(), entry.body_json)


def batch_json(
    entries: Sequence[Entry],
    *,
    chain_id: str,
    journal_id: str,
    realm: str,
    simulated: bool,
    sent_wall: str,
) -> bytes:
    """An EventBatch of entries out of one journal file."""
    head = json.dumps(
        {
            "schema_version": MESSAGE_VERSION,
            "chain_id": chain_id,
            "journal_id": journal_id,
            "realm": realm,
            "simulated": simulated,
            "first_seq": entries[0].seq,
            "last_seq": entries[-1].seq,
            "sent_wall": sent_wall,
        },
        separators=(",", ":"),
    )
    return b'%s,"entries":[%s]}' % (head[:-1].encode(), b",".join(map(entry_json, entries)))
