"""What the journal can say: one frozen pydantic model for each kind of entry body.

The models are the single source of the journal's JSON, of the telemetry's JSON Schema and of the
exports. 64-bit ids are 16 lower-case hex digits, because a JSON reader may hold numbers as
doubles. Volumes are derived from steps and the frozen picolitres a step, never stored as floats.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

HexId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Steps = Annotated[int, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]


def hex_id(value: int) -> str:
    """A 64-bit id as the journal spells it."""
    return f"{value:016x}"


class Body(BaseModel):
    """Base of all entry bodies. `kind` names the class in the journal for ever."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: ClassVar[str] = ""


class CounterSet(BaseModel):
    """The pen's lifetime counters as the journal keeps them."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    punctures: Count
    dose_steps: Steps
    prime_steps: Steps
    bench_steps: Steps
    preload_steps: Steps
    reverse_steps: Steps


class Actor(BaseModel):
    """Who caused an act: a person with a role, or a program (simulated pens only)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    role: Literal["operator", "technician", "administrator", "program"]


class JournalOpened(Body):
    """First entry of every journal file."""

    kind = "journal_opened"
    journal_id: HexId
    realm: Literal["treatment", "training"]
    schema_version: int
    host_id: HexId
    software_version: str
    predecessor_id: HexId | None = None
    predecessor_seq: int | None = None
    predecessor_hash: str | None = None


class ServiceStarted(Body):
    """The controller process started on this journal."""

    kind = "service_started"
    software_version: str
    config_digest: str


class ServiceStopped(Body):
    """The controller process stopped in an orderly way."""

    kind = "service_stopped"
    reason: str


class PenEnrolled(Body):
    """A pen seen for the first time, or anew by an `actor`; its counters are the baseline (C2)."""

    kind = "pen_enrolled"
    pen_uid: HexId
    simulated: bool
    model: str
    firmware: str
    counters: CounterSet
    pen_boot_id: int = 0
    next_index: Count = 0
    """Events of that boot below this index are in the baseline and are never booked."""
    highest_arm_id: Count = 0
    """Arms of this pen up to this id are in the baseline, also those that this journal lacks."""
    actor: Actor | None = None
    reason: str = ""


class LinkUp(Body):
    """A handshake was completed.

    certificate_id: the one that the pen says it stores, 16 zeros for none.
    """

    kind = "link_up"
    pen_uid: HexId
    pen_boot_id: int
    link_id: int
    firmware: str
    counters: CounterSet
    protocol_version: int | None = None
    certificate_id: HexId | None = None


class LinkLost(Body):
    """The pen cannot be heard any more."""

    kind = "link_lost"
    pen_uid: HexId
    reason: str


class SessionOpened(Body):
    """A session was prepared: plan, product and limits as they are frozen for it."""

    kind = "session_opened"
    plan_name: str
    plan_digest: str
    patient: str
    operator: Actor
    plan: dict[str, Any]
    product: dict[str, Any] | None
    limits: dict[str, Any]
    certificate: dict[str, Any] | None
    cartridge: dict[str, Any]
    config_digest: str
    accept_provisional: bool


class StateChanged(Body):
    """The session's state moved along the transition table."""

    kind = "state_changed"
    before: str
    act: str
    after: str
    zone: str | None = None
    actor: Actor | None = None
    reason: str = ""


class ArmOpened(Body):
    """Committed before the first byte of ARM. Opens an interval in the ledger."""

    kind = "arm_opened"
    arm_id: int
    pen_uid: HexId
    pen_boot_id: int
    mode: Literal["dose", "no_dispense", "prime", "reload", "bench"]
    purpose: Literal["zone", "prime", "purge", "bench"]
    zone: str | None
    protrusion_um: int
    stroke_period_us: int
    steps: int
    dwell_us: int
    settings_digest: int
    cartridge_uid: HexId
    certificate_id: HexId
    picolitres_a_step: int
    needles: int
    first: CounterSet
    first_index: int
    actor: Actor


