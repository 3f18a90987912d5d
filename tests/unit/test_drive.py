"""One arm under way: ceilings that only rise, a lease that lives as long as the record does."""

from itertools import pairwise
from typing import cast

import pytest

from controller.pen.driver import Pen
from controller.session.allowance import Allowance
from controller.session.amounts import NOTHING, Amount
from controller.session.drive import Ahead, Drive, ahead_of, ceilings_for, is_complete
from controller.session.intake import Intake
from controller.session.ledger import Interval
from protocol.limits import GRANT_PERIOD_US, LEASE_HOST_MAX_US
from protocol.messages import Counters
from protocol.words import StatusFlag
from tests.support.arms import counters, event, opened, priming, stamping
from tests.support.fake_pen import status_of
from tests.support.paper_pen import PaperPen
from tests.support.virtual import advance

# A grant may wait a little for a commit to leave with; the lease outlives six of them.
LATEST_S = 1.4 * GRANT_PERIOD_US / 1e6


class PaperIntake:
    """An intake whose oldest uncommitted event is as old as the test says."""

    def __init__(self) -> None:
        self.age_s = 0.0
        self.acked_index = 17
        self.source: object = None

    def oldest_age_s(self) -> float:
        return self.age_s

    def raise_for(self, arm_id: int, source: object) -> None:
        self.source = source


class Stand:
    """A drive for an arm of 10 punctures with room for four."""

    def __init__(self, allowance: Allowance | None = None) -> None:
        self.pen, self.intake, self.completed = PaperPen(), PaperIntake(), 0
        self.arm = Interval(opened(), "s-1", puncture_ceiling=3, step_ceiling=30)
        self.drive = Drive(
            cast("Pen", self.pen),
            self.arm,
            cast("Intake", self.intake),
            allowance or Allowance(10, 100, "plan"),
            self._complete,
        )

    def _complete(self) -> None:
        self.completed += 1

    def commit(self, punctures: int) -> None:
        """So many punctures in all are durable, with the ceilings that they free."""
        self.arm.committed = Amount(punctures, dose_steps=10 * punctures)
        ceilings = self.drive.ceilings_after([])
        self.arm.puncture_ceiling, self.arm.step_ceiling = ceilings
        self.drive.committed()


# --- how far ahead ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("period_us", "punctures"),
    [(100_000, 5), (200_000, 3), (400_000, 2), (400_001, 1), (2_000_000, 1)],
)
def test_dosing_runs_ahead_by_cadence_times_0_4_s_and_one(period_us: int, punctures: int) -> None:
    assert ahead_of(opened(stroke_period_us=period_us)) == Ahead(punctures, punctures * 10)


def test_a_bench_arm_runs_ahead_as_a_dosing_one() -> None:
    assert ahead_of(opened(mode="bench", purpose="bench", zone=None)) == Ahead(3, 30)


@pytest.mark.hazard("H01")
def test_the_ceiling_of_a_reload_follows_the_reverse_steps() -> None:
    arm = priming(mode="reload", first=counters(reverse_steps=7, prime_steps=1_000))
    done = Amount(prime_steps=400, reverse_steps=100)
    assert ceilings_for(arm, done, Allowance(0, 10_000, "plan")) == (0, 7 + 100 + 500)
    assert ceilings_for(arm, done, Allowance(0, 350, "plan")) == (0, 7 + 350)


@pytest.mark.parametrize(("period_us", "punctures"), [(6_667, 149), (10_000, 100), (2_000_000, 1)])
def test_without_dispense_by_one_second(period_us: int, punctures: int) -> None:
    assert ahead_of(stamping(stroke_period_us=period_us)) == Ahead(punctures, 0)


def test_priming_by_half_a_second_of_flow() -> None:
    assert ahead_of(priming()) == Ahead(0, 500)


@pytest.mark.hazard("H01")
def test_ceilings_stop_at_the_allowance() -> None:
    arm, allowance = opened(first=counters(punctures=100, dose_steps=50)), Allowance(5, 50, "plan")
    found = [
        ceilings_for(arm, Amount(done, dose_steps=10 * done), allowance) for done in (0, 1, 3, 5)
    ]
    assert found == [(103, 80), (104, 90), (105, 100), (105, 100)]


@pytest.mark.hazard("H03")
def test_a_dose_cut_short_is_never_made_up_by_another_puncture() -> None:
    """Two punctures of four gave 3 steps instead of 20: two more are allowed, not three."""
    allowance = Allowance(4, 40, "plan")
    done = Amount(punctures=2, dose_steps=3)
    assert ceilings_for(opened(), done, allowance) == (4, 33)
    assert is_complete(opened(), Amount(punctures=4, dose_steps=23), allowance)


