"""Visits to a pen that give it a certificate: one of the journal's own, or one of a file.

The order is the point. A new certificate is on the disk before the pen stores its id, and counts
only once the pen's answer is on the disk too: whatever ends a visit in between, dosing is blocked,
and the next visit completes it. Moves nothing.
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from controller.calibration.certificate.errors import NotIssuable
from controller.calibration.certificate.issuing import Wish, issue
from controller.errors import NoAnswer, NotCertified, PenRefused
from controller.link.port import PortOpener
from controller.pen.driver import Pen
from controller.pen.identity import text_of
from controller.record.calibration_events import CertificateStored
from controller.record.events import Actor, hex_id
from controller.record.opening import software_version
from controller.service.app import Service, Wanted, running
from controller.session.act_errors import NotAllowed
from controller.session.arming import AT_REST_WITHIN_S
from controller.session.certificate import Certificate
from controller.session.certificates import issued_certificate
from controller.session.validity import Built
from protocol.words import RESULT_SENTENCES, Result

MAY_APPROVE = ("technician", "administrator", "program")
PEN_WITHIN_S = 20.0
"""A pen that homes or brakes is waited for, and events that it kept are read first."""


class Approval(msgspec.Struct, frozen=True):
    """Who answers for a certificate, and why a conditional result is accepted."""

    by: Actor
    remark: str | None = None


@asynccontextmanager
async def visiting(wanted: Wanted, *, opener: PortOpener | None = None) -> AsyncIterator[Service]:
    """A service whose pen is linked and read, inside the `async with`.

    Raises JournalError while a service holds the journal, LinkError, PenError.
    """
    async with running(wanted, opener=opener) as service:
        engine = service.engine
        await engine.changes.until(
            lambda: engine.reconciled or engine.link_error is not None, PEN_WITHIN_S
        )
        if not engine.reconciled:
            raise engine.link_error or NoAnswer(f"No pen answers on {wanted.port}.")
        yield service


async def issue_for_pen(service: Service, approval: Approval) -> Certificate:
    """Issue a certificate for the linked pen, or complete one whose storing was cut short.

    Raises NotAllowed, NotIssuable, CertificateDamaged, PenRefused, LinkError, JournalError.
    """
    if approval.by.role not in MAY_APPROVE:
        raise NotAllowed(f"'{approval.by.role}' may not approve a certificate.")
    engine = service.engine
    pen = service.bench.pen
    if engine.book is not None:
        raise NotIssuable(
            f"Session or calibration {engine.book.session_id} is open.",
            action="Close it first; a certificate changes what a session may do.",
        )
    await pen.wait_at_rest(AT_REST_WITHIN_S)
    waiting = engine.books.unstored(hex_id(pen.uid))
    if waiting is None:
        body = issue(engine.books, await _wish(service, pen, approval))
        await engine.commit(body)
        waiting = engine.books.certificates[body.certificate_id]
    certificate = issued_certificate(waiting)
    await store(service, certificate, approval.by)
    return certificate


async def store(service: Service, certificate: Certificate, actor: Actor) -> None:
    """Let the linked pen store a certificate's id, and record its answer.

    Raises NotCertified when it is another pen's, PenRefused, LinkError, JournalError.
    """
    pen = service.bench.pen
    await store_in(pen, certificate)
    await service.engine.commit(
        CertificateStored(
            pen_uid=hex_id(pen.uid), certificate_id=certificate.certificate_id, actor=actor
        )
    )


async def store_in(pen: Pen, certificate: Certificate) -> None:
    """Write a certificate's id into the pen that it certifies.

    A pen that was just switched on is given the time to home. Raises NotCertified when it is
    another pen's, ConditionNotReached when it does not come to rest, PenRefused when it is armed.
    """
    if not certificate.is_for(pen.uid):
        raise NotCertified(
            f"Certificate {certificate.certificate_id} is not for pen {pen.uid:016x}.",
            cause="The certificate belongs to another pen.",
            action="Connect that pen, or choose the certificate of this one.",
        )
    await pen.wait_at_rest(AT_REST_WITHIN_S)
    reply = await pen.store_certificate(certificate.wire_id)
    if reply.result is not Result.OK:
        sentence = RESULT_SENTENCES[reply.result]
        raise PenRefused(f"The certificate was not stored: {sentence}.", result=reply.result)


async def _wish(service: Service, pen: Pen, approval: Approval) -> Wish:
    fitted = await pen.cartridge()
    cartridge_type = fitted.type_code if fitted.present else None
    return Wish(
        certificate_id=_new_id(),
        journal_id=service.writers[-1].journal.journal_id,
        software_version=software_version(),
        now_wall=service.engine.clock.now_wall(),
        pen_uid=hex_id(pen.uid),
        built=Built(text_of(pen.identity.firmware), cartridge_type, service.engine.pump_head),
        approved_by=approval.by,
        remark=approval.remark,
    )


def _new_id() -> str:
    """Of 64 random bits, never 0: that says that a pen has none."""
    return f"{secrets.randbits(64) or 1:016x}"
