"""The invariant of design section 2 over random histories, against a naive model of its own.

The model is a pen that really moves (under durable ceilings only), loses messages, is reset and
lost. After every step: certain <= real <= possible, no limit is passed, and a service that reads
the journal again has the same ledger.
"""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from controller.record.events import Body, ForeignMovement, PenEnrolled
from controller.session.account import dose_span, volume_nl
from controller.session.allowance import Allowance, Room, dose_allowance
from controller.session.amounts import (
    NOTHING,
    Amount,
    NegativeDifference,
    difference,
)
from controller.session.closing import RecordUnusable, closing_body, never_body, seal_body
from controller.session.drive import ahead_of, ceilings_for, is_complete
from controller.session.ledger import Interval, Ledger, LedgerViolation
from protocol.messages import ArmRecord, Counters
from protocol.words import EndReason, RecordState
from tests.support.arms import PEN, STEPS, TECHNICIAN, batch, closed, counters, event, opened

LIMIT_NL = 400
SESSION = "s-1"


class Reality:
    """What one arm really did, counted one by one."""

    def __init__(self) -> None:
        self.punctures = 0
        self.steps = 0
        self.unread: list[Any] = []


class Histories(RuleBasedStateMachine):
    """Random histories of one pen and one journal."""

    def __init__(self) -> None:
        super().__init__()
        self.journal: list[tuple[Body, str | None]] = []
        self.ledger = Ledger()
        self.real: dict[int, Reality] = {}
        self.arm_id = 0
        self.index = 0
        self.boot = 3
        self.punctures = 0
        self.steps = 0
        self.allowance = Allowance(0, 0, "plan")
        self.commit(
            PenEnrolled(pen_uid=PEN, simulated=True, model="m", firmware="f", counters=counters())
        )

    def commit(self, body: Body, session_id: str | None = SESSION) -> None:
        self.ledger.apply(body, session_id)
        self.journal.append((body, session_id))

    # --- the pen that really is --------------------------------------------------------------

    @property
    def pen(self) -> Any:
        return counters(punctures=self.punctures, dose_steps=self.steps)

    @property
    def open_arm(self) -> Interval | None:
        arm = self.ledger.intervals.get((PEN, self.arm_id))
        return arm if arm is not None and arm.is_open else None

    def may_arm(self) -> bool:
        return self.open_arm is None

    def is_open(self) -> bool:
        return self.open_arm is not None

    def is_armed(self) -> bool:
        return self.open_arm is not None and self.arm_id in self.real

    def present(self) -> Interval:
        arm = self.open_arm
        assert arm is not None
        return arm

    # --- rules -------------------------------------------------------------------------------

    @precondition(may_arm)
    @rule(planned=st.integers(1, 30), reaches_pen=st.booleans())
    def arm(self, planned: int, reaches_pen: bool) -> None:
        if self.ledger.last_known[PEN] != self.pen:
            self.foreign()
        used_nl = dose_span(self.ledger.of_session(SESSION)).possible_nl
        self.allowance = dose_allowance(
            punctures_left=planned,
            steps_a_puncture=STEPS,
            picolitres_a_step=1_000,
            rooms=[Room("session limit", Fraction(LIMIT_NL), used_nl)],
            units_a_nl=None,
        )
        self.arm_id += 1
        body = opened(self.arm_id, first=self.pen, pen_boot_id=self.boot)
        self.commit(body)
        ceilings = ceilings_for(body, NOTHING, self.allowance)
        self.commit(batch(arm_id=self.arm_id, ceilings=ceilings, boot=self.boot))
        if reaches_pen:
            self.real[self.arm_id] = Reality()

    @precondition(is_armed)
    @rule(wanted=st.integers(1, 6), cut=st.integers(0, STEPS))
    def strokes(self, wanted: int, cut: int) -> None:
        """The pen makes strokes under the durable ceilings; the last one may be cut short."""
        arm, real = self.present(), self.real[self.arm_id]
        for number in range(wanted):
            if self.punctures + 1 > arm.puncture_ceiling or self.steps + STEPS > arm.step_ceiling:
                return
            steps = cut if number == wanted - 1 else STEPS
            real.unread.append(event(self.index, steps=steps, partial=steps < STEPS))
            real.punctures, real.steps = real.punctures + 1, real.steps + steps
            self.punctures, self.steps = self.punctures + 1, self.steps + steps
            self.index += 1

    @precondition(is_armed)
    @rule(count=st.integers(1, 10))
    def read_events(self, count: int) -> None:
        arm, real = self.present(), self.real[self.arm_id]
        taken, real.unread = real.unread[:count], real.unread[count:]
        made = sum(each.steps for each in taken)
        done = arm.committed.plus(Amount(len(taken), dose_steps=made))
        ceilings = ceilings_for(arm.opened, done, self.allowance)
        self.commit(batch(*taken, arm_id=self.arm_id, ceilings=ceilings, boot=self.boot))

    @precondition(is_armed)
    @rule()
    def repeat_events(self) -> None:
        """What is booked already is refused, and changes nothing."""
        if self.ledger.next_index.get((PEN, self.boot), 0) == 0:
            return
        old = self.ledger.next_index[(PEN, self.boot)] - 1
        before = repr(self.present())
        with pytest.raises(LedgerViolation):
            self.ledger.apply(batch(event(old), arm_id=self.arm_id, boot=self.boot), SESSION)
        assert repr(self.present()) == before

    @precondition(is_armed)
    @rule(proven_short=st.integers(0, 3), reset=st.booleans())
    def final_record(self, proven_short: int, reset: bool) -> None:
        """The pen's own word; after a reset it may prove less than it reserved."""
        arm, first = self.present(), self.present().opened.first
        reserved = self.pen
        short = min(proven_short, self.real[self.arm_id].punctures) if reset else 0
        proven = (reserved.punctures - short, reserved.dose_steps - short * STEPS)
        if proven[1] < first.dose_steps:
            proven = (first.punctures, first.dose_steps)
        record = ArmRecord(
            1,
            self.arm_id,
            RecordState.FINAL,
            EndReason.BOOT if reset else EndReason.DISARMED,
            1,
            1,
            self.boot,
            0,
            Counters(first.punctures, first.dose_steps, 0, 0, 0, 0),
            Counters(*proven, 0, 0, 0, 0),
            Counters(reserved.punctures, reserved.dose_steps, 0, 0, 0, 0),
        )
        self.commit(closing_body(arm, record))
        if reset:
            self.boot, self.index = self.boot + 1, 0

    @precondition(is_open)
    @rule()
    def never_was(self) -> None:
        arm = self.present()
        if self.arm_id in self.real and arm.committed != NOTHING:
            with pytest.raises(RecordUnusable):
                never_body(arm, "never")
        elif self.arm_id not in self.real:
            self.commit(never_body(arm, "never"))

    @precondition(is_open)
    @rule()
    def seal(self) -> None:
        self.commit(seal_body(self.present(), TECHNICIAN, "lost"))

    @precondition(may_arm)
    @rule(punctures=st.integers(0, 5), steps=st.integers(0, 50))
    def another_host(self, punctures: int, steps: int) -> None:
        """Movement outside this journal's arms."""
        self.punctures, self.steps = self.punctures + punctures, self.steps + steps

    @precondition(may_arm)
    @rule()
    def foreign(self) -> None:
        before = self.ledger.last_known[PEN]
        difference(before, self.pen)
        self.commit(ForeignMovement(pen_uid=PEN, before=before, after=self.pen), None)

    @rule(fallen=st.integers(1, 5))
    def memory_rolled_back(self, fallen: int) -> None:
        known = self.ledger.last_known[PEN]
        if known.punctures < fallen:
            return
        lower = counters(punctures=known.punctures - fallen, dose_steps=known.dose_steps)
        with pytest.raises(NegativeDifference):
            difference(known, lower)

    # --- what holds after every step ---------------------------------------------------------

    @invariant()
    def certain_is_at_most_real_is_at_most_possible(self) -> None:
        for (_, arm_id), arm in self.ledger.intervals.items():
            real = self.real.get(arm_id, Reality())
            done = Amount(real.punctures, dose_steps=real.steps)
            assert arm.certain.within(done)
            assert done.within(arm.possible)
            if not arm.is_open and arm.closed and arm.closed.certain == arm.closed.possible:
                assert arm.certain == done == arm.possible

    @invariant()
    def a_restart_reads_the_same_ledger(self) -> None:
        again = Ledger()
        for body, session_id in self.journal:
            again.apply(type(body).model_validate_json(body.model_dump_json()), session_id)
        assert again.intervals == self.ledger.intervals
        assert again.last_known == self.ledger.last_known
        assert again.next_index == self.ledger.next_index
        assert again.violations == self.ledger.violations == {}

    @invariant()
    def no_limit_is_passed_and_none_starts_afresh(self) -> None:
        possible_nl = dose_span(self.ledger.of_session(SESSION)).possible_nl
        assert possible_nl <= LIMIT_NL


