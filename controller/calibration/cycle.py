"""One reading of the balance and all that lies before it: a dose or none, the wait, two looks.

Every cycle takes the same time, because the correction for evaporation says so. A reading whose
cycle was broken is recorded all the same, and in the same breath taken back with the reason: so
nothing is lost, and nothing wrong counts.
"""

import asyncio
import statistics
from collections.abc import Callable

from controller.calibration.balance.words import Reading
from controller.calibration.errors import BalanceDoubtful, BalanceTrouble, BalanceUnstable
from controller.calibration.face import Face, Kind, Question
from controller.calibration.procedure.steps import CheckBalance, Weigh
from controller.calibration.procedure.terms import DoseTerms, terms_of
from controller.calibration.rig import Rig
from controller.calibration.weigher import Weigher
from controller.clock import Clock
from controller.record.calibration_events import (
    CalibrationBalanceChecked,
    CalibrationDiscarded,
    CalibrationWeighed,
)
from controller.record.events import Body

LOOK_APART_S = 4.0
"""Between the two looks that must agree: a charge that leaks away shows itself by moving."""
AGREE_DIGITS = 2
EVAPORATES_UG_S = 7
"""An open vessel of water: 0.2 mg in 30 s (domain.md 4.2 asks for the correction; an estimate)."""
LATE_SHARE = 100
"""What evaporates too much because a cycle was late is at most 1/100 of what is weighed: a quarter
of the narrowest limit of calibration.toml. An engineering estimate."""
BLANK_LATE_S = 5.0
"""A dry cycle may always wait for the balance once more."""
AT_ONCE_S = 3.0
"""A cycle begins with the reading before; later than this the vessel is weighed again first."""
BLANK_TIMES = 3
"""A dry cycle that loses more than so many times that: the vessel was touched. An estimate."""
MOST_LOOKS = 20
LOAD_WITHIN_S = 120.0
"""For a check weight to be put on or taken off."""


