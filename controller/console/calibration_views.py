"""What the screen is told of calibrations: the one that is open, certificates, what is due.

Part of the contract between API and page; the service fills it in. Pure data. Every text that comes
from a file, a pen, a balance or a person is data; the page may set it as text only.
"""

from typing import Annotated, Literal

from pydantic import Field

from controller.console.requests import ErrorView, FindingView
from controller.console.views import Model

Procedure = Literal["dose", "protrusion", "cadence"]
Reason = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]


class StepView(Model):
    """What is to be done now. number: which of `total` steps, from 1."""

    kind: str
    title: str
    instruction: str
    number: int
    total: int


class QuestionView(Model):
    """What is asked. id: an answer names it. typed: a text is wanted, else a touch is enough."""

    id: int
    kind: str
    text: str
    example: str
    typed: bool


class LiveView(Model):
    """What the balance says now. mass_mg null: no reading, and `why` says why not.

    decimals: how many digits of a milligram it shows.
    """

    mass_mg: float | None
    decimals: int
    stable: bool
    why: str


class PointView(Model):
    """One reading of the plot. place counts from 0. reason: why it does not count."""

    place: int
    value: float
    counts: bool
    reason: str


class PlotView(Model):
    """The readings of a series and the limits that their mean is judged by.

    quantity: dose (nl), protrusion (error in um) or cadence (error in percent); title: of a dose.
    """

    quantity: Procedure
    title: str
    unit: str
    nominal: float
    pass_low: float
    pass_high: float
    fail_low: float
    fail_high: float
    places: int
    points: list[PointView]


class ReadingView(Model):
    """One entry of the calibration's record, newest first."""

    wall: str
    kind: str
    text: str
    by: str


class OpenView(Model):
    """The calibration that is open.

    led_by: who leads it now; null: it stands still until somebody goes on with it. told: what the
    guide said in this step, oldest first. trouble: why it stopped leading.
    """

    id: str
    procedure: Procedure
    pen_uid: str
    opened_wall: str
    opened_by: str
    led_by: str | None
    simulated: bool
    typed: bool
    step: StepView | None
    question: QuestionView | None
    told: list[str]
    live: LiveView | None
    plot: PlotView | None
    readings: list[ReadingView]
    trouble: ErrorView | None


class ClosedView(Model):
    """The calibration that was closed last."""

    id: str
    procedure: Procedure
    outcome: str
    reason: str
    wall: str


class CalibrationView(Model):
    """What changes while one calibrates; also sent as event `calibration`, at most at 10 Hz."""

    open: OpenView | None
    last: ClosedView | None


class EndView(Model):
    """One end of a certificate: a count, and what is left of it."""

    name: str
    until: str
    left: str
    near: bool


class DueView(Model):
    """One pen's certificate. provisional: it rests on geometry, not on weighings.

    wants: what a new one still needs; empty: it can be issued. unstored: it is issued, and the pen
    is not known to store it; issuing again completes that.
    """

    pen_uid: str
    certificate_id: str | None
    provisional: bool
    until_wall: str | None
    days_left: float | None
    ends: list[EndView]
    findings: list[FindingView]
    wants: list[str]
    unstored: bool


class CertificateLine(Model):
    """One certificate of the journal, newest first."""

    id: str
    pen_uid: str
    issued_wall: str
    measured_by: str
    approved_by: str
    supersedes: str | None
    in_force: bool
    simulated: bool


class CalibrationPage(CalibrationView):
    """All of the view "Calibrate"."""

    due: list[DueView]
    certificates: list[CertificateLine]


# --- requests ----------------------------------------------------------------------------------


class StartRequest(Model):
    """Begin a calibration, or go on with the open one of the same kind.

    typed: the balance's readings are typed in.
    """

    procedure: Procedure
    typed: bool = False


class AnswerRequest(Model):
    """The answer to the question with this id; empty where a touch is enough."""

    question: int
    text: Annotated[str, Field(max_length=200)] = ""


class ReasonRequest(Model):
    """Why a reading is taken again, or the calibration given up."""

    reason: Reason


class IssueRequest(Model):
    """Who approves, with the own PIN; `remark` is wanted for a conditional result."""

    person: str
    pin: str
    remark: Annotated[str, Field(max_length=400)] | None = None