Histories.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestHistories = Histories.TestCase


# --- an allowance under any limits ------------------------------------------------------------

NL = st.fractions(0, 5_000, max_denominator=1_000)


@pytest.mark.hazard("H01")
@given(
    bounds=st.lists(st.tuples(NL, NL, st.booleans()), min_size=1, max_size=5),
    units_a_nl=st.fractions(Fraction(1, 1_000), 10, max_denominator=1_000),
    steps=st.integers(1, 500),
    picolitres=st.integers(1_000, 20_000),
    planned=st.integers(0, 1_000),
)
def test_no_allowance_lets_any_room_overflow(
    bounds: list[tuple[Fraction, Fraction, bool]],
    units_a_nl: Fraction,
    steps: int,
    picolitres: int,
    planned: int,
) -> None:
    rooms = [
        Room(f"room {number}", bound, used, "units" if in_units else "nl")
        for number, (bound, used, in_units) in enumerate(bounds)
    ]
    allowance = dose_allowance(
        punctures_left=planned,
        steps_a_puncture=steps,
        picolitres_a_step=picolitres,
        rooms=rooms,
        units_a_nl=units_a_nl,
    )
    assert allowance.steps == allowance.punctures * steps
    assert allowance.punctures <= planned
    one_more_fits = allowance.punctures < planned
    for room in rooms:
        a_nl = units_a_nl if room.unit == "units" else Fraction(1)
        given_here = volume_nl(allowance.steps, picolitres) * a_nl
        left = max(Fraction(0), room.bound - room.used)
        assert given_here <= left
        one_more_fits &= volume_nl(allowance.steps + steps, picolitres) * a_nl <= left
    assert not one_more_fits  # as much as fits, and no less


