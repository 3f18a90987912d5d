"""Every check at its boundary: limit-1 passes, the limit passes, limit+1 blocks."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from controller.session.interlocks import (
    Findings,
    check_bench,
    check_plan,
    steps_for,
)
from controller.session.measures import Bench, shortest_period_us
from tests.support.inputs import (
    bench,
    cartridge,
    envelope,
    limits,
    plan,
    recipe,
    sourced,
    stamping,
    zone,
)


def codes(findings: Findings) -> set[str]:
    """The codes of the findings that forbid."""
    return {finding.code for finding in findings if finding.severity == "block"}


def dosing(**changes: Any) -> Bench:
    """A plan of one zone, changed."""
    return bench(plan(zone(**changes)))


def unit_bench(**unit_limits: int) -> Bench:
    """10 x 10 uL = 100 uL at 20 U/mL = 0.2 U a puncture, 2 U in all, with limits in mU."""
    values = {
        "max_puncture_units": Fraction(10),
        "max_zone_units": Fraction(1_000),
        "max_session_units": Fraction(1_000),
        "max_course_units": Fraction(1_000),
    } | {key: Fraction(value, 1_000) for key, value in unit_limits.items()}
    table = {"ona_u": {key: sourced(value) for key, value in values.items()}}
    return bench(limits=limits(units=table))


CASES: dict[str, tuple[Callable[[int], Bench], int, bool]] = {
    # code: (bench from a value, the last value that passes, True when lower is worse)
    "DOSE_OVER_LIMIT": (lambda nl: dosing(dose_nl=nl), 20_000, False),
    "ZONE_OVER_LIMIT": (lambda n: dosing(dose_nl=10_000, punctures=n), 50, False),
    "SESSION_OVER_LIMIT": (
        lambda n: bench(
            plan(
                zone(punctures=50),
                zone(name="two", punctures=n),
            )
        ),
        50,
        False,
    ),
    "COURSE_OVER_LIMIT": (
        lambda nl: bench(course_possible_nl=Fraction(nl)),
        1_900_000,
        False,
    ),
    "DOSE_UNITS_OVER_LIMIT": (lambda mu: unit_bench(max_puncture_units=mu), 200, True),
    "ZONE_UNITS_OVER_LIMIT": (lambda mu: unit_bench(max_zone_units=mu), 2_000, True),
    "SESSION_UNITS_OVER_LIMIT": (lambda mu: unit_bench(max_session_units=mu), 2_000, True),
    "COURSE_UNITS_OVER_LIMIT": (
        lambda units: bench(course_possible_units=Fraction(units)),
        78,
        False,
    ),
    "PROTRUSION_OVER_LIMIT": (lambda um: dosing(protrusion_um=um), 760, False),
    "PROTRUSION_OVER_CEILING": (
        lambda offset: bench(plan(zone(protrusion_um=760)), protrusion_offset_um=offset),
        -240,
        True,
    ),
    "PROTRUSION_NOT_SETTABLE": (
        lambda offset: bench(plan(zone(protrusion_um=50)), protrusion_offset_um=offset),
        49,
        False,
    ),
    "STROKE_DOES_NOT_FIT": (lambda dwell: dosing(dwell_us=dwell), 795_000, False),
    "FLOW_OVER_LIMIT": (
        lambda rate: bench(envelope=envelope(max_flow_steps_s=rate)),
        60_000,
        False,
    ),
    "STEPS_OVER_CEILING": (lambda steps: bench(envelope=envelope(max_steps=steps)), 10_000, True),
    "DENSITY_OVER_LIMIT": (
        lambda n: bench(
            stamping(zone(dose_nl=0, cadence_hz=100, punctures=n, area_mm2=1_000)),
        ),
        3_000,
        False,
    ),
    "CADENCE_OVER_LIMIT": (
        lambda tenths: bench(
            plan(zone(dose_nl=1_000, cadence_hz=Fraction(tenths, 10))),
            limits=limits(max_cadence_hz=sourced(5)),
        ),
        50,
        False,
    ),
    "SYRINGE_TOO_SMALL": (
        lambda fill: bench(plan(zone(), syringe_fill_nl=fill)),
        15_200,
        True,
    ),
    "PRIME_TOO_SMALL": (lambda nl: bench(plan(zone(), prime_nl=nl)), 5_000, True),
}


@pytest.mark.hazard("H01")
@pytest.mark.parametrize("code", CASES)
def test_each_limit_at_its_boundary(code: str) -> None:
    make, last, lower_is_worse = CASES[code]
    worse, better = (last - 1, last + 1) if lower_is_worse else (last + 1, last - 1)
    assert code not in codes(check_bench(make(better)))
    assert code not in codes(check_bench(make(last)))
    assert code in codes(check_bench(make(worse)))


def test_a_plan_within_every_limit_has_no_finding_at_all() -> None:
    assert check_bench(bench()) == ()
    assert check_bench(bench(stamping())) == ()


def test_check_plan_measures_the_same_as_its_bench() -> None:
    given = plan(zone(dose_nl=20_001))
    found = check_plan(
        given,
        limits(given),
        recipe(),
        envelope(),
        cartridge(),
        {"one": 1_000},
        course_possible_nl=Fraction(5_000_000),
        course_possible_units=Fraction(500),
        protrusion_offset_um=10,
    )
    assert found == check_bench(
        bench(
            given,
            course_possible_nl=Fraction(5_000_000),
            course_possible_units=Fraction(500),
            protrusion_offset_um=10,
        )
    )
    assert codes(found) == {"DOSE_OVER_LIMIT", "COURSE_OVER_LIMIT", "COURSE_UNITS_OVER_LIMIT"}


@pytest.mark.hazard("H01")
def test_a_dose_that_whole_steps_round_up_over_the_limit_is_blocked() -> None:
    given = plan(zone(dose_nl=20_000))
    # 20,000 nl / 2.999 nl = 6,668.9 steps: 6,669 steps make 20,000.331 nl.
    slow = envelope(max_flow_steps_s=20_000)
    found = check_bench(bench(given, picolitres_a_step={"one": 2_999}, envelope=slow))
    assert codes(found) == {"DOSE_OVER_LIMIT"}
    # 2,711 pl: 7,377 steps make 19,999.047 nl.
    assert (
        codes(check_bench(bench(given, picolitres_a_step={"one": 2_711}, envelope=slow))) == set()
    )


@pytest.mark.hazard("H01")
def test_a_dose_written_over_the_limit_is_blocked_even_if_whole_steps_make_less() -> None:
    # 20,001 nl / 4 nl = 5,000.25 steps: 5,000 steps make 20,000 nl.
    slow = envelope(max_flow_steps_s=15_000)
    given = plan(zone(dose_nl=20_001))
    found = check_bench(bench(given, picolitres_a_step={"one": 4_000}, envelope=slow))
    assert codes(found) == {"DOSE_OVER_LIMIT"}


@pytest.mark.parametrize(("punctures", "fits"), [(250, True), (251, False)])
def test_density_counts_holes_and_not_punctures(punctures: int, fits: bool) -> None:
    each = zone(dose_nl=0, cadence_hz=100, punctures=punctures, area_mm2=1_000)
    found = check_bench(bench(stamping(each), cartridge=cartridge(needles=12)))
    assert codes(found) == (set() if fits else {"DENSITY_OVER_LIMIT"})


@pytest.mark.parametrize(
    ("dose_nl", "picolitres", "steps"),
    [(9_200, 2_711, 3_394), (10, 1_000, 10), (15, 10_000, 1), (16, 10_000, 2), (14, 10_000, 1)],
)
def test_steps_are_the_nearest_and_of_two_the_lower(
    dose_nl: int, picolitres: int, steps: int
) -> None:
    assert steps_for(dose_nl, picolitres) == steps


def test_the_shortest_period_is_the_sum_of_its_parts() -> None:
    pen = envelope(max_flow_steps_s=3, insertion_us=10, retraction_us=20)
    # One step at 3 steps/s takes 333,333.3 us, which counts as 333,334.
    assert shortest_period_us(pen, steps=1, dwell_us=5) == 10 + 333_334 + 5 + 20
    assert shortest_period_us(pen, steps=0, dwell_us=0) == 30


def test_only_amounts_near_their_limit_warn() -> None:
    at = check_bench(bench(plan(zone(punctures=40))))
    over = check_bench(bench(plan(zone(punctures=41))))
    assert "LIMIT_NEAR" not in {finding.code for finding in at}
    assert [(f.code, f.severity) for f in over] == [("LIMIT_NEAR", "warn")]


def test_more_than_one_syringe_is_a_warning() -> None:
    fits = bench(plan(zone(), syringe_fill_nl=105_200))
    short = bench(plan(zone(), syringe_fill_nl=105_199))
    assert check_bench(fits) == ()
    assert [finding.code for finding in check_bench(short)] == ["SYRINGE_CHANGE"]


@pytest.mark.hazard("H27")
def test_another_product_than_the_plans_is_blocked() -> None:
    assert codes(check_bench(bench(product=recipe(name="other")))) == {"PRODUCT_MISMATCH"}
    assert "PRODUCT_MISMATCH" in codes(check_bench(bench(product=None)))


@pytest.mark.hazard("H27")
def test_limits_in_another_products_unit_are_blocked() -> None:
    active = recipe().model_dump()["active"] | {"unit": "abo_u"}
    assert codes(check_bench(bench(product=recipe(active=active)))) == {"UNIT_MISMATCH"}


@pytest.mark.hazard("H41")
def test_a_product_with_units_under_limits_without_any_may_give_nothing() -> None:
    found = check_bench(bench(limits=limits(unit=None)))
    assert {"DOSE_UNITS_OVER_LIMIT", "SESSION_UNITS_OVER_LIMIT"} <= codes(found)
