"""One draft of every kind of entry of a calibration and of the screen, with drawn content.

A certificate's entry is far longer than all others: it takes several pages of the file.
"""

from random import Random
from typing import Any

from controller.record.calibration_events import (
    CalibrationBalanceChecked,
    CalibrationClosed,
    CalibrationDiscarded,
    CalibrationOpened,
    CalibrationPrimed,
    CalibrationRoom,
    CalibrationRun,
    CalibrationTouched,
    CalibrationWeighed,
    CertificateIssued,
    CertificateStored,
)
from controller.record.console_events import (
    AlarmAcknowledged,
    AudioPaused,
    LockedOut,
    LoggedIn,
    LoggedOut,
    LoginRefused,
    StopTested,
)
from controller.record.entry import Draft
from controller.record.events import Body, hex_id
from tests.support.journals import ACTOR, PEN

CALIBRATION = "20260101-090000-0000cafe"
CERTIFICATE = hex_id(0xCE27)
DIGEST = "5a" * 32


def _of_bench(body: Body) -> Draft:
    return Draft(body, CALIBRATION, PEN)


def _of_screen(body: Body) -> Draft:
    return Draft(body)


def _readings(rng: Random, most: int) -> list[int]:
    return [rng.randrange(10**9) for _ in range(rng.randrange(1, most))]


def _opened(rng: Random) -> Draft:
    return _of_bench(
        CalibrationOpened(
            procedure="dose",
            pen_uid=PEN,
            model="MICROPEN-SIM",
            firmware="1.0.0",
            cartridge_type=2,
            pump_head="head 1",
            certificate_id=CERTIFICATE,
            terms={"doses_nl": _readings(rng, 20)},
            actor=ACTOR,
        )
    )


def _room(rng: Random) -> Draft:
    air_mdegc = rng.randrange(15_000, 30_000)
    return _of_bench(
        CalibrationRoom(
            series=0,
            at="start",
            liquid_mdegc=air_mdegc - 100,
            air_mdegc=air_mdegc,
            pressure_pa=101_325,
            humidity_permille=500,
            actor=ACTOR,
        )
    )


def _balance(rng: Random) -> Draft:
    return _of_bench(
        CalibrationBalanceChecked(
            seconds=30,
            noise_sd_ug=rng.randrange(99),
            drift_ug=-rng.randrange(99),
            weight_nominal_ug=10**7,
            weight_read_ug=10**7 + rng.randrange(99),
            allowed_error_ug=200,
            typed=False,
            passed=True,
            actor=ACTOR,
        )
    )


def _weighed(rng: Random) -> Draft:
    return _of_bench(
        CalibrationWeighed(
            series=0,
            step="weighing",
            reading_ug=rng.randrange(10**8),
            steps=rng.randrange(10**6),
            arm_ids=tuple(range(rng.randrange(9))),
            typed=False,
            actor=ACTOR,
        )
    )


def _run(rng: Random) -> Draft:
    ticks_us = tuple(_readings(rng, 400))
    return _of_bench(
        CalibrationRun(
            series=0, stroke_period_us=10_000, ticks_us=ticks_us, arm_ids=(7,), actor=ACTOR
        )
    )


def _issued(rng: Random) -> Draft:
    def page() -> dict[str, Any]:
        return {f"series {number}": _readings(rng, 120) for number in range(rng.randrange(1, 9))}

    return _of_bench(
        CertificateIssued(
            certificate_id=CERTIFICATE,
            pen_uid=PEN,
            supersedes=None,
            calibrations=(CALIBRATION,),
            certificate=page(),
            report=page(),
            report_digest=DIGEST,
            measured_by=ACTOR,
            approved_by=ACTOR,
        )
    )


BENCH_MAKERS = {
    "calibration_opened": _opened,
    "calibration_room": _room,
    "calibration_balance_checked": _balance,
    "calibration_weighed": _weighed,
    "calibration_primed": lambda rng: _of_bench(
        CalibrationPrimed(
            series=0, steps=rng.randrange(10**6), arm_ids=(6,), filled=True, actor=ACTOR
        )
    ),
    "calibration_discarded": lambda rng: _of_bench(
        CalibrationDiscarded(series=0, place=rng.randrange(20), reason="a draught", actor=ACTOR)
    ),
    "calibration_touched": lambda rng: _of_bench(
        CalibrationTouched(
            place=0,
            from_um=0,
            set_um=500,
            measured_um=500 + rng.randrange(9),
            typed=True,
            actor=ACTOR,
        )
    ),
    "calibration_run": _run,
    "calibration_closed": lambda rng: _of_bench(
        CalibrationClosed(
            outcome="measured", reason="", result={"mean_nl": _readings(rng, 9)}, actor=ACTOR
        )
    ),
    "certificate_issued": _issued,
    "certificate_stored": lambda _: _of_bench(
        CertificateStored(pen_uid=PEN, certificate_id=CERTIFICATE, actor=ACTOR)
    ),
    "logged_in": lambda _: _of_screen(LoggedIn(actor=ACTOR)),
    "logged_out": lambda _: _of_screen(LoggedOut(actor=ACTOR, reason="time_out")),
    "login_refused": lambda _: _of_screen(LoginRefused(person=None, reason="unknown")),
    "locked_out": lambda rng: _of_screen(LockedOut(person="M. Muster", seconds=rng.randrange(99))),
    "alarm_acknowledged": lambda rng: _of_screen(
        AlarmAcknowledged(alarm_id=f"occlusion-{rng.randrange(99)}", actor=ACTOR)
    ),
    "audio_paused": lambda rng: _of_screen(AudioPaused(seconds=rng.randrange(120), actor=ACTOR)),
    "stop_tested": lambda rng: _of_screen(
        StopTested(latency_us=rng.choice((None, rng.randrange(10**6))), actor=ACTOR)
    ),
}
