"""From the books to a certificate with its report: what is missing for one, and what it says.

Pure: no pen, no file, no clock. A certificate holds from the measurement on, not from its issue, so
issuing again from the same readings makes none last longer. Nothing is judged anew here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import ValidationError

from controller.calibration.acceptance import Verdict
from controller.calibration.cadence import CadenceResult
from controller.calibration.certificate.building import Identity, report_of
from controller.calibration.certificate.errors import NotIssuable
from controller.calibration.certificate.readiness import (
    NEEDED,
    changed,
    closed_wall,
    missing,
    newest,
    wants_of,
)
from controller.calibration.certificate.report import (
    CalibrationReport,
    Earlier,
    Instrument,
    Pen,
    Signature,
    Stage,
    is_same_person,
)
from controller.calibration.certificate.wording import share_ppm
from controller.calibration.procedure import (
    CadenceOutcome,
    DoseOutcome,
    ProtrusionOutcome,
    outcome_of,
)
from controller.pen.identity import realm_of
from controller.record.calibration_events import CertificateIssued
from controller.record.events import Actor, Body
from controller.session.books import Books, CalibrationBook
from controller.session.certificate import Certificate, MeasuredAt
from controller.session.validity import Built
from controller.session.wear import Wear

HOUR_US = 3_600_000_000
_STAGES_OF_HISTORY = (Stage.AS_FOUND, Stage.AS_LEFT)


@dataclass(frozen=True, slots=True)
class Wish:
    """A certificate that is asked for: its names, the pen as it is now, and who approves."""

    certificate_id: str
    journal_id: str
    software_version: str
    now_wall: datetime
    pen_uid: str
    built: Built
    approved_by: Actor
    remark: str | None = None


@dataclass(frozen=True, slots=True)
class _Measured:
    """The calibrations that a certificate is made of, with what they came to."""

    books: tuple[CalibrationBook, ...]
    dose: DoseOutcome
    protrusion: ProtrusionOutcome
    cadence: CadenceOutcome | None

    @property
    def oldest(self) -> CalibrationBook:
        """What the certificate's time is counted from."""
        return min(self.books[: len(NEEDED)], key=closed_wall)

    @property
    def measured_by(self) -> list[Actor]:
        """Everybody who measured: who opened, and who took over before the end."""
        bodies = (body for book in self.books for body in (book.opened, *_bodies(book)))
        actors = (getattr(body, "actor", None) for body in bodies)
        return list(dict.fromkeys(each for each in actors if isinstance(each, Actor)))

    @property
    def runs(self) -> Sequence[CadenceResult]:
        """The cadence's runs; none without that check."""
        return () if self.cadence is None else self.cadence.cadences

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Everything that was measured with, each once."""
        of_cadence = () if self.cadence is None else self.cadence.terms.all_instruments
        return tuple(
            dict.fromkeys(
                (*self.dose.instruments, *self.protrusion.terms.all_instruments, *of_cadence)
            )
        )


def issue(books: Books, wish: Wish) -> CertificateIssued:
    """The entry of a new certificate. Raises NotIssuable (E7090) with all that is missing."""
    if wish.built.pump_head is None:
        raise NotIssuable(
            "Nobody said which pump head is built into the pen.",
            action="Write `pump_head` into the pen's file of config/pens.",
        )
    wants = missing(books, wish.pen_uid, wish.now_wall, wish.built)
    if wants:
        raise NotIssuable("No certificate can be issued: " + " ".join(wants))
    measured = _measured(books, wish)
    _check_people(measured, wish.approved_by)
    _check_instruments(measured)
    try:
        report = _report(books, wish, measured)
        certificate = _certificate(wish, measured, report)
    except ValidationError as error:
        first = error.errors()[0]
        raise NotIssuable(f"The certificate cannot be written: {first['msg']}.") from error
    _check_verdict(report, wish.remark)
    return CertificateIssued(
        certificate_id=wish.certificate_id,
        pen_uid=wish.pen_uid,
        supersedes=report.supersedes,
        calibrations=tuple(book.session_id for book in measured.books),
        certificate=certificate.model_dump(mode="json"),
        report=report.model_dump(mode="json"),
        report_digest=report.digest,
        measured_by=measured.books[0].opened.actor,
        approved_by=wish.approved_by,
    )


# --- what was measured ---


def _measured(books: Books, wish: Wish) -> _Measured:
    found = [newest(books, procedure, wish.pen_uid) for procedure in NEEDED]
    dose_book, axis_book = (book for book in found if book is not None)
    built = Built(
        dose_book.opened.firmware, dose_book.opened.cartridge_type, dose_book.opened.pump_head
    )
    for sentence in changed(axis_book, built):
        raise NotIssuable(sentence, action="Measure protrusion and doses of the same pen.")
    dose, axis = outcome_of(dose_book), outcome_of(axis_book)
    if not isinstance(dose, DoseOutcome) or not isinstance(axis, ProtrusionOutcome):
        raise NotIssuable("The calibrations are not what their entries say.")
    cadence_book = newest(books, "cadence", wish.pen_uid)
    if cadence_book is None or any(
        wants_of(books, "cadence", wish.pen_uid, wish.now_wall, wish.built)
    ):
        return _Measured((dose_book, axis_book), dose, axis, None)
    cadence = outcome_of(cadence_book)
    runs = cadence if isinstance(cadence, CadenceOutcome) else None
    return _Measured((dose_book, axis_book, cadence_book), dose, axis, runs)


def _bodies(book: CalibrationBook) -> Iterator[Body]:
    return (body for body, _wall in book.readings)


def _check_people(measured: _Measured, approved_by: Actor) -> None:
    for actor in measured.measured_by:
        if is_same_person(actor.name, approved_by.name):
            raise NotIssuable(
                f"{approved_by.name} measured, so somebody else must approve.",
                cause="A certificate needs two people: one who measured, one who approved.",
                action="Let a second person look at the results and approve them.",
            )


def _check_instruments(measured: _Measured) -> None:
    on = closed_wall(measured.oldest).date()
    for each in measured.instruments:
        if each.due is not None and each.due < on:
            raise NotIssuable(
                f"The certificate of the {each.role} ({each.make}, {each.serial}) ended on "
                f"{each.due}, before it was measured with.",
                action="Have it calibrated, then measure again.",
            )


def _check_verdict(report: CalibrationReport, remark: str | None) -> None:
    if report.verdict is Verdict.FAIL:
        raise NotIssuable("What was measured is outside of the limits.")
    if report.verdict is Verdict.CONDITIONAL and not (remark and remark.strip()):
        raise NotIssuable(
            "The result is conditional, and no remark says why it is accepted.",
            action="Look at the report, then give the reason with --remark.",
        )
    if report.marks and realm_of(int(report.pen.uid, 16)) == "treatment":
        raise NotIssuable(
            "A real pen was measured with simulated instruments.",
            action="Measure it with real ones.",
        )


# --- what it says ---


def _report(books: Books, wish: Wish, measured: _Measured) -> CalibrationReport:
    dose, book = measured.dose, measured.books[0]
    opened = book.opened
    until = _until(measured)
    return report_of(
        Identity(
            certificate_id=wish.certificate_id,
            supersedes=_last_issued(books, wish.pen_uid),
            journal_id=wish.journal_id,
            software_version=wish.software_version,
            issued_wall=wish.now_wall,
            valid_until_wall=closed_wall(measured.oldest)
            + timedelta(days=dose.limits.validity.days),
            valid_until_punctures=until.punctures or None,
            valid_until_doses=until.doses,
            valid_until_running_us=until.running_us,
        ),
        Pen(
            uid=wish.pen_uid,
            model=opened.model,
            firmware=opened.firmware,
            cartridge_type=f"type {opened.cartridge_type}",
            pump_head=opened.pump_head,
        ),
        measured.instruments,
        dose.weighed,
        dose.fit,
        dose.limits,
        Signature(person=opened.actor.name, at_wall=closed_wall(book)),
        liquid_lot=dose.terms.liquid.lot,
        approved_by=Signature(
            person=wish.approved_by.name, at_wall=wish.now_wall, remark=wish.remark
        ),
        bench_check=dose.bench_check,
        protrusion=measured.protrusion.protrusion,
        cadences=measured.runs,
        history=history(books, wish.pen_uid),
    )


def _until(measured: _Measured) -> Wear:
    """The pen's lifetime counts at which it ends; punctures is 0 when they do not end it."""
    start, validity = measured.oldest.wear, measured.dose.limits.validity
    return Wear(
        punctures=0 if validity.punctures is None else start.punctures + validity.punctures,
        doses=start.doses + validity.doses,
        running_us=start.running_us + validity.hours * HOUR_US,
    )


