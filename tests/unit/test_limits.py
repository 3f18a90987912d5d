"""Each layer may only lower; what nobody set refuses."""

from fractions import Fraction
from typing import Any

import pytest

from controller.errors import LimitMissing, LimitRaised, WrongKind
from controller.session.limits import EffectiveLimits, merge
from tests.support.inputs import (
    LIMIT_VALUES,
    UNIT_VALUES,
    cartridge,
    envelope,
    limits,
    limits_file,
    plan,
    sourced,
    stamping,
    zone,
)


def test_without_wishes_of_the_plan_the_clinics_limits_hold() -> None:
    found = limits()
    for name in ("max_dose_nl", "max_zone_nl", "max_session_nl", "max_course_nl"):
        assert getattr(found, name) == LIMIT_VALUES[name]
    for name, value in UNIT_VALUES.items():
        assert getattr(found, name) == Fraction(value)
    assert found.max_protrusion_um == {"neck": 760}
    assert found.min_stroke_period_us == 100_000
    assert found.course_window_days == 90


@pytest.mark.hazard("H41")
@pytest.mark.parametrize("key", [*LIMIT_VALUES, *UNIT_VALUES])
def test_each_limit_that_is_missing_refuses_the_plan(key: str) -> None:
    if key == "max_hole_density_per_cm2":
        given, kind = stamping(), "collagen_induction"
    else:
        given, kind = plan(), "micro_dosing"
    with pytest.raises(LimitMissing, match=key) as caught:
        merge(
            envelope(),
            cartridge(),
            limits_file(without=key, kind=kind),
            given,
            unit="ona_u" if given.dispenses else None,
        )
    assert caught.value.number == 1007


@pytest.mark.hazard("H41")
def test_a_product_family_without_limits_is_refused() -> None:
    with pytest.raises(LimitMissing, match="abo_u"):
        limits(unit="abo_u")


def test_a_product_without_active_unit_needs_no_limits_in_units() -> None:
    found = limits(unit=None, units={})
    assert found.max_puncture_units is None
    assert found.max_dose_nl == 20_000


@pytest.mark.hazard("H41")
def test_a_region_without_limit_is_refused_with_its_likely_spelling() -> None:
    with pytest.raises(LimitMissing, match=r"did you mean neck\?"):
        limits(plan(zone(region="nek")))


LOWERED: dict[str, Any] = LIMIT_VALUES | UNIT_VALUES
LOWERED.pop("course_window_days")


@pytest.mark.hazard("H01")
@pytest.mark.parametrize("key", LOWERED)
def test_a_plan_may_lower_and_keep_but_never_raise(key: str) -> None:
    value = LOWERED[key]
    for wish in (value - 1, value) if value > 1 else (value,):
        given = plan(limits={key: wish})
        assert _of(limits(given), key) == wish
    with pytest.raises(LimitRaised) as caught:
        limits(plan(limits={key: value + 1}))
    assert f"limits.{key}" in caught.value.what
    assert f"limitsfile: {key}" in caught.value.what or f"ona_u.{key}" in caught.value.what


def _of(found: EffectiveLimits, key: str) -> Fraction:
    if key == "max_cadence_hz":
        return Fraction(1_000_000, found.min_stroke_period_us).limit_denominator(100)
    return Fraction(getattr(found, key))


@pytest.mark.parametrize(("wish", "fits"), [(759, True), (760, True), (761, False)])
def test_a_plan_may_lower_a_regions_protrusion_only(wish: int, fits: bool) -> None:
    given = plan(limits={"max_protrusion_um": {"neck": wish}})
    if fits:
        assert limits(given).max_protrusion_um["neck"] == wish
    else:
        with pytest.raises(LimitRaised, match=r"max_protrusion_um\.neck"):
            limits(given)


def test_a_wish_for_an_unknown_region_is_refused_and_not_ignored() -> None:
    with pytest.raises(LimitMissing, match="did you mean neck"):
        limits(plan(limits={"max_protrusion_um": {"nek": 100}}))


@pytest.mark.parametrize(
    ("pen_um", "cartridge_um", "file_um", "expected", "by"),
    [
        (300, 500, 760, 300, "pen"),
        (900, 500, 760, 500, "cartridgetype"),
        (900, 800, 760, 760, "limitsfile"),
    ],
)
def test_protrusion_takes_the_lowest_of_pen_cartridge_and_file(
    pen_um: int, cartridge_um: int, file_um: int, expected: int, by: str
) -> None:
    found = merge(
        envelope(max_protrusion_um=pen_um),
        cartridge(max_protrusion_um=cartridge_um),
        limits_file(max_protrusion_um={"neck": sourced(file_um)}),
        plan(),
        unit="ona_u",
    )
    assert found.max_protrusion_um["neck"] == expected
    assert by in found.set_by["max_protrusion_um.neck"]


def test_the_slower_of_pen_and_file_bounds_the_cadence() -> None:
    slow = merge(
        envelope(min_stroke_period_us=250_000), cartridge(), limits_file(), plan(), unit="ona_u"
    )
    assert slow.min_stroke_period_us == 250_000


def test_the_cartridge_may_lower_the_flow() -> None:
    found = merge(envelope(), cartridge(max_flow_nl_s=40_000), limits_file(), plan(), unit="ona_u")
    assert found.max_flow_nl_s == 40_000


def test_collagen_induction_may_dispense_nothing_at_all() -> None:
    found = limits(stamping())
    assert found.max_dose_nl == found.max_session_nl == found.max_flow_nl_s == 0
    assert found.max_session_units is None
    assert found.max_hole_density_per_cm2 == 300


def test_limits_of_the_other_kind_are_refused() -> None:
    with pytest.raises(WrongKind, match="micro_dosing"):
        merge(envelope(), cartridge(), limits_file(), stamping(), unit=None)


def test_a_solid_needle_cannot_dispense() -> None:
    with pytest.raises(WrongKind, match="cannot dispense"):
        merge(envelope(), cartridge(dispenses=False), limits_file(), plan(), unit="ona_u")


def test_effective_limits_survive_the_journal() -> None:
    found = limits(plan(limits={"max_puncture_units": "1/3"}))
    assert EffectiveLimits.model_validate(found.model_dump(mode="json")) == found
    assert found.max_puncture_units == Fraction(1, 3)
