"""Where a session stands: always counted by the upper end of the books."""

from typing import Any

import pytest

from controller.record.events import Body, LinkLost, StateChanged
from controller.session.allowance import Allowance
from controller.session.amounts import NOTHING, Amount
from controller.session.progress import Progress
from tests.support import inputs
from tests.support.arms import PERSON, batch, closed, event, opened, priming, stamping
from tests.support.sessions import (
    book,
    certificate,
    loaded,
    opened_books,
    progress_of,
    terms,
)

DOSE_NL = 10_000


def dosed(arm_id: int, punctures: int, **changes: Any) -> list[Body]:
    """A closed arm of 10 uL a puncture at 1 nl a step."""
    arm = opened(arm_id, steps=DOSE_NL, **changes)
    return [arm, closed(arm, Amount(punctures, dose_steps=punctures * DOSE_NL))]


def progress(*bodies: Body, **changes: Any) -> Progress:
    return progress_of(opened_books(terms(**changes), *bodies))


def two_zones() -> dict[str, Any]:
    zones = (inputs.zone(punctures=4), inputs.zone(name="two", punctures=3))
    return {"plan": inputs.plan(*zones)}


# --- zones ------------------------------------------------------------------------------------


def test_zones_are_done_in_plan_order() -> None:
    names = []
    bodies: list[Body] = []
    for arm_id, (zone, punctures) in enumerate((("one", 4), ("two", 3)), 1):
        next_zone = progress(*bodies, **two_zones()).next_zone()
        assert next_zone is not None
        names.append(next_zone.name)
        bodies += dosed(arm_id, punctures, zone=zone)
    assert names == ["one", "two"]
    assert progress(*bodies, **two_zones()).next_zone() is None


@pytest.mark.hazard("H02")
def test_what_may_have_been_made_is_not_planned_again() -> None:
    arm = opened(1, steps=DOSE_NL)
    found = progress(arm, batch(event(0, steps=DOSE_NL), ceilings=(3, 3 * DOSE_NL)))
    assert found.punctures_left(found.terms.plan.zones[0]) == 10 - 3


def test_more_than_planned_leaves_nothing_and_not_less() -> None:
    found = progress(*dosed(1, 12))
    assert found.punctures_left(found.terms.plan.zones[0]) == 0


def test_without_dispense_a_rest_within_the_braking_distance_is_complete() -> None:
    plan = inputs.stamping()
    (zone,) = plan.zones
    for made, left in ((239, 11), (240, 0), (250, 0)):
        arm = stamping()
        found = progress(arm, closed(arm, Amount(made)), plan=plan)
        assert found.punctures_left(zone) == left
    assert progress(plan=plan).punctures_left(zone) == 250


# --- settings ---------------------------------------------------------------------------------


def test_settings_come_from_plan_and_certificate() -> None:
    found = progress(certificate=certificate(prime_picolitres_a_step=2_000))
    (zone,) = found.terms.plan.zones
    assert found.zone_steps(zone) == 10_000
    assert found.picolitres(zone) == 1_000
    assert found.prime_picolitres() == 2_000
    assert found.set_protrusion_um(zone) == zone.protrusion_um - 20


def test_without_a_certificate_nothing_is_metered() -> None:
    found = progress(plan=inputs.stamping(), certificate=None)
    (zone,) = found.terms.plan.zones
    assert (found.zone_steps(zone), found.picolitres(zone), found.prime_picolitres()) == (0, 0, 0)
    assert found.set_protrusion_um(zone) == zone.protrusion_um
    assert (found.prime_steps_left(), found.syringe_steps()) == (0, 0)


# --- limits -----------------------------------------------------------------------------------


def allowed(*bodies: Body, given: dict[str, Any] | None = None, **limits: Any) -> Allowance:
    plan = inputs.plan()
    named: dict[str, Any] = {name: inputs.sourced(value) for name, value in limits.items()}
    fields = {"plan": plan, "limits": inputs.limits(plan, **named)} | (given or {})
    found = progress(*bodies, **fields)
    return found.zone_allowance(found.terms.plan.zones[0])


@pytest.mark.hazard("H01")
@pytest.mark.parametrize(
    ("limit", "name"),
    [
        ("max_zone_nl", "zone limit"),
        ("max_session_nl", "session limit"),
        ("max_course_nl", "course limit"),
    ],
)
@pytest.mark.parametrize(("bound", "fits"), [(79_999, 7), (80_000, 8), (80_001, 8)])
def test_every_volume_limit_at_its_boundary(limit: str, name: str, bound: int, fits: int) -> None:
    bounds: dict[str, Any] = {limit: bound}
    assert allowed(**bounds) == Allowance(fits, fits * DOSE_NL, name)


@pytest.mark.hazard("H01", "H27")
@pytest.mark.parametrize(
    ("limit", "name"),
    [
        ("max_zone_units", "zone limit in units"),
        ("max_session_units", "session limit in units"),
        ("max_course_units", "course limit in units"),
    ],
)
@pytest.mark.parametrize(("bound", "fits"), [("1.5999", 7), ("1.6", 8), ("1.6001", 8)])
def test_every_unit_limit_at_its_boundary(limit: str, name: str, bound: str, fits: int) -> None:
    """20 U/mL: 0.2 U a puncture of 10 uL."""
    units = {key: inputs.sourced(value) for key, value in inputs.UNIT_VALUES.items()}
    units[limit] = inputs.sourced(bound)
    plan = inputs.plan()
    given = {"plan": plan, "limits": inputs.limits(plan, units={"ona_u": units})}
    assert allowed(given=given) == Allowance(fits, fits * DOSE_NL, name)