def _certificate(wish: Wish, measured: _Measured, report: CalibrationReport) -> Certificate:
    start, opened = measured.oldest.wear, measured.books[0].opened
    balance = measured.dose.terms.balance.instrument
    return Certificate(
        certificate_id=wish.certificate_id,
        pen_uid=wish.pen_uid,
        provisional=False,
        source=f"Calibrations {', '.join(book.session_id for book in measured.books)}; weighed on "
        f"{balance.make}, {balance.serial}",
        issued_wall=report.issued_wall,
        valid_until_wall=report.valid_until_wall,
        valid_until_punctures=report.valid_until_punctures,
        valid_until_doses=report.valid_until_doses,
        valid_until_running_us=report.valid_until_running_us,
        measured_at=MeasuredAt(
            punctures=start.punctures, doses=start.doses, running_us=start.running_us
        ),
        firmware=opened.firmware,
        cartridge_type=opened.cartridge_type,
        pump_head=opened.pump_head,
        report_digest=report.digest,
        protrusion_offset_um=measured.protrusion.protrusion.result.offset_um,
        prime_picolitres_a_step=report.prime_picolitres_a_step,
        configurations=tuple(each.configuration for each in measured.dose.fit.ranges),
    )


def _last_issued(books: Books, pen_uid: str) -> str | None:
    ids = [key for key, issued in books.certificates.items() if issued.body.pen_uid == pen_uid]
    return ids[-1] if ids else None


def history(books: Books, pen_uid: str) -> tuple[Earlier, ...]:
    """What earlier certificates of a pen found and left, oldest first."""
    reports = [
        CalibrationReport.model_validate(issued.body.report)
        for issued in books.certificates.values()
        if issued.body.pen_uid == pen_uid
    ]
    return tuple(
        Earlier(
            certificate_id=report.certificate_id,
            issued_wall=report.issued_wall,
            stage=stage,
            dose_nl=series.dose_nl,
            error_ppm=share_ppm(series.result.error_pl, series.dose_nl),
            expanded_ppm=share_ppm(series.result.expanded_pl, series.dose_nl),
        )
        for report in reports
        for stage in _STAGES_OF_HISTORY
        for series in report.of(stage)
    )
