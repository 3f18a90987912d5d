"""May an arm be opened now? Every check between an operator's act and the first entry.

Raises, and changes nothing.
"""

from collections.abc import Iterator
from datetime import datetime

from controller.pen.driver import Pen
from controller.pen.identity import text_of
from controller.record.events import hex_id
from controller.session.act_errors import DosingBlocked, NotFit
from controller.session.alarms import contradiction_alarms
from controller.session.books import Books
from controller.session.certificate import Certificate
from controller.session.engine import Engine
from controller.session.findings import Finding, Findings
from controller.session.interlocks import check_cartridge, check_host_power, check_product
from controller.session.progress import Progress
from controller.session.validity import RECALIBRATE, Built, check_certificate
from controller.settings import Realm
from protocol.messages import Cartridge

# SPEC.md section 7: a pen without memory shows this, so no host may ever use it.
NO_ARM_ID = 0xFFFF_FFFF


def next_arm_id(engine: Engine, pen: Pen) -> int:
    """The next id of the pen's life. Raises DosingBlocked when there is none."""
    known = engine.books.ledger.highest_arm_id(hex_id(pen.uid))
    arm_id = max(pen.hello.highest_arm_id, known) + 1
    if arm_id >= NO_ARM_ID:
        raise DosingBlocked("The pen has no arm id left; its memory is lost.")
    return arm_id


def check_books(engine: Engine) -> None:
    """Raise DosingBlocked while anything is unresolved between books, record and pen."""
    if engine.violations:
        raise DosingBlocked(engine.violations[0])
    for alarm_id in contradiction_alarms(engine.pen.uid if engine.pen else None):
        if (alarm := engine.alarms.active.get(alarm_id)) is not None:
            raise DosingBlocked(alarm.cause, action=alarm.action)
    if engine.recorder.failed:
        raise DosingBlocked("The record cannot be written.")
    if unclosed := engine.books.ledger.open_intervals():
        arm = unclosed[0].opened
        raise DosingBlocked(f"Arm {arm.arm_id} of pen {arm.pen_uid} is still open.")


def check_fit(engine: Engine, progress: Progress, pen: Pen, fitted: Cartridge) -> None:
    """Raise NotFit unless cartridge, product and certificate are those of the session.

    Also while this computer's own supply is too low.
    """
    terms, now_wall = progress.terms, engine.clock.now_wall()
    armed_here = any(
        arm.opened.cartridge_uid == hex_id(fitted.cartridge_uid) for arm in progress.intervals()
    )
    first_use = engine.books.cartridges.get(hex_id(fitted.cartridge_uid))
    elsewhere = first_use is not None and first_use != (engine.session_id, hex_id(pen.uid))
    findings = list(check_host_power(engine.host_under_voltage()))
    findings += check_cartridge(
        terms.cartridge, fitted, armed_here=armed_here, armed_elsewhere=elsewhere
    )
    if terms.product is not None:
        findings += check_product(terms.product, now_wall)
    if terms.certificate is not None:
        findings += check_pen_certificate(
            terms.certificate,
            pen,
            engine.books,
            now_wall=now_wall,
            realm=engine.realm,
            accept_provisional=terms.accept_provisional,
            cartridge_type=fitted.type_code,
            pump_head=engine.pump_head,
        )
    for finding in findings:
        if finding.severity == "block":
            raise NotFit(finding.sentence)


def check_pen_certificate(
    certificate: Certificate,
    pen: Pen,
    books: Books,
    *,
    now_wall: datetime,
    realm: Realm,
    accept_provisional: bool,
    cartridge_type: int,
    pump_head: str | None,
) -> Findings:
    """Whether a certificate holds for the linked pen as it is now, by the books.

    pump_head: what is built in by the site's pen file; None when nobody said.
    """
    uid, punctures = hex_id(pen.uid), pen.status.counters.punctures
    found = check_certificate(
        certificate,
        pen_uid=pen.uid,
        pen_punctures=punctures,
        now_wall=now_wall,
        realm=realm,
        accept_provisional=accept_provisional,
        wear=books.wear.of(uid, punctures),
        built=Built(text_of(pen.identity.firmware), cartridge_type, pump_head),
    )
    return (*found, *_stored(certificate, pen.identity.certificate_id, books, uid))


def _stored(certificate: Certificate, stored_id: int, books: Books, uid: str) -> Iterator[Finding]:
    expected = books.expected.get(uid)
    if certificate.wire_id != stored_id:
        yield _mismatch(
            f"The pen stores certificate {hex_id(stored_id)}, this session has "
            f"{certificate.certificate_id}. {RECALIBRATE} Or choose the certificate it stores."
        )
    elif books.unstored(uid) is not None:
        yield _mismatch(
            f"Certificate {expected} was issued for this pen, and the record does not say that the "
            "pen stored it. Finish it by `micropen calibrate certificate issue`."
        )
    elif expected is not None and expected != certificate.certificate_id:
        yield _mismatch(
            f"The pen stores certificate {hex_id(stored_id)}; by the record it must be {expected}. "
            f"Store that one by `micropen pen certify {expected}`, or calibrate the pen."
        )


def _mismatch(sentence: str) -> Finding:
    return Finding("CERTIFICATE_MISMATCH", "block", sentence)