def test_the_plan_binds_under_wide_limits() -> None:
    assert allowed() == Allowance(10, 10 * DOSE_NL, "plan")


@pytest.mark.hazard("H01")
@pytest.mark.parametrize(
    ("limit", "name"),
    [
        ("max_zone_nl", "zone limit"),
        ("max_session_nl", "session limit"),
        ("max_course_nl", "course limit"),
    ],
)
def test_limits_count_residuals_and_open_arms_at_their_upper_end(limit: str, name: str) -> None:
    residual = opened(1, steps=DOSE_NL)
    bodies = [
        residual,
        closed(residual, Amount(2, dose_steps=2 * DOSE_NL), Amount(3, dose_steps=3 * DOSE_NL)),
        opened(2, steps=DOSE_NL),
        batch(event(0, steps=DOSE_NL), arm_id=2, ceilings=(2, 2 * DOSE_NL)),
    ]
    bounds: dict[str, Any] = {limit: 70_000}
    assert allowed(*bodies, **bounds) == Allowance(2, 2 * DOSE_NL, name)


@pytest.mark.hazard("H30")
def test_the_syringe_binds() -> None:
    plan = inputs.plan(syringe_fill_nl=105_000)
    given = {"plan": plan, "limits": inputs.limits(plan)}
    prime = priming(1)
    bodies = [prime, closed(prime, Amount(prime_steps=5_001))]
    assert allowed(*bodies, given=given) == Allowance(9, 9 * DOSE_NL, "syringe")


@pytest.mark.hazard("H01")
def test_another_session_of_the_course_uses_up_its_limit() -> None:
    plan = inputs.plan()
    given = terms(plan, limits=inputs.limits(plan, max_course_nl=inputs.sourced(130_000)))
    books = opened_books(given, *dosed(1, 5))
    second = [given.opened(PERSON), loaded(1_000_000)]
    book(books, *second, session_id="s-2", wall="2030-01-05T00:00:00.000000Z")
    found = progress_of(books, "s-2")
    allowance = found.zone_allowance(plan.zones[0])
    assert allowance == Allowance(8, 8 * DOSE_NL, "course limit")


def test_holes_bind_without_dispense() -> None:
    plan = inputs.stamping()
    density = inputs.limits(plan, max_hole_density_per_cm2=inputs.sourced(20))
    found = progress(plan=plan, limits=density)
    assert found.zone_allowance(plan.zones[0]) == Allowance(200, 0, "hole density")


# --- prime and purge --------------------------------------------------------------------------


def test_prime_is_counted_per_syringe_and_a_purge_is_not_a_prime() -> None:
    prime, purge = priming(1), priming(2, purpose="purge")
    first = [
        prime,
        closed(prime, Amount(prime_steps=2_000)),
        purge,
        closed(purge, Amount(prime_steps=3_000)),
    ]
    assert progress().prime_steps_left() == 5_000
    assert progress(*first).prime_steps_left() == 3_000


def test_a_rest_of_the_prime_smaller_than_a_slice_is_nothing() -> None:
    for made, left in ((4_899, 101), (4_900, 0), (5_000, 0)):
        prime = priming(1)
        assert progress(prime, closed(prime, Amount(prime_steps=made))).prime_steps_left() == left


def test_prime_allowance_takes_the_preload_along_and_stays_in_the_syringe() -> None:
    assert progress().prime_allowance(200) == Allowance(0, 5_200, "plan")
    primed = priming(1)
    done = [primed, closed(primed, Amount(prime_steps=5_000))]
    assert progress(*done).prime_allowance(200) == Allowance(0, 200, "plan")
    assert progress(*done).prime_allowance(0) == Allowance(0, 0, "plan")
    small = inputs.plan(syringe_fill_nl=5_100)
    assert progress(plan=small).prime_allowance(200) == Allowance(0, 5_100, "syringe")


def test_purge_allowance_is_the_volume_in_whole_steps() -> None:
    found = progress(certificate=certificate(prime_picolitres_a_step=3_000))
    assert found.purge_allowance(1_000).steps == 333
    assert found.purge_allowance(1).steps == 0
    assert found.purge_allowance(2_000_000) == Allowance(0, 333_333, "syringe")


# --- after a loss -----------------------------------------------------------------------------


def lost() -> list[Body]:
    return [
        LinkLost(pen_uid="f000000000000001", reason="unplugged"),
        StateChanged(before="running", act="lose", after="interrupted"),
    ]


def test_where_the_pen_was_lost() -> None:
    assert progress().where_lost() is None
    nothing = progress(*lost()).where_lost()
    assert nothing is not None
    assert "Nothing had been delivered" in nothing
    arm = opened(1)
    text = progress(
        arm,
        batch(event(0), event(1), ceilings=(3, 30)),
        closed(arm, Amount(2, dose_steps=20)),
        *lost(),
    ).where_lost()
    assert text is not None
    assert "puncture 2 in zone 'one'" in text


def test_where_it_was_lost_while_priming() -> None:
    prime = priming(1)
    text = progress(prime, batch(event(0, "prime", 100), ceilings=(0, 500)), *lost()).where_lost()
    assert text is not None
    assert "in prime" in text


def test_an_arm_that_never_was_counts_for_nothing() -> None:
    arm = opened(1, steps=DOSE_NL)
    found = progress(arm, batch(ceilings=(3, 3 * DOSE_NL)), closed(arm, NOTHING, how="never"))
    (zone,) = found.terms.plan.zones
    assert found.punctures_left(zone) == 10
    assert found.account_of(zone).punctures_possible == 0
