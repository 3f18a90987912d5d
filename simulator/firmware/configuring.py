"""Whether stroke settings may come into force: the hard ceilings and the fit (C3, C11). Pure."""

from protocol.limits import SLICE_US
from protocol.messages import StrokeSettings
from protocol.words import Mode, Result
from simulator.firmware.spec import PenSpec

SLICE_MODES = frozenset({Mode.PRIME, Mode.RELOAD})


def judge_settings(settings: StrokeSettings, spec: PenSpec, cartridge_max_um: int | None) -> Result:
    """OK or the first rule that `settings` break, in the order of the Result numbers.

    `cartridge_max_um` is the ceiling of the fitted cartridge, None when none is fitted.
    """
    ceiling_um = spec.max_protrusion_um
    if cartridge_max_um is not None:
        ceiling_um = min(ceiling_um, cartridge_max_um)
    if settings.protrusion_um > ceiling_um:
        return Result.PROTRUSION_OVER_CEILING
    if settings.stroke_period_us < spec.min_stroke_period_us:
        return Result.PERIOD_TOO_SHORT
    if settings.steps > spec.max_steps:
        return Result.STEPS_OVER_CEILING
    if settings.stroke_period_us < needed_us(settings, spec):
        return Result.STROKE_DOES_NOT_FIT
    return Result.OK if _fields_fit_mode(settings) else Result.FIELD_NOT_FOR_MODE


def needed_us(settings: StrokeSettings, spec: PenSpec) -> int:
    """The shortest period that the stroke or slice fits in, in us."""
    if settings.mode in SLICE_MODES:
        return spec.dispense_us(settings.steps)
    motion_us = spec.insertion_us + spec.retraction_us
    return motion_us + spec.dispense_us(settings.steps) + settings.dwell_us


def _fields_fit_mode(settings: StrokeSettings) -> bool:
    match settings.mode:
        case Mode.DOSE:
            return settings.protrusion_um >= 1 and settings.steps >= 1
        case Mode.NO_DISPENSE:
            return settings.protrusion_um >= 1 and settings.steps == 0 and settings.dwell_us == 0
        case Mode.BENCH:
            return True
        case Mode.PRIME | Mode.RELOAD:
            still = settings.protrusion_um == 0 and settings.dwell_us == 0
            return still and settings.steps >= 1 and settings.stroke_period_us == SLICE_US