@dataclass(frozen=True, slots=True)
class Stroke:
    """One event of the pen, as it came (C8)."""

    # A dataclass costs a third of a model, and there are 150 a second. Pydantic checks it wherever
    # it is read, and writes the same bytes.
    __pydantic_config__ = ConfigDict(extra="forbid")
    index: int
    pen_ticks: int
    kind: Literal["puncture", "prime", "bench", "preload", "reverse"]
    steps: int
    protrusion_um: int
    contact: bool
    partial: bool
    load_trip: bool
    depth_miss: bool
    peak_load_dn: int


class Strokes(Body):
    """A committed batch: the events, and the ceilings that it raises (design section 2, idea 4).

    `strokes` is empty when only a ceiling rises. The ceilings are the highest committed ones and
    bound what the pen may have done until its final record says more.
    """

    kind = "strokes"
    arm_id: int
    pen_uid: HexId
    pen_boot_id: int
    strokes: tuple[Stroke, ...]
    puncture_ceiling: Count
    step_ceiling: Steps


class ArmClosed(Body):
    """The interval of an arm was closed by the pen's own word, or by an authorised seal."""

    kind = "arm_closed"
    arm_id: int
    pen_uid: HexId
    how: Literal["final", "never", "sealed"]
    end_reason: str
    first: CounterSet
    certain: CounterSet
    possible: CounterSet
    actor: Actor | None = None
    reason: str = ""


class ForeignMovement(Body):
    """Movement outside this journal's arms: adopted as the new baseline, booked to nobody."""

    kind = "foreign_movement"
    pen_uid: HexId
    before: CounterSet
    after: CounterSet


class Contradiction(Body):
    """The pen contradicted the books; it may not be armed again under this enrolment."""

    kind = "contradiction"
    pen_uid: HexId
    sentence: str


class StopSent(Body):
    """A stop was sent; written after its bytes, which never wait for a disk."""

    kind = "stop_sent"
    stop_id: HexId
    reason: str
    actor: Actor | None = None


class StopConfirmed(Body):
    """The pen echoed the stop. `latency_us` is 0 when the echo overtook the news of the sending."""

    kind = "stop_confirmed"
    stop_id: HexId
    latency_us: int
    counters: CounterSet


class LatchCleared(Body):
    """An operator cleared a stop or a fault."""

    kind = "latch_cleared"
    stop_id: HexId | None
    fault: int
    actor: Actor


class AlarmRaised(Body):
    """An alarm became active."""

    kind = "alarm_raised"
    alarm_id: str
    name: str
    priority: Literal["low", "medium", "high"]
    sentence: str
    cause: str
    action: str


class AlarmCleared(Body):
    """An alarm is no longer active."""

    kind = "alarm_cleared"
    alarm_id: str


class SyringeLoaded(Body):
    """A filled syringe was fitted."""

    kind = "syringe_loaded"
    syringe: int
    fill_nl: int
    lot: str
    actor: Actor


class SyringeRemoved(Body):
    """A syringe was taken out; its remainder is discarded or left in the vial's account."""

    kind = "syringe_removed"
    syringe: int
    discarded_nl_numerator: int
    discarded_nl_denominator: int
    reason: str
    actor: Actor


class HealthSeen(Body):
    """Housekeeping of the pen, at a low rate."""

    kind = "health_seen"
    pen_uid: HexId
    battery_mv: int
    battery_percent: int
    grip_temperature_dc: int
    ring_used: int
    link_discards: int


class SessionClosed(Body):
    """The session ended; the account as the ledger had it."""

    kind = "session_closed"
    outcome: Literal["complete", "ended_early"]
    account: dict[str, Any]
    actor: Actor


BODIES: dict[str, type[Body]] = {
    body.kind: body
    for body in (
        JournalOpened,
        ServiceStarted,
        ServiceStopped,
        PenEnrolled,
        LinkUp,
        LinkLost,
        SessionOpened,
        StateChanged,
        ArmOpened,
        Strokes,
        ArmClosed,
        ForeignMovement,
        Contradiction,
        StopSent,
        StopConfirmed,
        LatchCleared,
        AlarmRaised,
        AlarmCleared,
        SyringeLoaded,
        SyringeRemoved,
        HealthSeen,
        SessionClosed,
    )
}
