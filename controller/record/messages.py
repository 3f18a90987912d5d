"""What goes over MQTT: one model a message.

Why models here and bytes in `batch_json`: a batch carries the journal's bodies byte for byte, so
that a receiver can check the hashes; the tests hold the bytes against the models.
"""

import json
from collections.abc import Sequence
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from controller.record.entry import Entry

MESSAGE_VERSION: Final = 1
"""`schema_version` of every message; the `v1` of the topics."""

Version = Literal[1]
HexId = str
Wall = str


class Message(BaseModel):
    """Base of all messages. Receivers must accept fields that they do not know."""

    model_config = ConfigDict(frozen=True)
    schema_version: Version = MESSAGE_VERSION


class EntryMessage(BaseModel):
    """One journal entry; docs/journal.md has the meaning of each field and of the hash."""

    model_config = ConfigDict(frozen=True)
    seq: int = Field(ge=1)
    prev_hash: str = Field(pattern="^[0-9a-f]{64}$")
    hash: str = Field(pattern="^[0-9a-f]{64}$")
    host_boot_id: str
    mono_ns: int
    wall: Wall
    clock_synced: bool | None
    session_id: str | None
    pen_uid: str | None
    kind: str
    body: dict[str, Any]


class EventBatch(Message):
    """`.../session/<id>/events` and `.../service/events`, QoS 1, never retained.

    Drop what was seen: (`chain_id`, `seq`) names an entry for ever. A gap in `seq` over both
    topics is a loss.
    """

    chain_id: str = Field(description="Id of the chain's first file; `seq` counts within it.")
    journal_id: str = Field(description="Id of the file that holds these entries.")
    realm: Literal["treatment", "training"]
    simulated: bool = Field(description="A simulated pen took part.")
    first_seq: int
    last_seq: int
    sent_wall: Wall
    entries: list[EntryMessage] = Field(min_length=1)


class Availability(Message):
    """`.../availability`, retained. Online past `expires_wall` means: the broker lost us."""

    state: Literal["online", "offline"]
    heartbeat_wall: Wall | None = None
    expires_wall: Wall | None = None


class PenInfo(BaseModel):
    """The pen that was linked last."""

    model_config = ConfigDict(frozen=True)
    pen_uid: str
    simulated: bool
    model: str | None
    firmware: str


class Info(Message):
    """`.../info`, retained: who is talking, and the schema of what is said."""

    software_version: str
    protocol_version: int = Field(description="Version of the wire between host and pen.")
    journal_schema_version: int
    chain_id: str
    realm: Literal["treatment", "training"]
    host_id: str
    config_digest: str | None
    pen: PenInfo | None
    certificate_id: str | None = Field(description="Of the newest arm.")
    json_schemas: dict[str, Any]


class ZoneState(BaseModel):
    """What a zone got so far; the truth lies between certain and possible."""

    model_config = ConfigDict(frozen=True)
    zone: str
    punctures_certain: int
    punctures_possible: int
    dose_certain_nl: float
    dose_possible_nl: float


class SessionState(BaseModel):
    """The newest session; the truth lies between certain and possible."""

    model_config = ConfigDict(frozen=True)
    session_id: str
    state: str
    zone: str | None
    plan_name: str
    punctures_certain: int
    punctures_possible: int
    dose_certain_nl: float
    dose_possible_nl: float
    zones: list[ZoneState]


class PenHealth(BaseModel):
    """Housekeeping of the pen; `grip_temperature_dc` is tenths of a degree Celsius."""

    model_config = ConfigDict(frozen=True)
    wall: Wall
    battery_mv: int
    battery_percent: int
    grip_temperature_dc: int


class RoomState(Message):
    """`.../state`, retained: derived from the journal up to entry `seq`."""

    chain_id: str
    realm: Literal["treatment", "training"]
    simulated: bool
    seq: int
    wall: Wall
    session: SessionState | None
    health: PenHealth | None
    alarms: int = Field(description="How many alarms are active.")


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


class Receipt(Message):
    """`.../archive/receipt`, retained: all entries up to `seq` are on the archive's disk."""

    archive: str
    chain_id: str
    seq: int = Field(ge=0)
    hash: str = Field(pattern="^[0-9a-f]{64}$")
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
