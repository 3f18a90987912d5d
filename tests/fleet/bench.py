"""The virtual technician: does each step on a pen, a balance and an indicator, and writes it down.

Balance and indicator are the simulator's; a weight counts by the program's own rule of agreement.
Sensors for liquid and air are off by a constant of their own, within what their certificates say.
"""

from random import Random
from statistics import pstdev
from typing import Any

from controller.calibration.balance.reader import Agreement
from controller.calibration.balance.words import Reading
from controller.calibration.certificate.report import Instrument, Stage
from controller.calibration.procedure.steps import (
    CheckBalance,
    PrimePen,
    ReadRoom,
    Step,
    Touch,
    Weigh,
)
from controller.record.calibration_events import (
    CalibrationBalanceChecked,
    CalibrationPrimed,
    CalibrationRoom,
    CalibrationTouched,
    CalibrationWeighed,
)
from controller.record.events import Actor
from simulator.balance import TICK_US, Balance, State
from simulator.indicator import IndicatorSettings, indicated_um
from tests.fleet.draw import Drawn
from tests.fleet.pen import FleetPen

ACTOR = Actor(name="fleet", role="program")
SENSORS_U = (100, 200, 100, 20)
"""Expanded uncertainties of liquid and air (mdegC), pressure (Pa) and humidity (permille)."""
SYRINGE_NL = 940_000
"""What a filling of 1 ml gives; the rest stays for priming."""
INDICATOR_MAX_UM = 5
LATE_US = 2_000_000
"""A technician reads up to two seconds late."""
MOST_CHECKS = 5
_PATIENCE_TICKS = 600


class GivenUp(Exception):
    """The technician gives up: no stable weight within a minute, or a balance that fails."""


class FleetBench:
    """One technician's desk."""

    def __init__(self, drawn: Drawn, pen: FleetPen, rng: Random) -> None:
        self.pen = pen
        self.drawn = drawn
        self.balance = Balance(drawn.balance, lambda: pen.volume_nl, Random(rng.random()))
        self.indicator = IndicatorSettings(error_um=rng.uniform(-4.0, 4.0))
        self.off = tuple(rng.gauss(0.0, each / 2) for each in SENSORS_U)
        self._rng = rng
        self._read_us = 0
        self._arm = self._checks = 0
        self._stage = Stage.AS_FOUND

    def body(self, step: Step) -> Any:
        """Do a step; returns what is recorded of it."""
        match step:
            case CheckBalance():
                return self._check(step)
            case PrimePen():
                return self._prime(step)
            case ReadRoom():
                return self._room(step)
            case Weigh():
                return self._weigh(step)
            case Touch():
                return self._touch(step)
            case _:
                raise AssertionError(f"{step} is none of this bench")

    def _check(self, step: CheckBalance) -> Any:
        self.balance.vessel_on = False
        empty = [self._reading() for _ in range(5)]
        self.balance.weights_ug += step.weight_nominal_ug
        read_ug = self._reading() - empty[-1]
        self.balance.weights_ug -= step.weight_nominal_ug
        self.balance.vessel_on = True
        self._checks += 1
        if self._checks > MOST_CHECKS:
            raise GivenUp(f"no balance after {MOST_CHECKS} checks")
        return CalibrationBalanceChecked(
            seconds=step.seconds,
            noise_sd_ug=round(pstdev(empty)),
            drift_ug=empty[-1] - empty[0],
            weight_nominal_ug=step.weight_nominal_ug,
            weight_read_ug=read_ug,
            allowed_error_ug=step.allowed_error_ug,
            typed=False,
            passed=self._passes(step, empty, read_ug),
            actor=ACTOR,
        )

    @staticmethod
    def _passes(step: CheckBalance, empty: list[int], read_ug: int) -> bool:
        return (
            pstdev(empty) <= step.allowed_noise_ug
            and abs(empty[-1] - empty[0]) <= step.allowed_drift_ug
            and abs(read_ug - step.weight_nominal_ug) <= step.allowed_error_ug
        )

    def _prime(self, step: PrimePen) -> Any:
        if step.fill:
            self.pen.fill()
        made = self.pen.prime(step.steps)
        return CalibrationPrimed(
            series=step.series,
            steps=made,
            arm_ids=(self._next_arm(),),
            filled=step.fill,
            actor=ACTOR,
        )

    def _room(self, step: ReadRoom) -> Any:
        if step.stage is Stage.AS_LEFT and self._stage is Stage.AS_FOUND:
            self.pen.adopt_as_left()
        self._stage = step.stage
        drawn, off = self.drawn, self.off
        return CalibrationRoom(
            series=step.series,
            at=step.at,
            liquid_mdegc=round(1_000 * drawn.liquid_c + off[0]),
            air_mdegc=round(1_000 * drawn.air_c + off[1]),
            pressure_pa=round(100 * drawn.air_hpa + off[2]),
            humidity_permille=round(1_000 * drawn.air_humidity + off[3]),
            actor=ACTOR,
        )

    def _weigh(self, step: Weigh) -> Any:
        before_ug = self._reading() if step.weigh_before else None
        counted = 0
        if step.settings is not None:
            counted = self.pen.burst(step.settings, step.doses)
        due_us = self._read_us + step.wait_s * 1_000_000 if step.wait_s else self.pen.now_us
        self._until(max(due_us, self.pen.now_us) + self._rng.randrange(LATE_US))
        return CalibrationWeighed(
            series=step.series,
            step=step.step,
            reading_ug=self._reading(),
            before_ug=before_ug,
            steps=counted,
            arm_ids=(self._next_arm(),) if step.settings is not None else (),
            typed=False,
            actor=ACTOR,
        )

    def _touch(self, step: Touch) -> Any:
        self.pen.place(step.from_um)
        self.pen.place(step.set_um)
        return CalibrationTouched(
            place=step.place,
            from_um=step.from_um,
            set_um=step.set_um,
            measured_um=indicated_um(self.pen.mechanism.depth, self.indicator, self._rng),
            typed=True,
            actor=ACTOR,
        )

    def _next_arm(self) -> int:
        self._arm += 1
        return self._arm

    def _until(self, now_us: int) -> None:
        self.pen.wait_until(now_us)
        self.balance.advance(self.pen.now_us)

    def _reading(self) -> int:
        """The weight once the program would believe it; time goes on meanwhile."""
        agreement, digit_ug = Agreement(), self.drawn.resolution_ug
        for _ in range(_PATIENCE_TICKS):
            self._until(self.pen.now_us + TICK_US)
            shown = self.balance.reading(self.pen.now_us)
            stable = shown.state is State.STABLE
            agreed = agreement.add(Reading(shown.mass_ug, digit_ug, stable))
            if agreed is not None:
                self._read_us = self.pen.now_us
                return agreed.mass_ug
        raise GivenUp(f"no weight at {self.pen.now_us} us")


def instrument(role: str) -> Instrument:
    """A simulated instrument of this bench."""
    return Instrument(role=role, make="simulated", serial="1", simulated=True)
