"""What the screen asks for and is answered: the models of requests, plans, history and errors.

The other half of the contract between API and page; `views` describes the present moment.
"""

from typing import Annotated

from pydantic import Field, FiniteFloat

from controller.console.views import Model, Priority, Role

Nanolitres = Annotated[int, Field(strict=True, ge=1, le=10_000_000)]
"""What a plan can fill into one syringe at most (`controller/session/plan.py`)."""


class Nothing(Model):
    """A request without content, or an act that answers nothing but "done"."""


class StopAnswer(Model):
    """16 hexadecimal digits; latency null when the pen did not confirm within the wait."""

    stop_id: str
    latency_ms: float | None


class LoginRequest(Model):
    """A person of `/api/people` and the PIN."""

    person: str
    pin: str


class EnterRequest(Model):
    """The token of an address that is not loopback."""

    token: str


class VialRequest(Model):
    """The vial in hand. Expiry is an ISO 8601 date; reconstituted_at_wall RFC 3339."""

    lot: str
    expiry: str
    reconstituted_at_wall: str


class PreviewRequest(Model):
    """`plan` is a name of `/api/plans`. `product` must be the plan's own, or absent."""

    plan: str
    product: str | None = None
    vial: VialRequest | None = None
    patient: str | None = None


class OpenRequest(Model):
    """Opens a session; `plan` is a name of `/api/plans`.

    confirmed_total: what the person confirmed of the preview, in the product's units, or in
    nanolitres where it has none; another total than the plan's is refused. null: nothing was.
    """

    plan: str
    patient: str
    vial: VialRequest | None = None
    confirmed_total: FiniteFloat | None = None


class TreatRequest(Model):
    """Arms for the next zone. What the person confirmed is compared; null: nothing was."""

    patient: str | None = None
    zone: str | None = None


class SwapRequest(Model):
    """The next syringe's fill in nanolitres; null: the same as the plan's."""

    fill_nl: Nanolitres | None = None


class PurgeRequest(Model):
    """What is to be discarded off the skin, in nanolitres."""

    volume_nl: Nanolitres


class MeasureView(Model):
    """A planned value beside its bound. `subject` is a zone's name, "session" or "course"."""

    subject: str
    name: str
    value: float
    limit: float
    unit: str
    at_least: bool
    holds: bool


class FindingView(Model):
    """Something that forbids the plan, or that somebody must know."""

    code: str
    blocks: bool
    sentence: str


class PlannedZone(Model):
    """One zone as planned, before anything is given."""

    name: str
    region: str
    title: str
    punctures: int
    dose_nl: float
    total_nl: float
    total_units: float | None
    protrusion_um: int
    cadence_hz: float


class PlanView(Model):
    """A plan to choose: `name` is what requests name it by."""

    name: str
    title: str
    kind: str
    patient: str
    product: str | None
    cartridge: str
    syringe_fill_nl: float | None
    prime_nl: float
    unit: str | None
    zones: list[PlannedZone]


class PlanLine(Model):
    """A plan in the list; `problem` is why it cannot be used, null when it can."""

    name: str
    title: str
    problem: str | None


class ProductView(Model):
    """A product to choose."""

    name: str
    title: str
    unit: str | None
    units_a_ml: float | None
    use_within_hours: float | None


class PersonView(Model):
    """Somebody who can log in."""

    name: str
    role: Role


class Preview(Model):
    """A plan against every limit. `possible`: it could be opened."""

    plan: PlanView
    measures: list[MeasureView]
    findings: list[FindingView]
    possible: bool


class SessionLine(Model):
    """One session of the history. Walls are RFC 3339, UTC."""

    id: str
    plan_title: str
    patient: str
    operator: str
    opened_wall: str
    closed_wall: str | None
    outcome: str | None
    simulated: bool


class AlarmLine(Model):
    """One alarm of the log. Walls are RFC 3339, UTC; null: not yet, or by nobody."""

    id: str
    priority: Priority
    sentence: str
    cause: str
    session_id: str | None
    raised_wall: str
    cleared_wall: str | None
    acknowledged_wall: str | None
    acknowledged_by: str | None


class Verified(Model):
    """What recomputing the journal's chain found. `head` is SEQ:HASH, to be noted elsewhere."""

    holds: bool
    entries: int
    entries_of_session: int
    head: str
    first_bad_seq: int | None
    problem: str | None


class ErrorView(Model):
    """An error of the numbered tree (docs/errors.md)."""

    number: int
    what: str
    cause: str
    action: str
