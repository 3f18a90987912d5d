"""Offset, gain, backlash and repeatability of the axis, worked out by hand."""

from pathlib import Path

import pytest

from controller.calibration.acceptance import Verdict, load_acceptance
from controller.calibration.errors import OffsetTooLarge, ProtrusionIncomplete
from controller.calibration.protrusion import Indicator, ProtrusionResult, Touch, protrusion_of

LIMITS = load_acceptance(Path(__file__).parents[2] / "config" / "calibration.toml")
INDICATOR = Indicator(resolution_um=1, max_error_um=3, source="certificate of the indicator")
POINTS_UM = (500, 1_000, 1_500, 2_000, 2_500)


def touches(
    errors_um: tuple[int, ...] = (40, 40, 40, 40, 40), wobble_um: int = 2, backlash_um: int = 30
) -> list[Touch]:
    """Each point twice from inside, `wobble_um` beside its mean, and once from outside."""
    found = []
    for set_um, error_um in zip(POINTS_UM, errors_um, strict=True):
        found += [
            Touch(0, set_um, set_um + error_um - wobble_um),
            Touch(0, set_um, set_um + error_um + wobble_um),
            Touch(3_000, set_um, set_um + error_um + backlash_um),
        ]
    return found


def judged(found: list[Touch]) -> ProtrusionResult:
    return protrusion_of(found, INDICATOR, LIMITS)


def test_an_axis_by_hand() -> None:
    # Errors 20, 30, 40, 50, 60 at 0.5 to 2.5 mm: mean 40, slope 10 / 500 = 0.02. Two readings 2 um
    # beside their mean: squares 8 a point, 40 in all, over 5 degrees of freedom: root 8 = 2.8284.
    result = judged(touches((20, 30, 40, 50, 60)))
    assert result.offset_um == 40
    assert result.gain == pytest.approx(1.02)
    assert result.backlash_um == pytest.approx(30.0)
    assert result.repeatability_um == pytest.approx(2.828_4, abs=1e-4)
    assert [each.remaining_um for each in result.points] == pytest.approx([-20, -10, 0, 10, 20])
    assert result.max_remaining_um == pytest.approx(20.0)
    assert result.verdict is Verdict.PASS
    # Mean of two: 2.8284 / root 2 = 2; indicator hypot(1 / root 6, 3 / root 3) = hypot(0.40825,
    # 1.73205) = 1.77951; together 2.67706. Degrees: 51.3617 / (16 / 5) = 16.05, factor 2.1199.
    assert result.points[0].expanded_um == pytest.approx(2.119_9 * 2.677_06, abs=1e-3)


def test_only_the_retracted_side_makes_the_offset() -> None:
    assert judged(touches(backlash_um=500)).offset_um == 40
    assert judged(touches(backlash_um=-500)).backlash_um == pytest.approx(-500)


@pytest.mark.parametrize(
    ("odd_um", "verdict"),
    [
        # The odd point pulls the mean by a fifth: 4 / 5 of it are left. U is 5.675 um.
        (117, Verdict.PASS),  # 93.6, rounded offset 23: 94 + 5.7 = 99.7
        (119, Verdict.CONDITIONAL),  # offset 24: 95 + 5.7 = 100.7
        (179, Verdict.CONDITIONAL),  # offset 36: 143 + 5.7 = 148.7
        (182, Verdict.FAIL),  # offset 36: 146 + 5.7 = 151.7
        (-119, Verdict.CONDITIONAL),
    ],
)
def test_each_point_is_judged_with_its_uncertainty(odd_um: int, verdict: Verdict) -> None:
    assert judged(touches((0, 0, odd_um, 0, 0))).verdict is verdict


@pytest.mark.parametrize(("wobble_um", "verdict"), [(21, Verdict.PASS), (22, Verdict.FAIL)])
def test_an_axis_that_does_not_repeat_fails(wobble_um: int, verdict: Verdict) -> None:
    # 21 * root 2 = 29.7 um, 22 * root 2 = 31.1 um; 30 are allowed.
    assert judged(touches(wobble_um=wobble_um)).verdict is verdict


@pytest.mark.parametrize("offset_um", [200, -200])
def test_an_offset_up_to_200_um_is_corrected(offset_um: int) -> None:
    result = judged(touches((offset_um,) * 5))
    assert (result.offset_um, result.verdict) == (offset_um, Verdict.PASS)
    further = offset_um + (1 if offset_um > 0 else -1)
    with pytest.raises(OffsetTooLarge, match=rf"stands out \{further:+d} um"):
        judged(touches((further,) * 5))


def test_what_is_missing_is_named() -> None:
    whole = touches()
    with pytest.raises(ProtrusionIncomplete, match="4 points were measured of 5"):
        judged([each for each in whole if each.set_um != 1_500])
    with pytest.raises(ProtrusionIncomplete, match="At 500 um there is one reading"):
        judged(whole[1:])
    with pytest.raises(ProtrusionIncomplete, match="At 2500 um no reading came from the outer"):
        judged(whole[:-1])
    with pytest.raises(ProtrusionIncomplete, match="At 500 um the pen did not move"):
        judged([*whole, Touch(500, 500, 540)])
    with pytest.raises(ProtrusionIncomplete):
        judged([])
