"""A whole calibration of a simulated pen, through the core, as the certificate's tests need it.

The pen delivers 2.700 nl a step and loses 60 nl of each dose; at 5 Hz it loses 20 nl more. Its
balance reads to 0.01 mg. Scatter comes from a seeded generator: the numbers never change.
"""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from pathlib import Path

from controller.calibration.acceptance import Verdict, load_acceptance
from controller.calibration.cadence import Tachometer, cadence_of
from controller.calibration.certificate.building import Identity, Protrusion, Weighed, report_of
from controller.calibration.certificate.report import (
    BenchCheck,
    CalibrationReport,
    Earlier,
    Instrument,
    Pen,
    Signature,
    Stage,
)
from controller.calibration.conditions import midway
from controller.calibration.curve import Point
from controller.calibration.density import Air, Surroundings, Water
from controller.calibration.fitting import Fit, fit
from controller.calibration.protrusion import Indicator, Touch, protrusion_of
from controller.calibration.statistics import spread_of
from controller.calibration.uncertainty import Balance, Sensors, dose_budget
from controller.calibration.weighing import Series, Setting

LIMITS = load_acceptance(Path(__file__).parents[2] / "config" / "calibration.toml")
ISSUED = datetime(2026, 11, 23, 3, 20, tzinfo=UTC)
PEN_UID = "fff0000000000001"
BALANCE = Balance(10, 15, 20, "certificate BAL-2026-118")
SENSORS = Sensors(100, 200, 100, 20, "certificates T-551, B-207 and H-311")
START = Surroundings(Water(), 21_400, Air(22_100, 101_240, 520))
END = replace(START, liquid_mdegc=21_520, air=Air(22_300, 101_210, 515))
DOSES_NL = (2_000, 5_000, 10_000)
SLOW_US, FAST_US = 2_000_000, 200_000
EVAPORATION_UG = 30
REPLICATES = 10
INSTRUMENTS = (
    Instrument(
        role="balance",
        make="Mettler XSR105",
        serial="B944021177",
        certificate_number="BAL-2026-118",
        due=date(2027, 3, 1),
    ),
    Instrument(
        role="check weight",
        make="20 mg, class E2",
        serial="W-20-77",
        certificate_number="MW-4410",
        due=date(2027, 6, 30),
    ),
    Instrument(
        role="indicator",
        make="Mitutoyo 543-490B",
        serial="19077342",
        certificate_number="IND-88",
        due=date(2027, 1, 15),
    ),
    Instrument(
        role="thermometer",
        make="Testo 110",
        serial="T-551",
        certificate_number="TMP-21",
        due=date(2027, 2, 2),
    ),
    Instrument(role="barometer", make="Greisinger GPB 3300", serial="B-207"),
)


def weighed(
    stage: Stage, dose_nl: int, period_us: int, step_pl: int, *, redone: bool = False
) -> Weighed:
    """One series: the doses of a weighing are such that the balance resolves them."""
    steps, doses = round(1_000 * dose_nl / step_pl), 4
    setting = Setting(dose_nl, period_us, steps, doses)
    chance = random.Random(f"{stage} {dose_nl} {period_us}")
    lost_nl = 60 if period_us == SLOW_US else 80
    factor = midway(START, END).z_ul_mg
    series = Series.begun(setting, REPLICATES, 1_000_000, 1_000_000 - EVAPORATION_UG)
    if redone:
        series = series.weighed(series.last_ug + 6_120, steps * doses)
        series = series.redone(0, "a drop stayed at the needle <seen> & wiped")
    while series.next_place is not None:
        delivered_nl = sum(2.7 * steps - lost_nl + chance.gauss(0, 40) for _ in range(doses))
        gain_ug = delivered_nl / factor - EVAPORATION_UG
        series = series.weighed(series.last_ug + round(gain_ug / 10) * 10, steps * doses)
    series = series.closed(series.last_ug - EVAPORATION_UG - 10)
    spread = spread_of(series.volumes_nl(factor), dose_nl, doses)
    budget = dose_budget(series, spread, midway(START, END), BALANCE, SENSORS)
    typed = frozenset({(0, 1), (3, 0)}) if redone else frozenset()
    return Weighed(stage, series, Point(period_us, steps, spread, budget), START, END, typed=typed)


