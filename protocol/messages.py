"""Every message of the wire: one frozen class each, its kind number, its fields.

This file is the single declaration of all payload layouts (see `fields.py`). Offsets follow from
the order of the fields. SPEC.md says when each is sent and what it means to the receiver.
"""

from typing import Annotated, ClassVar

import msgspec

from protocol.fields import (
    Tail,
    bits,
    event_kind_bits,
    i16,
    one_of,
    text16,
    u8,
    u16,
    u32,
    u64,
)
from protocol.words import (
    EndReason,
    EventFlag,
    EventKind,
    Mode,
    PenState,
    QueryTopic,
    RecordState,
    Result,
    StatusFlag,
)

RequestId = Annotated[int, u16("id", "chosen by the host; the reply repeats it")]
ArmId = Annotated[int, u32("id", "arm id; 0 = none")]
BootId = Annotated[int, u32("boots", "number of boots in the pen's life, which is the boot's id")]
Count = Annotated[int, u64("punctures", "lifetime count")]
Steps = Annotated[int, u64("steps", "lifetime pump steps")]
Ticks = Annotated[int, u64("us", "pen ticks since this boot")]
EventIndex = Annotated[int, u64("events", "event index in this boot, from 0")]


class Block(msgspec.Struct, frozen=True, gc=False):
    """A group of fields that several messages share."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """Base of all messages. `KIND` < 0x80 goes host to pen, >= 0x80 pen to host."""

    KIND: ClassVar[int] = 0


class Counters(Block, frozen=True):
    """The pen's lifetime counters (C9): monotone for the pen's life, across boots."""

    punctures: Count
    dose_steps: Steps
    prime_steps: Steps
    bench_steps: Steps
    preload_steps: Steps
    reverse_steps: Steps

    @property
    def forward_steps(self) -> int:
        """All forward categories summed: what a grant's step ceiling bounds."""
        return self.dose_steps + self.prime_steps + self.bench_steps + self.preload_steps


class Status(Block, frozen=True):
    """What the pen says in every push (C5): its clock, state and absolute counters."""

    pen_ticks: Ticks
    boot_id: BootId
    arm_id: Annotated[int, u32("id", "the open arm; 0 = none")]
    state: Annotated[PenState, one_of(PenState, "state of the pen")]
    flags: Annotated[int, bits("StatusFlag", "see StatusFlag", sum(StatusFlag))]
    fault: Annotated[int, u8("fault", "number of the first latched fault; 0 = none")]
    counters: Counters
    next_index: Annotated[int, u64("events", "index that the next event of this boot will get")]


class StrokeSettings(Block, frozen=True):
    """What CONFIGURE sets (C3); the digest is taken over these fields."""

    mode: Annotated[Mode, one_of(Mode, "what the arm may do")]
    protrusion_um: Annotated[int, u16("um", "needle beyond the cartridge face", high=3_000)]
    stroke_period_us: Annotated[int, u32("us", "start of stroke to start of stroke")]
    steps: Annotated[int, u16("steps", "pump steps a puncture, or a slice")]
    dwell_us: Annotated[int, u32("us", "needle stays after the last step", high=10_000_000)]


class EventRecord(Block, frozen=True):
    """One actuation (C8), 10 bytes. Its index is `first_index` plus its place in the batch."""

    ticks_low: Annotated[int, u32("us", "low 32 bits of the tick at which it ended")]
    kind_flags: Annotated[
        int, event_kind_bits(EventKind, sum(EventFlag), "EventKind in bits 0-2, EventFlag in 3-6")
    ]
    protrusion_um: Annotated[int, u16("um", "deepest protrusion reached")]
    steps: Annotated[int, u16("steps", "pump steps really made")]
    peak_load_dn: Annotated[int, u8("0.1 N", "highest needle load; 255 = 25.5 N or more")]

    @property
    def kind(self) -> EventKind:
        """What was actuated."""
        return EventKind(self.kind_flags & 0x07)

    @property
    def flags(self) -> EventFlag:
        """Contact, partial, load trip and depth miss."""
        return EventFlag(self.kind_flags & 0x78)


# --- host to pen ---------------------------------------------------------------------------


class Hello(Message, frozen=True):
    """Opens a link (C2). The low 32 bits of the nonce, which must not be 0, are the link id."""

    KIND = 0x01
    nonce: Annotated[int, u64("id", "random; a new one for each new link")]
    host_id: Annotated[int, u64("id", "the same for the life of a host's journal", low=1)]


class Query(Message, frozen=True):
    """Asks for one page of facts; changes nothing (C13)."""

    KIND = 0x02
    request_id: RequestId
    topic: Annotated[QueryTopic, one_of(QueryTopic, "what is asked for")]
    argument: Annotated[int, u32("id", "arm id for ARM_RECORD; otherwise 0")]


class Configure(Message, frozen=True):
    """Sets how strokes are made (C3)."""

    KIND = 0x03
    request_id: RequestId
    settings: StrokeSettings


