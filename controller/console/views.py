"""What the screen is told: the models of every answer that describes the present moment.

This is the contract between API and page. Pure data: nothing here asks anybody. Every text that
comes from a plan, a pen or a person is data; the page may set it as text only.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

SessionState = Literal[
    "none",
    "ready",
    "arming",
    "running",
    "ending",
    "latched",
    "interrupted",
    "blocked",
    "closed",
]
Priority = Literal["high", "medium", "low"]
Role = Literal["operator", "technician", "administrator"]
ActName = Literal[
    "training",
    "login",
    "logout",
    "preview",
    "open",
    "prime",
    "treat",
    "pause",
    "close",
    "clear",
    "swap",
    "purge",
    "acknowledge",
    "pause_audio",
    "self_test",
    "calibrate",
    "certify",
]
"""STOP is not among them: it is always possible."""


class Model(BaseModel):
    """Frozen, and closed to keys that nobody declared."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# --- session -----------------------------------------------------------------------------------


class ZoneView(Model):
    """One zone of the plan. Volumes in nanolitres, units in the product's unit; null without one.

    `possible_*` is the upper end of what may have been given, which counts against the limits.
    """

    name: str
    region: str
    title: str
    planned_punctures: int
    punctures: int
    planned_nl: float
    certain_nl: float
    possible_nl: float
    planned_units: float | None
    certain_units: float | None
    possible_units: float | None
    unit: str | None
    is_next: bool
    is_complete: bool


class SyringeView(Model):
    """What must still be in the syringe, in nanolitres. null fill_nl: none is loaded."""

    left_nl: float
    fill_nl: float | None
    needs_prime: bool


class DeliveredView(Model):
    """The last puncture on record. `puncture` counts within its zone; `wall` is RFC 3339, UTC."""

    zone: str | None
    puncture: int
    wall: str


class LostView(Model):
    """When the pen was lost (RFC 3339, UTC), and by what."""

    wall: str
    reason: str


class SessionView(Model):
    """The open session. `zone` is the one that the present arm is for, null when there is none."""

    id: str
    plan_title: str
    patient: str
    operator: str
    state: SessionState
    zone: str | None
    zones: list[ZoneView]
    syringe: SyringeView
    last_delivered: DeliveredView | None
    lost: LostView | None


# --- pen ---------------------------------------------------------------------------------------


class PenFlags(Model):
    """What the pen says of itself, by its newest status."""

    at_rest: bool
    contact: bool
    trigger: bool
    holding: bool
    stop_latched: bool


class FaultView(Model):
    """A fault that the pen has latched."""

    number: int
    sentence: str


class PenView(Model):
    """The pen, now or (connected false) when it was last heard. uid: 16 hexadecimal digits.

    cadence_hz: mean of the strokes of the last second. `punctures` counts the pen's whole life.
    """

    uid: str
    model: str
    firmware: str
    simulated: bool
    connected: bool
    state: str
    flags: PenFlags
    fault: FaultView | None
    battery_percent: int | None
    protrusion_set_um: int
    protrusion_reached_um: int
    cadence_hz: float
    punctures: int


# --- what stands in the way --------------------------------------------------------------------


class CheckView(Model):
    """One line of the checklist. ok null: cannot be known yet; `action` is empty when ok."""

    id: str
    ok: bool | None
    sentence: str
    action: str


class AlarmView(Model):
    """One alarm; highest priority first, then oldest. Stays until it is over and acknowledged."""

    id: str
    priority: Priority
    sentence: str
    cause: str
    action: str
    raised_wall: str
    acknowledged: bool
    active: bool


# --- STOP, login -------------------------------------------------------------------------------


class SelfTestView(Model):
    """The last self-test of STOP: when, and from request to the pen's confirmation."""

    at_wall: str
    latency_ms: float


class StopView(Model):
    """STOP: whether one waits for the pen's confirmation, and how long the last one took."""

    under_way: bool
    last_latency_ms: float | None
    self_test: SelfTestView | None


class LoginView(Model):
    """Who is logged in on this screen. Any act puts the expiry off."""

    person: str
    role: Role
    expires_wall: str


# --- the whole ---------------------------------------------------------------------------------


class View(Model):
    """Everything that the screen shows of the present moment.

    seq rises with every view of one service; a page that sees the same one for 1 s is stale.
    """

    seq: int
    now_wall: str
    simulated: bool
    realm: Literal["treatment", "training"]
    session: SessionView | None
    pen: PenView | None
    checklist: list[CheckView]
    alarms: list[AlarmView]
    audio_paused_until_wall: str | None
    stop: StopView
    login: LoginView | None
    allowed: list[ActName]


class StripPoint(Model):
    """One moment of the live strip. dose_nl: certain in the present zone."""

    mono_s: float
    dose_nl: float
    cadence_hz: float
    protrusion_um: int
    contact: bool
    trigger: bool


class Strip(Model):
    """What happened since the last `strip` event; the first one holds the last 30 s."""

    points: list[StripPoint]
