"""What is to be done next, in words for the technician and in values for the machine.

Pure. Whoever shows a step does it, records the body that its docstring names, and applies that
body; the procedure then says the next one.
"""

from dataclasses import dataclass
from typing import Any, Literal

from controller.calibration.certificate.report import Stage
from protocol.messages import StrokeSettings

WeighingStep = Literal["first", "blank_start", "weighing", "blank_end"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What every step shows. number: which of `total` steps, from 1, of what is known by now."""

    title: str
    instruction: str
    number: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckBalance(Shown):
    """Watch the empty balance for so long, then put the weight on: CalibrationBalanceChecked."""

    seconds: int
    weight_nominal_ug: int
    allowed_error_ug: int
    allowed_noise_ug: int
    allowed_drift_ug: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PrimePen(Shown):
    """Prime off the vessel by so many steps after the preload: CalibrationPrimed.

    fill: the syringe has to be filled first.
    """

    series: int
    steps: int
    picolitres_a_step: int
    fill: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRoom(Shown):
    """Read liquid and air: CalibrationRoom."""

    series: int
    stage: Stage
    at: Literal["start", "end"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weigh(Shown):
    """One reading: CalibrationWeighed. Before it a burst, a dry cycle, or nothing (`first`).

    place: which replicate, from 0; 0 when `step` is not `weighing`. settings: None = no burst.
    wait_s: from the reading before to this one at the least; 0 for `first`. steps: what the pen
    must have counted. weigh_before: the vessel was not on the balance meanwhile, so it is weighed
    before the cycle too and that reading given as `before_ug`.
    """

    series: int
    stage: Stage
    step: WeighingStep
    place: int
    settings: StrokeSettings | None
    doses: int
    steps: int
    picolitres_a_step: int
    wait_s: int
    weigh_before: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch(Shown):
    """Go to `from_um`, from there to `set_um`, read the indicator: CalibrationTouched."""

    place: int
    from_um: int
    set_um: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCadence(Shown):
    """So many strokes in one run, and the tachometer's word if there is one: CalibrationRun."""

    series: int
    settings: StrokeSettings
    strokes: int
    with_tachometer: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish(Shown):
    """Nothing is left to measure: close the calibration with these: CalibrationClosed."""

    outcome: Literal["measured", "refused"]
    reason: str
    result: dict[str, Any]


Step = CheckBalance | PrimePen | ReadRoom | Weigh | Touch | RunCadence | Finish