class Arm(Message, frozen=True):
    """Asks for one authorisation to move (C4)."""

    KIND = 0x04
    request_id: RequestId
    arm_id: Annotated[int, u32("id", "higher than any arm id of the pen's life", low=1)]
    settings_digest: Annotated[int, u32("CRC-32C", "digest of the decoded settings")]
    cartridge_uid: Annotated[int, u64("id", "the fitted cartridge")]
    certificate_id: Annotated[int, u64("id", "the stored certificate")]
    last_stop_id: Annotated[int, u64("id", "the last stop id the pen echoed; 0 = none")]
    expected: Counters


class Disarm(Message, frozen=True):
    """Ends an arm; answered at rest with its final record (C4)."""

    KIND = 0x05
    request_id: RequestId
    arm_id: Annotated[int, u32("id", "arm id", low=1)]


class Grant(Message, frozen=True):
    """Raises ceilings and renews the lease (C5). A datagram: no reply, never retried."""

    KIND = 0x06
    boot_id: BootId
    arm_id: Annotated[int, u32("id", "arm id", low=1)]
    puncture_ceiling: Count
    step_ceiling: Steps
    valid_until_ticks: Ticks
    acked_index: Annotated[int, u64("events", "all events below this index are committed")]


class Ack(Message, frozen=True):
    """Releases committed events outside an arm (C8). A datagram."""

    KIND = 0x07
    boot_id: BootId
    acked_index: Annotated[int, u64("events", "all events below this index are committed")]


class Replay(Message, frozen=True):
    """Asks for events again (C8)."""

    KIND = 0x08
    request_id: RequestId
    boot_id: BootId
    from_index: EventIndex


class Stop(Message, frozen=True):
    """Stops and latches (C10). A datagram, accepted on any link id and in any state."""

    KIND = 0x09
    stop_id: Annotated[int, u64("id", "random", low=1)]


class Clear(Message, frozen=True):
    """Unlatches one stop or one fault at rest (C10). Never arms."""

    KIND = 0x0A
    request_id: RequestId
    stop_id: Annotated[int, u64("id", "the latched stop; 0 = clear a fault")]
    fault: Annotated[int, u8("fault", "the latched fault; 0 = clear a stop")]


class StoreCertificate(Message, frozen=True):
    """Writes the certificate id into the pen's memory, at rest and not armed."""

    KIND = 0x0B
    request_id: RequestId
    certificate_id: Annotated[int, u64("id", "0 = no certificate")]


# --- pen to host ---------------------------------------------------------------------------


class HelloReply(Message, frozen=True):
    """Answers HELLO (C2)."""

    KIND = 0x81
    nonce: Annotated[int, u64("id", "the nonce of the HELLO")]
    uid: Annotated[int, u64("id", "the pen's uid; top four bits set = simulated")]
    protocol_version: Annotated[int, u8("version", "the version the pen speaks")]
    boot_id: BootId
    state: Annotated[PenState, one_of(PenState, "state of the pen")]
    highest_arm_id: ArmId
    last_stop_id: Annotated[int, u64("id", "the last stop id echoed; 0 = none")]


class StatusPush(Message, frozen=True):
    """The periodic status (C5)."""

    KIND = 0x82
    status: Status


class Events(Message, frozen=True):
    """A batch of events of one arm, with a status (C8). At most 14 records."""

    KIND = 0x83
    status: Status
    arm_id: Annotated[int, u32("id", "the arm the events belong to; 0 = outside any arm")]
    first_index: EventIndex
    ticks_high: Annotated[int, u32("2^32 us", "high 32 bits of every record's tick")]
    records: Annotated[tuple[EventRecord, ...], Tail(14)]


class Health(Message, frozen=True):
    """Housekeeping, once a second."""

    KIND = 0x84
    battery_mv: Annotated[int, u16("mV", "battery voltage under the present load")]
    battery_percent: Annotated[int, u8("%", "state of charge", high=100)]
    grip_temperature_dc: Annotated[int, i16("0.1 degC", "temperature of the grip")]
    ring_used: Annotated[int, u16("events", "events not yet acknowledged")]
    discarded_frames: Annotated[int, u16("frames", "frames dropped in this boot, modulo 65,536")]


class Stopped(Message, frozen=True):
    """Echoes a STOP with the counters at that moment (C10)."""

    KIND = 0x85
    stop_id: Annotated[int, u64("id", "the stop id of the STOP", low=1)]
    status: Status


class Cleared(Message, frozen=True):
    """Answers CLEAR."""

    KIND = 0x86
    request_id: RequestId
    result: Annotated[Result, one_of(Result, "OK, or why not")]
    status: Status


class Identity(Message, frozen=True):
    """Answers QUERY(IDENTITY)."""

    KIND = 0x87
    request_id: RequestId
    uid: Annotated[int, u64("id", "the pen's uid")]
    model: Annotated[bytes, text16("model name")]
    firmware: Annotated[bytes, text16("firmware version")]
    certificate_id: Annotated[int, u64("id", "the stored certificate; 0 = none")]
    highest_arm_id: ArmId
    last_stop_id: Annotated[int, u64("id", "the last stop id echoed; 0 = none")]