@pytest.mark.parametrize(
    ("arm", "done", "complete"),
    [
        (opened(), Amount(9, dose_steps=90), False),
        (opened(), Amount(10, dose_steps=90), True),
        (opened(), Amount(9, dose_steps=91), True),
        (priming(), Amount(prime_steps=50), False),
        (priming(), Amount(prime_steps=51), True),
        (priming(), Amount(preload_steps=51), True),
        (priming(mode="reload"), Amount(prime_steps=90, reverse_steps=50), False),
        (priming(mode="reload"), Amount(reverse_steps=51), True),
    ],
)
def test_complete_when_no_whole_stroke_or_slice_fits(
    arm: object, done: Amount, complete: bool
) -> None:
    allowance = Allowance(10, 100, "plan")
    if getattr(arm, "mode", "") in ("prime", "reload"):
        allowance = Allowance(0, 150, "plan")
    assert is_complete(arm, done, allowance) is complete  # type: ignore[arg-type]  # an ArmOpened


def test_a_dose_of_one_step_is_complete_when_its_last_step_is_gone() -> None:
    arm, allowance = opened(steps=1), Allowance(10, 10, "plan")
    assert is_complete(arm, Amount(9, dose_steps=10), allowance)
    assert not is_complete(arm, Amount(9, dose_steps=9), allowance)


def test_an_arm_without_dispense_is_complete_by_its_punctures_alone() -> None:
    allowance = Allowance(10, 0, "plan")
    assert not is_complete(stamping(), Amount(9), allowance)
    assert is_complete(stamping(), Amount(10), allowance)


# --- grants -----------------------------------------------------------------------------------


@pytest.mark.hazard("H08")
async def test_the_lease_is_renewed_often_enough() -> None:
    stand = Stand()
    stand.drive.start()
    await advance(1.0)
    stand.drive.halt()
    times = [grant[0] for grant in stand.pen.grants]
    assert max(after - before for before, after in pairwise(times)) <= LATEST_S
    assert LATEST_S * 5 < LEASE_HOST_MAX_US / 1e6
    assert {grant[1:] for grant in stand.pen.grants} == {(1, 3, 30, 17)}


async def test_a_drive_that_starts_raises_the_ceilings_of_its_arm() -> None:
    stand = Stand()
    granting = [stand.drive.is_granting]
    stand.drive.start()
    granting.append(stand.drive.is_granting)
    assert granting == [False, True]
    assert stand.intake.source is stand.drive
    assert stand.drive.is_used_up is False
    stand.drive.halt()


@pytest.mark.hazard("H08")
async def test_after_halt_nothing_leaves_any_more() -> None:
    stand = Stand()
    stand.drive.start()
    await advance(0.1)
    stand.drive.halt()
    stand.pen.grants.clear()
    stand.commit(1)
    await advance(1.0)
    assert stand.pen.grants == []
    assert stand.completed == 0
    assert stand.intake.source is None
    assert not stand.drive.is_granting


@pytest.mark.hazard("H04")
async def test_only_durable_ceilings_leave() -> None:
    stand = Stand()
    stand.drive.start()
    assert stand.drive.ceilings_after([event(0)]) == (4, 40)
    await advance(0.1)
    assert stand.pen.grants[-1][2:4] == (3, 30)
    stand.arm.committed, stand.arm.puncture_ceiling = Amount(1, dose_steps=10), 4
    await advance(0.1)
    assert stand.pen.grants[-1][2:4] == (4, 30)
    stand.drive.halt()


async def test_a_pen_that_is_short_of_room_gets_it_with_the_commit() -> None:
    stand = Stand()
    stand.drive.start()
    before = len(stand.pen.grants)
    stand.commit(2)
    assert len(stand.pen.grants) == before + 1
    assert stand.pen.grants[-1][2:4] == (5, 50)
    stand.drive.halt()


@pytest.mark.hazard("H08")
async def test_the_grant_after_one_that_left_with_events_is_not_late() -> None:
    """Events may move a grant by 5 ms, no more: in both directions."""
    stand = Stand()
    stand.drive.start()
    await advance(0.021)
    stand.drive.awake()
    await advance(0.031)
    stand.drive.halt()
    times = [round(grant[0] - stand.pen.grants[0][0], 3) for grant in stand.pen.grants]
    assert times == [0.0, 0.021, 0.051]


@pytest.mark.hazard("H08")
async def test_a_commit_that_comes_when_a_grant_is_nearly_due_takes_it_along() -> None:
    stand = Stand()
    stand.drive.start()
    await advance(0.021)
    stand.drive.committed()
    await advance(0.031)
    stand.drive.halt()
    times = [round(grant[0] - stand.pen.grants[0][0], 3) for grant in stand.pen.grants]
    assert times == [0.0, 0.021, 0.051]


async def test_a_first_grant_that_did_not_leave_is_made_good_with_the_commit() -> None:
    class Deaf(PaperPen):
        def grant(self, arm_id: int, punctures: int, steps: int, acked_index: int) -> bool:
            super().grant(arm_id, punctures, steps, acked_index)
            return False

    stand = Stand()
    stand.drive.pen = cast("Pen", deaf := Deaf())
    stand.drive.start()
    stand.drive.committed()
    assert len(deaf.grants) == 2
    stand.drive.halt()