def calibrated() -> tuple[list[Weighed], Fit]:
    """All series: as found with an old value, those of the fit, as left with the new values."""
    found = [weighed(Stage.AS_FOUND, dose_nl, SLOW_US, 2_820) for dose_nl in DOSES_NL]
    fitted = [
        weighed(
            Stage.FIT, dose_nl, period_us, 2_700, redone=(dose_nl, period_us) == (2_000, 200_000)
        )
        for period_us in (SLOW_US, FAST_US)
        for dose_nl in DOSES_NL
    ]
    line = fit([each.point for each in fitted], LIMITS)
    left = [
        weighed(Stage.AS_LEFT, dose_nl, SLOW_US, _step_pl(line, dose_nl)) for dose_nl in DOSES_NL
    ]
    return [*found, *fitted, *left], line


def _step_pl(line: Fit, dose_nl: int) -> int:
    return next(
        each.configuration.picolitres_a_step
        for each in line.ranges
        if each.configuration.covers(dose_nl, SLOW_US)
    )


def axis() -> Protrusion:
    """Five points, twice from inside and once from outside; 40 um out, 25 um of backlash."""
    touches = [
        touch
        for at_um, set_um in enumerate((500, 1_000, 1_500, 2_000, 2_500))
        for touch in (
            Touch(0, set_um, set_um + 36 + 3 * at_um),
            Touch(0, set_um, set_um + 40 + 3 * at_um),
            Touch(3_000, set_um, set_um + 63 + 3 * at_um),
        )
    ]
    indicator = Indicator(1, 3, "certificate IND-88")
    return Protrusion(tuple(touches), protrusion_of(touches, indicator, LIMITS), frozenset({2}))


def history() -> list[Earlier]:
    """Five earlier certificates; the pen wore a little each month."""
    return [
        Earlier(
            certificate_id=f"{0x11 + month:016x}",
            issued_wall=ISSUED - timedelta(days=30 * (5 - month)),
            stage=Stage.AS_FOUND,
            dose_nl=dose_nl,
            error_ppm=-4_000 - 5_000 * month - 20_000_000 // dose_nl,
            expanded_ppm=6_000,
        )
        for month in range(5)
        for dose_nl in DOSES_NL
    ]


def sample_report() -> CalibrationReport:
    """The report of that calibration: two people, every optional part, a reading typed in."""
    series, line = calibrated()
    even = list(accumulate([10_020, 10_030] * 100, initial=2**33))
    slow = list(accumulate([500_800, 501_100] * 10, initial=2**33))
    return report_of(
        Identity(
            "00000000000000a7",
            "0000000000000015",
            "journal-2026-11-a1b2c3",
            "0.1.0",
            ISSUED,
            ISSUED + timedelta(days=30),
            142_310,
        ),
        Pen(
            uid=PEN_UID,
            model="simulated pen",
            firmware="1.4.2",
            cartridge_type="12-needle, 0.25 mm",
            pump_head="syringe 1 ml, lead screw 0.5 mm",
        ),
        INSTRUMENTS,
        series,
        line,
        LIMITS,
        Signature(person="Ana Núñez", at_wall=ISSUED - timedelta(minutes=30)),
        liquid_lot="AQ-2231",
        approved_by=Signature(
            person="Jörg Weiß",
            at_wall=ISSUED,
            remark="Looked at the residuals and the redone weighing.",
        ),
        bench_check=BenchCheck(
            seconds=30,
            noise_sd_ug=8,
            drift_ug=-20,
            check_weight_nominal_ug=20_000,
            check_weight_read_ug=20_010,
            allowed_error_ug=40,
            verdict=Verdict.PASS,
        ),
        protrusion=axis(),
        cadences=[
            cadence_of(10_000, even, Tachometer(99_740, 100, "tachometer DT-2234"), LIMITS),
            cadence_of(500_000, slow, None, LIMITS),
        ],
        history=history(),
    )