class Envelope(Message, frozen=True):
    """Answers QUERY(ENVELOPE): the hard ceilings (C11) and the stroke's own times."""

    KIND = 0x88
    request_id: RequestId
    max_protrusion_um: Annotated[int, u16("um", "hard ceiling", high=3_000)]
    min_stroke_period_us: Annotated[int, u32("us", "hard ceiling of the cadence")]
    max_steps: Annotated[int, u16("steps", "hard ceiling a puncture or slice")]
    max_flow_steps_s: Annotated[int, u32("steps/s", "pump speed in every stroke", low=1)]
    insertion_us: Annotated[int, u32("us", "rest to full protrusion")]
    retraction_us: Annotated[int, u32("us", "full protrusion to rest")]
    preload_steps: Annotated[int, u32("steps", "forward steps that end a reversal")]
    ring_depth: Annotated[int, u16("events", "records the ring holds", low=1_024)]
    arm_battery_mv: Annotated[int, u16("mV", "ARM is refused under this voltage")]


class Cartridge(Message, frozen=True):
    """Answers QUERY(CARTRIDGE). All fields 0 when none is fitted."""

    KIND = 0x89
    request_id: RequestId
    present: Annotated[int, u8("bool", "1 = fitted", high=1)]
    used: Annotated[int, u8("bool", "1 = its chip says it was armed before", high=1)]
    cartridge_uid: Annotated[int, u64("id", "uid of its chip")]
    type_code: Annotated[int, u16("code", "type of the cartridge")]
    needles: Annotated[int, u8("needles", "needles in the array")]
    max_protrusion_um: Annotated[int, u16("um", "ceiling of this cartridge", high=3_000)]


class ArmRecord(Message, frozen=True):
    """Answers QUERY(ARM_RECORD, LAST_ARM_OF_HOST) and DISARM (C9)."""

    KIND = 0x8A
    request_id: RequestId
    arm_id: ArmId
    record_state: Annotated[RecordState, one_of(RecordState, "what the pen knows of it")]
    end_reason: Annotated[EndReason, one_of(EndReason, "why it ended")]
    mode: Annotated[int, u8("Mode", "mode of the arm; 0 = no record", high=5)]
    host_id: Annotated[int, u64("id", "the host that armed")]
    boot_id: BootId
    first_index: EventIndex
    first: Counters
    proven: Counters
    reserved: Counters


class Configured(Message, frozen=True):
    """Answers CONFIGURE with the digest of what the pen decoded."""

    KIND = 0x8B
    request_id: RequestId
    result: Annotated[Result, one_of(Result, "OK, or why not")]
    settings_digest: Annotated[int, u32("CRC-32C", "digest of the settings now in force")]


class ArmReply(Message, frozen=True):
    """Answers ARM with the pen's own values."""

    KIND = 0x8C
    request_id: RequestId
    result: Annotated[Result, one_of(Result, "OK, or why not")]
    arm_id: ArmId
    settings_digest: Annotated[int, u32("CRC-32C", "digest of the settings in force; 0 = none")]
    cartridge_uid: Annotated[int, u64("id", "the fitted cartridge; 0 = none")]
    certificate_id: Annotated[int, u64("id", "the stored certificate; 0 = none")]
    last_stop_id: Annotated[int, u64("id", "the last stop id echoed; 0 = none")]
    highest_arm_id: ArmId
    status: Status


class GrantRefused(Message, frozen=True):
    """Says why a grant was refused; at most once in 100 ms."""

    KIND = 0x8D
    arm_id: ArmId
    result: Annotated[Result, one_of(Result, "why")]
    pen_ticks: Ticks
    valid_until_ticks: Annotated[int, u64("us", "the refused end")]


class CertificateStored(Message, frozen=True):
    """Answers STORE_CERTIFICATE."""

    KIND = 0x8E
    request_id: RequestId
    result: Annotated[Result, one_of(Result, "OK, or why not")]
    certificate_id: Annotated[int, u64("id", "the id now stored")]


class ReplayReply(Message, frozen=True):
    """Answers REPLAY; the events follow in EVENTS frames."""

    KIND = 0x8F
    request_id: RequestId
    result: Annotated[Result, one_of(Result, "OK or WRONG_BOOT")]
    boot_id: BootId
    oldest_index: Annotated[int, u64("events", "oldest event still in the ring")]
    next_index: Annotated[int, u64("events", "index that the next event will get")]


MESSAGES: tuple[type[Message], ...] = (
    Hello,
    Query,
    Configure,
    Arm,
    Disarm,
    Grant,
    Ack,
    Replay,
    Stop,
    Clear,
    StoreCertificate,
    HelloReply,
    StatusPush,
    Events,
    Health,
    Stopped,
    Cleared,
    Identity,
    Envelope,
    Cartridge,
    ArmRecord,
    Configured,
    ArmReply,
    GrantRefused,
    CertificateStored,
    ReplayReply,
)

HOST_KINDS = frozenset(message.KIND for message in MESSAGES if message.KIND < 0x80)
PEN_KINDS = frozenset(message.KIND for message in MESSAGES if message.KIND >= 0x80)