@pytest.mark.parametrize(
    ("period_us", "punctures", "steps", "is_short"),
    [
        (400_000, 9, 50, False),  # ahead by 2 punctures and 20 steps
        (400_000, 10, 50, True),
        (400_000, 5, 90, False),
        (400_000, 5, 91, True),
        (200_000, 8, 50, False),  # ahead by 3 and 30
        (200_000, 9, 50, True),
        (200_000, 5, 85, False),
        (200_000, 5, 86, True),
    ],
)
async def test_short_is_less_than_half_of_the_look_ahead(
    period_us: int, punctures: int, steps: int, is_short: bool
) -> None:
    stand = Stand()
    first = counters(punctures=100, dose_steps=1_000)
    arm = Interval(
        opened(first=first, stroke_period_us=period_us),
        "s-1",
        puncture_ceiling=110,
        step_ceiling=1_100,
    )
    drive = Drive(
        cast("Pen", stand.pen),
        arm,
        cast("Intake", stand.intake),
        Allowance(500, 5_000, "plan"),
        stand._complete,
    )
    drive.start()
    arm.committed = Amount(punctures, dose_steps=steps)
    drive.committed()
    assert len(stand.pen.grants) == 1 + is_short
    drive.halt()


async def test_a_reload_that_is_short_of_room_gets_it_with_the_commit() -> None:
    stand = Stand(Allowance(0, 10_000, "plan"))
    stand.arm.opened = priming(mode="reload")
    stand.drive = Drive(
        cast("Pen", stand.pen),
        stand.arm,
        cast("Intake", stand.intake),
        Allowance(0, 10_000, "plan"),
        stand._complete,
    )
    stand.arm.puncture_ceiling, stand.arm.step_ceiling = 0, 500
    stand.drive.start()
    for reverse_steps, grants in ((200, 1), (300, 2)):
        stand.arm.committed = Amount(reverse_steps=reverse_steps)
        stand.drive.committed()
        assert len(stand.pen.grants) == grants
    stand.drive.halt()


async def test_events_that_come_early_move_no_grant() -> None:
    stand = Stand()
    stand.drive.awake()
    assert stand.pen.grants == []
    stand.drive.start()
    await advance(0.019)
    stand.drive.awake()
    stand.drive.committed()
    assert len(stand.pen.grants) == 1
    stand.drive.halt()
    stand.drive.awake()
    assert len(stand.pen.grants) == 1


async def test_ceilings_never_fall() -> None:
    stand = Stand()
    stand.arm.puncture_ceiling, stand.arm.step_ceiling = 9, 95
    assert stand.drive.ceilings_after([event(0)]) == (9, 95)


@pytest.mark.hazard("H17")
async def test_a_slow_disk_pauses_the_pen_and_a_dead_one_lets_the_lease_go() -> None:
    stand = Stand()
    stand.drive.start()
    stand.intake.age_s = 0.999
    await advance(0.1)
    assert stand.pen.grants[-1][0] >= 1000.0 + 0.1 - LATEST_S
    stand.intake.age_s = 1.0
    stand.pen.grants.clear()
    await advance(1.0)
    assert stand.pen.grants == []
    stand.intake.age_s = 0.0
    await advance(LATEST_S)
    assert stand.pen.grants
    stand.drive.halt()


async def test_complete_is_said_once_all_is_durable() -> None:
    stand = Stand(Allowance(2, 20, "plan"))
    stand.drive.start()
    stand.commit(1)
    assert stand.completed == 0
    stand.commit(2)
    assert stand.completed == 1
    stand.drive.halt()


async def test_easing_keeps_the_lease_and_raises_nothing() -> None:
    stand = Stand(Allowance(2, 20, "plan"))
    stand.drive.start()
    stand.drive.ease()
    assert stand.intake.source is None
    stand.pen.grants.clear()
    await advance(0.1)
    assert stand.pen.grants
    stand.commit(2)
    assert stand.completed == 0
    stand.drive.halt()


@pytest.mark.parametrize(
    ("flags", "punctures", "ceiling", "rests"),
    [
        (StatusFlag.HOLDING | StatusFlag.AT_REST, 95, 100, True),
        (StatusFlag.HOLDING, 95, 100, False),
        (StatusFlag.AT_REST, 95, 100, False),
        (StatusFlag.HOLDING | StatusFlag.AT_REST, 96, 100, False),  # one is not committed yet
        (StatusFlag.HOLDING | StatusFlag.AT_REST, 95, 99, False),  # more room will come
    ],
)
async def test_a_running_needle_may_rest_below_its_last_ceiling(
    flags: StatusFlag, punctures: int, ceiling: int, rests: bool
) -> None:
    stand = Stand(Allowance(100, 0, "plan"))
    stand.arm.opened = stamping()
    stand.arm.committed, stand.arm.puncture_ceiling = Amount(95), ceiling
    status = status_of(flags=flags, counters=Counters(punctures, 0, 0, 0, 0, 0))
    assert stand.drive.rests_below_ceiling(status) is rests
    stand.arm.opened = opened()
    assert not stand.drive.rests_below_ceiling(status)


def test_nothing_done_is_the_start() -> None:
    assert ceilings_for(opened(), NOTHING, Allowance(1, 10, "plan")) == (1, 10)
