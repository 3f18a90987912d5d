"""Calibrations as the screen shows them: one under way, one that stands still, what is due."""

from typing import Any

from controller.console import views
from controller.console.calibration_views import (
    CalibrationPage,
    CalibrationView,
    CertificateLine,
    ClosedView,
    DueView,
    EndView,
    LiveView,
    OpenView,
    PlotView,
    PointView,
    QuestionView,
    ReadingView,
    StepView,
)
from controller.console.requests import ErrorView, FindingView
from tests.browser import scenes

WALL = "2026-11-23T08:15:30+00:00"
PEN = "f000000079b56b4e"
STEP = StepView(
    kind="weigh",
    title="As found, 10.00 ul, series 3 of 6: weighing 7 of 10",
    instruction="Give 4 doses into the vessel, with the trigger held until the pen rests; "
    "touch the last drop off inside of the vessel. Read 50 s after the reading before.",
    number=64,
    total=183,
)
POINTS = [
    *(
        PointView(place=n, value=10_000.0 + 37 * (-1) ** n * n, counts=True, reason="")
        for n in range(5)
    ),
    PointView(place=5, value=10_655.0, counts=False, reason="a drop hung"),
    PointView(place=5, value=10_120.0, counts=True, reason=""),
]
PLOT = PlotView(
    quantity="dose",
    title="10.00 uL, 4 Hz",
    unit="nl",
    nominal=10_000,
    pass_low=9_500,
    pass_high=10_500,
    fail_low=9_250,
    fail_high=10_750,
    places=10,
    points=POINTS,
)
QUESTION = QuestionView(
    id=7,
    kind="try again",
    text="The balance does not show it. Put the check weight on the pan.",
    example="",
    typed=False,
)
TOLD = [
    "The weight moved by +0.3 mg in 4 s: static, draught or a drop that still falls. It is "
    "waited out."
]


def room() -> views.View:
    """A pen, and a person who may calibrate."""
    return scenes.view(pen=scenes.pen(), allowed=["calibrate", "certify"])


def opened(**changes: Any) -> CalibrationView:
    """Under way, led by who is logged in on the scenes' screen."""
    found = OpenView(
        id="cal-20261123-081500-1a2b3c4d",
        procedure="dose",
        pen_uid=PEN,
        opened_wall=WALL,
        opened_by="A. Practitioner",
        led_by="A. Practitioner",
        simulated=True,
        typed=False,
        step=STEP,
        question=None,
        told=TOLD,
        live=LiveView(mass_mg=3_545.7, decimals=1, stable=False, why=""),
        plot=PLOT,
        readings=[ReadingView(wall=WALL, kind="calibration_weighed", text="3545.7 mg", by="Ana")],
        trouble=None,
    )
    return CalibrationView(open=found.model_copy(update=changes), last=None)


def asking() -> CalibrationView:
    """Something is asked."""
    return opened(question=QUESTION, live=LiveView(mass_mg=-0.1, decimals=1, stable=True, why=""))


def standing() -> CalibrationView:
    """Left by another person, and broken off."""
    trouble = ErrorView(
        number=7052,
        what="No port answers as a balance.",
        cause="It is off, or its cable is out.",
        action="Switch it on, and go on.",
    )
    return opened(led_by=None, opened_by="Ana", live=None, told=[], trouble=trouble)


def idle() -> CalibrationPage:
    """Nothing is open; a certificate ends soon."""
    line = CertificateLine(
        id="5f0c2d9a8b7e6f01",
        pen_uid=PEN,
        issued_wall=WALL,
        measured_by="Ana",
        approved_by="Jo Second",
        supersedes=None,
        in_force=True,
        simulated=True,
    )
    due = DueView(
        pen_uid=PEN,
        certificate_id=line.id,
        provisional=False,
        until_wall="2026-11-29T08:15:30+00:00",
        days_left=6.0,
        ends=[EndView(name="hours", until="200.0 h", left="12.5 h", near=True)],
        findings=[
            FindingView(
                code="CERTIFICATE_NEAR_END",
                blocks=False,
                sentence="The certificate ends at 2026-11-29 08:15 UTC. Plan the next calibration.",
            )
        ],
        wants=["There is no calibration of the doses. Run `micropen calibrate dose`."],
        unstored=False,
    )
    last = ClosedView(
        id="cal-1", procedure="dose", outcome="measured", reason="All 6 series pass.", wall=WALL
    )
    return CalibrationPage(open=None, last=last, due=[due], certificates=[line])