class Cycle:
    """The balance of a calibration, with the time of its last reading."""

    def __init__(self, weigher: Weigher, rig: Rig, face: Face, clock: Clock) -> None:
        self._weigher = weigher
        self._rig = rig
        self._face = face
        self._clock = clock
        self._read_mono_s: float | None = None
        self._broken: list[str] = []
        self._last_ug = 0

    def vessel_moved(self, reason: str) -> None:
        """The last reading and the next do not belong together, for this reason."""
        self._read_mono_s = None
        if self._rig.unread("bench"):
            self._broken.append(reason)

    # --- weighing -----------------------------------------------------------------------------

    async def weigh(self, step: Weigh) -> list[Body]:
        """What a step comes to: its reading, and why it does not count if it does not."""
        if step.step == "first":
            reading = await self._settled(self._clock.mono_s() + LOOK_APART_S)
            self._broken.clear()
            self._last_ug = reading.mass_ug
            return [self._body(step, reading.mass_ug, None)]
        before_ug = await self._before(step)
        start_ug = self._last_ug if before_ug is None else before_ug
        began_mono_s = self._read_mono_s or self._clock.mono_s()
        if step.settings is not None and not self._broken:
            await self._rig.burst(step.settings, step.steps, step.picolitres_a_step)
        settle_s = self._terms().settle_s
        due_mono_s = max(began_mono_s + step.wait_s, self._clock.mono_s() + settle_s)
        reading = await self._settled(due_mono_s)
        took_s = self._clock.mono_s() - began_mono_s
        self._check_late(step, took_s)
        if step.settings is None:
            self._check_blank(reading, start_ug, took_s)
        self._last_ug = reading.mass_ug
        bodies: list[Body] = [self._body(step, reading.mass_ug, before_ug)]
        return bodies + self._taken_back(step)

    async def _before(self, step: Weigh) -> int | None:
        """The vessel's weight before the cycle, unless the last reading was just now."""
        unread = self._rig.unread("bench")
        if not unread:
            self._broken.clear()  # nothing was given yet: a cycle begins, whatever was before
        last_mono_s = self._read_mono_s
        fresh = last_mono_s is not None and self._clock.mono_s() - last_mono_s <= AT_ONCE_S
        if fresh and not step.weigh_before:
            return None
        if unread and not self._broken:
            self._broken.append("it was interrupted between dose and reading")
        if unread and not step.weigh_before:
            return None
        broken, self._broken = self._broken, []
        reading = await self._settled(self._clock.mono_s() + LOOK_APART_S)
        self._broken = broken
        return reading.mass_ug

    def _check_late(self, step: Weigh, took_s: float) -> None:
        late_s = took_s - step.wait_s
        terms = self._terms()
        setting = terms.setting(step.series % len(terms.series), step.picolitres_a_step)
        weighed_ug = setting.dose_nl * setting.doses_a_weighing
        allowed_s = weighed_ug / LATE_SHARE / EVAPORATES_UG_S
        if not step.steps:
            allowed_s = max(allowed_s, BLANK_LATE_S)
        if late_s > allowed_s and not self._broken:
            self._broken.append(f"the cycle took {took_s:.0f} s instead of {step.wait_s} s")

    def _check_blank(self, reading: Reading, start_ug: int, took_s: float) -> None:
        lost_ug = start_ug - reading.mass_ug
        most_ug = BLANK_TIMES * EVAPORATES_UG_S * took_s + AGREE_DIGITS * reading.digit_ug
        if lost_ug > most_ug and not self._broken:
            self._broken.append(f"the vessel lost {lost_ug / 1000:g} mg in a cycle without a dose")

    def _body(self, step: Weigh, reading_ug: int, before_ug: int | None) -> CalibrationWeighed:
        arms = self._rig.unread("bench")
        if not all(each.is_proven for each in arms):
            self._broken.append("the pen's record does not prove all of its doses")
        return CalibrationWeighed(
            series=step.series,
            step=step.step,
            reading_ug=reading_ug,
            before_ug=before_ug,
            steps=sum(each.steps for each in arms),
            arm_ids=tuple(each.arm_id for each in arms),
            typed=self._weigher.typed,
            actor=self._rig.actor,
        )

    def _taken_back(self, step: Weigh) -> list[Body]:
        """Why the reading does not count; it need not be said of one that has not its steps."""
        reasons, self._broken = "; ".join(dict.fromkeys(self._broken)), []
        counted = sum(each.steps for each in self._rig.unread("bench"))
        if step.step == "weighing" and counted != step.steps:
            self._face.tell(
                f"This reading does not count: the pen counted {counted} steps instead of "
                f"{step.steps}. It is taken again."
            )
        if not reasons or step.step == "first" or counted != step.steps:
            return []
        self._face.tell(f"This reading does not count: {reasons}. It is taken again.")
        body = CalibrationDiscarded(
            series=step.series,
            step=step.step,
            place=step.place,
            reason=reasons,
            actor=self._rig.actor,
        )
        return [body]

    # --- looking ------------------------------------------------------------------------------

    async def _settled(self, due_mono_s: float) -> Reading:
        """Two stable readings, 4 s apart, that agree; not before `due_mono_s`."""
        if self._weigher.typed:
            await self._until(due_mono_s)
            return await self._read()
        await self._until(due_mono_s - LOOK_APART_S)
        for _ in range(MOST_LOOKS):
            earlier, at_mono_s = await self._read(), self._clock.mono_s()
            await self._until(max(due_mono_s, at_mono_s + LOOK_APART_S))
            later = await self._read()
            moved_ug = later.mass_ug - earlier.mass_ug
            passed_s = self._clock.mono_s() - at_mono_s
            same_ug = AGREE_DIGITS * later.digit_ug
            if -same_ug - EVAPORATES_UG_S * passed_s <= moved_ug <= same_ug:
                return later
            self._face.tell(
                f"The weight moved by {moved_ug / 1000:+g} mg in {passed_s:.0f} s: static, draught "
                "or a drop that still falls. It is waited out."
            )
        raise BalanceUnstable("The weight is stable for a moment and moves again.")

    async def _read(self) -> Reading:
        """One stable reading; every trouble is told, and tried again when the person says so."""
        while True:
            try:
                reading = await self._weigher.read()
            except BalanceTrouble as error:
                if not isinstance(error, BalanceUnstable):
                    self._broken.append(error.what.rstrip("."))
                if isinstance(error, BalanceDoubtful):
                    self._face.tell(str(error))
                else:
                    await self._face.ask(Question(Kind.TRY_AGAIN, str(error)))
                continue
            self._read_mono_s = self._clock.mono_s()
            return reading

    async def _until(self, mono_s: float) -> None:
        await asyncio.sleep(max(0.0, mono_s - self._clock.mono_s()))

    # --- the balance itself -------------------------------------------------------------------

    async def check(self, step: CheckBalance) -> CalibrationBalanceChecked:
        """Watch the balance at rest, then weigh the check weight."""
        shown_ug = await self._watch(step.seconds)
        empty_ug = (await self._read()).mass_ug
        half_ug = step.weight_nominal_ug // 2
        await self._until_load(
            lambda now_ug: now_ug - empty_ug >= half_ug, "Put the check weight on the pan."
        )
        loaded_ug = (await self._settled(self._clock.mono_s() + LOOK_APART_S)).mass_ug
        await self._until_load(
            lambda now_ug: now_ug - empty_ug < half_ug, "Take the check weight off the pan."
        )
        noise_ug, drift_ug = round(statistics.stdev(shown_ug)), shown_ug[-1] - shown_ug[0]
        read_ug = loaded_ug - empty_ug
        passed = self._terms().check.passes(noise_ug, drift_ug, read_ug)
        self._broken.clear()
        self._face.tell(
            f"Noise {noise_ug / 1000:g} mg (up to {step.allowed_noise_ug / 1000:g}), drift "
            f"{drift_ug / 1000:+g} mg (up to {step.allowed_drift_ug / 1000:g}), check weight "
            f"{(read_ug - step.weight_nominal_ug) / 1000:+g} mg off (up to "
            f"{step.allowed_error_ug / 1000:g}): {'passed' if passed else 'NOT passed'}."
        )
        return CalibrationBalanceChecked(
            seconds=step.seconds,
            noise_sd_ug=noise_ug,
            drift_ug=drift_ug,
            weight_nominal_ug=step.weight_nominal_ug,
            weight_read_ug=read_ug,
            allowed_error_ug=step.allowed_error_ug,
            typed=self._weigher.typed,
            passed=passed,
            actor=self._rig.actor,
        )

    async def _watch(self, seconds: int) -> list[int]:
        while True:
            await self._read()
            try:
                return await self._weigher.watch(seconds)
            except BalanceTrouble as error:
                await self._face.ask(Question(Kind.TRY_AGAIN, str(error)))

    async def _until_load(self, is_so: Callable[[int], bool], what: str) -> None:
        """Have a weight put on or off; goes on by itself once the balance shows it."""
        if self._weigher.typed:
            await self._face.ask(Question(Kind.GO_ON, what))
            return
        self._face.tell(what)
        until_mono_s = self._clock.mono_s() + LOAD_WITHIN_S
        while not is_so((await self._read()).mass_ug):
            if self._clock.mono_s() > until_mono_s:
                again = f"The balance does not show it. {what}"
                await self._face.ask(Question(Kind.TRY_AGAIN, again))
                until_mono_s = self._clock.mono_s() + LOAD_WITHIN_S

    def _terms(self) -> DoseTerms:
        terms = terms_of(self._rig.bench.book.opened)
        if not isinstance(terms, DoseTerms):
            raise TypeError("only doses are weighed")
        return terms
