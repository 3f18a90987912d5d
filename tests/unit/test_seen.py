"""What is seen of a pen between two commits: cadence and protrusion, for the screen alone."""

import pytest

from controller.pen.strokes import PenStroke
from controller.session.seen import Seen
from protocol.messages import Health
from protocol.words import EventFlag, EventKind

SECOND = 1_000_000


def stroke(ticks: int, kind: EventKind = EventKind.PUNCTURE, protrusion_um: int = 700) -> PenStroke:
    return PenStroke(
        index=0,
        pen_ticks=ticks,
        kind=kind,
        flags=EventFlag(0),
        protrusion_um=protrusion_um,
        steps=4,
        peak_load_dn=0,
        arm_id=1,
    )


def seen_at(hertz: float, seconds: float) -> Seen:
    """Strokes at this cadence up to host time 0."""
    seen = Seen()
    count = int(hertz * seconds)
    seen.strokes([stroke(round(at * SECOND / hertz)) for at in range(count)], 0.0)
    return seen


@pytest.mark.parametrize("hertz", [0.5, 1.0, 3.0, 10.0, 110.0, 150.0])
def test_the_cadence_is_the_mean_of_the_last_second(hertz: float) -> None:
    assert seen_at(hertz, 6.0).cadence_hz(0.0) == pytest.approx(hertz, rel=0.02)


@pytest.mark.parametrize("hertz", [0.5, 3.0, 150.0])
def test_a_pen_that_rests_has_no_cadence_soon(hertz: float) -> None:
    seen = seen_at(hertz, 6.0)
    assert seen.cadence_hz(max(0.09, 2.0 / hertz)) > 0
    assert seen.cadence_hz(max(0.11, 2.6 / hertz)) == 0.0


def test_one_stroke_is_no_cadence() -> None:
    assert Seen().cadence_hz(0.0) == 0.0
    assert seen_at(1.0, 1.0).cadence_hz(0.0) == 0.0


def test_the_pump_alone_is_no_needle() -> None:
    seen = Seen()
    kinds = (EventKind.PRIME, EventKind.PRELOAD, EventKind.REVERSE)
    seen.strokes([stroke(at * 1_000, kinds[at % 3], 0) for at in range(30)], 0.0)
    assert seen.cadence_hz(0.0) == 0.0
    seen.strokes([stroke(SECOND, protrusion_um=650)], 0.0)
    assert seen.protrusion_um == 650


def test_another_link_is_another_clock() -> None:
    seen = seen_at(10.0, 2.0)
    seen.health = Health(4_000, 90, 250, 0, 0)
    seen.forget()
    assert [seen.health] == [None]
    seen.strokes([stroke(5)], 0.1)
    assert seen.cadence_hz(0.1) == 0.0