@pytest.mark.hazard("H01")
@pytest.mark.parametrize(("bound_nl", "fits"), [(299, 2), (300, 3), (301, 3), (309, 3), (310, 3)])
def test_at_the_boundary_of_a_limit(bound_nl: int, fits: int) -> None:
    allowance = dose_allowance(
        punctures_left=10,
        steps_a_puncture=100,
        picolitres_a_step=1_000,
        rooms=[Room("zone limit", Fraction(bound_nl), Fraction(0))],
        units_a_nl=None,
    )
    assert (allowance.punctures, allowance.steps, allowance.binding) == (
        fits,
        fits * 100,
        "zone limit",
    )


# --- ceilings of the arm under way ------------------------------------------------------------

MODES = st.sampled_from(["dose", "no_dispense", "prime"])


@given(
    mode=MODES,
    period_us=st.integers(6_667, 2_000_000),
    steps=st.integers(1, 5_000),
    allowed=st.integers(0, 300),
    batches=st.lists(st.integers(0, 40), max_size=20),
)
def test_ceilings_only_rise_and_stay_in_sight_of_what_is_committed(
    mode: str, period_us: int, steps: int, allowed: int, batches: list[int]
) -> None:
    steps = 0 if mode == "no_dispense" else steps
    period_us = 100_000 if mode == "prime" else period_us
    arm = opened(
        mode=mode,
        stroke_period_us=period_us,
        steps=steps,
        first=counters(punctures=1_000, dose_steps=70_000),
    )
    needles = mode != "prime"
    allowance = Allowance(allowed if needles else 0, allowed * steps, "plan")
    ahead = ahead_of(arm)
    if mode == "dose":  # C6: cadence x 0.4 s + 1, rounded down
        assert ahead.punctures == int(Fraction(400_000, period_us) + 1)
        assert ahead.steps == ahead.punctures * steps
    elif mode == "no_dispense":  # C6: one second of strokes
        assert ahead.punctures == max(1, int(Fraction(1_000_000, period_us)))
    else:  # C12: half a second of flow, in slices of 100 ms
        assert (ahead.punctures, ahead.steps) == (0, 5 * steps)
    done = NOTHING
    held = (0, 0)
    for made in [0, *batches]:
        punctures, forward = ceilings_for(arm, done, allowance)
        held = (max(held[0], punctures), max(held[1], forward))
        assert held == (punctures, forward)
        assert punctures - 1_000 <= min(done.punctures + ahead.punctures, allowance.punctures)
        assert forward - 70_000 <= min(done.forward_steps + ahead.steps, allowance.steps)
        assert punctures - 1_000 >= done.punctures
        room = (punctures - 1_000 - done.punctures, forward - 70_000 - done.forward_steps)
        can_go_on = (not needles or room[0] >= 1) and room[1] >= steps
        assert can_go_on is not is_complete(arm, done, allowance)
        fit = made if not needles else min(made, room[0])
        fit = fit if steps == 0 else min(fit, room[1] // steps)
        extra = {"prime_steps": fit * steps} if mode == "prime" else {"dose_steps": fit * steps}
        done = done.plus(Amount(punctures=fit if needles else 0, **extra))


def test_a_record_beyond_the_model_is_seen() -> None:
    """The machine's own check: an arm that did more than its ceilings breaks the invariant."""
    arm = opened()
    ledger = Ledger()
    for body in (arm, batch(ceilings=(1, 10)), closed(arm, Amount(2, dose_steps=20))):
        ledger.apply(body, SESSION)
    assert ledger.violations
