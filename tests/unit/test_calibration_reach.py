"""What a pen cannot do is said before a calibration is opened."""

import pytest

from controller.calibration.procedure.terms import AnyTerms, CadenceTerms, ProtrusionTerms
from controller.calibration.reach import SetupBeyondPen, check_reach
from protocol.messages import Cartridge, Envelope
from tests.support.technician import LIMITS, dose_terms, instrument

PEN = Envelope(1, 2_500, 6_666, 18_500, 18_500, 2_500, 2_500, 200, 2_048, 3_600)
NEEDLE = Cartridge(1, 1, 0, 1, 1, 1, 1_000)


def axis_terms(outer_um: int) -> ProtrusionTerms:
    return ProtrusionTerms(
        limits=LIMITS,
        points_um=(100, 200, 300, 400, 500),
        outer_um=outer_um,
        indicator=instrument("indicator", "I"),
        resolution_um=1,
        max_error_um=4,
    )


def cadence_terms(period_us: int, protrusion_um: int = 500) -> CadenceTerms:
    return CadenceTerms(
        limits=LIMITS, stroke_periods_us=(period_us,), strokes=21, protrusion_um=protrusion_um
    )


def test_what_the_pen_can_do_passes() -> None:
    for terms in (
        dose_terms(periods_us=(2_000_000, 250_000)),
        axis_terms(1_000),
        cadence_terms(6_666),
    ):
        check_reach(terms, PEN, NEEDLE)


@pytest.mark.parametrize(
    ("terms", "sentence"),
    [
        (
            dose_terms(periods_us=(200_000,)),
            "for 10.00 ul may take 239595 us; a period of 200000 us is too short",
        ),
        (
            dose_terms((5_000, 10_000, 50_000), (5_000_000,)),
            "may need 21698 steps for 50.00 ul; the pen makes 18500",
        ),
        (axis_terms(1_001), "1001 um is asked for; this pen with this cartridge goes to 1000 um"),
        (cadence_terms(6_665), "may take 6666 us; a period of 6665 us is too short"),
        (cadence_terms(10_000, 1_200), "goes to 1000 um"),
    ],
)
def test_what_it_cannot_do_is_refused_with_the_figure(terms: AnyTerms, sentence: str) -> None:
    with pytest.raises(SetupBeyondPen) as refused:
        check_reach(terms, PEN, NEEDLE)
    assert sentence in refused.value.what


def test_the_steps_that_a_fit_may_ask_for_have_room() -> None:
    """10 ul are 3,689 steps as found; at 15 % less a step it takes 4,340."""
    fits_us = 5_000 + -(-4_340 * 1_000_000 // 18_500)
    check_reach(dose_terms(periods_us=(fits_us,)), PEN, NEEDLE)
    with pytest.raises(SetupBeyondPen):
        check_reach(dose_terms(periods_us=(fits_us - 1,)), PEN, NEEDLE)
