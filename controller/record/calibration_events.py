"""What the journal says of calibrations: their readings as they were taken, and certificates.

A calibration has an id where other entries have their session's, so arms of it are told apart from
those of a patient. Its readings are never changed and never taken out: a weighing that does not
count is followed by an entry that says why. Where a calibration stands is what these entries come
to, so a power cut costs no reading that is in the journal. Masses in micrograms, temperatures in
thousandths of a degree Celsius, pressure in pascals, humidity in permille.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from controller.record.console_events import CONSOLE_BODIES
from controller.record.events import BODIES, Actor, Body, Count, HexId, Steps

Procedure = Literal["dose", "protrusion", "cadence"]
SeriesIndex = Count
"""Which series of the procedure's terms, counted from 0."""


class CalibrationOpened(Body):
    """A calibration of one pen was begun: what is measured, with what, by which limits.

    terms: the procedure's own settings, limits and instruments, frozen for it.
    """

    kind = "calibration_opened"
    procedure: Procedure
    pen_uid: HexId
    model: str
    firmware: str
    cartridge_type: int
    pump_head: str
    certificate_id: HexId
    terms: dict[str, Any]
    actor: Actor


class CalibrationRoom(Body):
    """Liquid and air as they were read at the start or the end of a series."""

    kind = "calibration_room"
    series: SeriesIndex
    at: Literal["start", "end"]
    liquid_mdegc: int
    air_mdegc: int
    pressure_pa: int
    humidity_permille: int
    actor: Actor


class CalibrationBalanceChecked(Body):
    """The balance looked at before it is weighed with. drift_ug: last reading minus first."""

    kind = "calibration_balance_checked"
    seconds: Count
    noise_sd_ug: Count
    drift_ug: int
    weight_nominal_ug: Count
    weight_read_ug: int
    allowed_error_ug: Count
    typed: bool
    passed: bool
    actor: Actor


class CalibrationWeighed(Body):
    """One reading of the balance, after a dry cycle (blank) or after a weighing's doses.

    step: `first` = m00, `blank_start` = m0, `weighing` = m1 to mn, `blank_end` = mn+1 (ISO 8655-6).
    before_ug: given when the vessel was emptied or tared since the reading before; it takes that
    one's place. steps: what the pen counted since then. arm_ids: the arms that it counted them in.
    """

    kind = "calibration_weighed"
    series: SeriesIndex
    step: Literal["first", "blank_start", "weighing", "blank_end"]
    reading_ug: int
    before_ug: int | None = None
    steps: Steps = 0
    arm_ids: tuple[int, ...] = ()
    typed: bool
    actor: Actor


class CalibrationPrimed(Body):
    """The pen was primed off the vessel in these arms; nothing of it is in a weighing."""

    kind = "calibration_primed"
    series: SeriesIndex
    steps: Steps
    arm_ids: tuple[int, ...]
    filled: bool
    actor: Actor


class CalibrationDiscarded(Body):
    """A reading does not count, for this reason; it is taken again.

    place: the replicate of a series, or the touch of the protrusion's, counted from 0; 0 when
    `step` names a blank, whose two readings are taken again together.
    """

    kind = "calibration_discarded"
    series: SeriesIndex
    step: Literal["blank_start", "weighing", "blank_end"] = "weighing"
    place: Count
    reason: Annotated[str, Field(min_length=1)]
    actor: Actor


class CalibrationTouched(Body):
    """One reading of the indicator on the needle's tip; from_um: where the axis came from."""

    kind = "calibration_touched"
    place: Count
    from_um: int
    set_um: int
    measured_um: int
    typed: bool
    actor: Actor


class CalibrationRun(Body):
    """One run at a set cadence: the pen ticks of its strokes, and a tachometer's word if any."""

    kind = "calibration_run"
    series: SeriesIndex
    stroke_period_us: Annotated[int, Field(ge=1)]
    ticks_us: tuple[int, ...]
    arm_ids: tuple[int, ...]
    tachometer_mhz: int | None = None
    tachometer_expanded_mhz: int | None = None
    actor: Actor


class CalibrationClosed(Body):
    """The calibration is over. `measured`: its result may go into a certificate.

    result: what it came to, as the procedure tells it; empty when it was aborted.
    """

    kind = "calibration_closed"
    outcome: Literal["measured", "refused", "aborted"]
    reason: str
    result: dict[str, Any]
    actor: Actor


class CertificateIssued(Body):
    """A certificate with its report, from the calibrations named; it supersedes, never replaces.

    certificate: as `controller.session.certificate.Certificate` reads it. report: the certificate's
    page as data; report_digest: SHA-256 of its canonical JSON.
    """

    kind = "certificate_issued"
    certificate_id: HexId
    pen_uid: HexId
    supersedes: HexId | None
    calibrations: tuple[str, ...]
    certificate: dict[str, Any]
    report: dict[str, Any]
    report_digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    measured_by: Actor
    approved_by: Actor


class CertificateStored(Body):
    """The pen has stored a certificate's id and answered for it; 0 = none any more."""

    kind = "certificate_stored"
    pen_uid: HexId
    certificate_id: HexId
    actor: Actor


ALL_BODIES: dict[str, type[Body]] = (
    BODIES
    | {
        body.kind: body
        for body in (
            CalibrationOpened,
            CalibrationRoom,
            CalibrationBalanceChecked,
            CalibrationPrimed,
            CalibrationWeighed,
            CalibrationDiscarded,
            CalibrationTouched,
            CalibrationRun,
            CalibrationClosed,
            CertificateIssued,
            CertificateStored,
        )
    }
    | CONSOLE_BODIES
)
"""Every kind of entry that a journal can hold."""
