"""The pen as far as it is known without disturbing it: by its own word, or by the record's.

While a service runs it holds the port, and its record says what the pen was at the last greeting.
Asking greets the pen once and reads; nothing moves.
"""

from contextlib import closing

import msgspec

from controller.clock import Clock
from controller.errors import MicropenError, UnsupportedProtocol
from controller.pen.identity import text_of
from controller.record.calibration_events import CertificateStored
from controller.record.events import LinkUp
from controller.record.reader import JournalReader
from controller.service.doctor.line import Line, failed, green, red, unknown, warning
from controller.service.doctor.pen import Found, look_for_pen
from controller.service.doctor.record import Record
from controller.service.looking import PenFacts
from controller.session.catalogue import Catalogue
from controller.session.certificates import certificate_by_id
from controller.session.validity import Built, check_certificate
from protocol.limits import PROTOCOL_VERSION

_CONNECT = "Connect the pen and start the service once, or look again with the pen switched on."


class KnownPen(msgspec.Struct, frozen=True):
    """What a preflight judges of a pen. None: nobody wrote it down.

    said: by whom it is known, as the end of a sentence. certificate_id: 0 when it stores none.
    """

    uid: int
    said: str
    protocol_version: int | None
    firmware: str
    punctures: int
    certificate_id: int | None
    cartridge_type: int | None = None


def find(path: str, record: Record, *, ask: bool) -> KnownPen | UnsupportedProtocol | None:
    """The pen on a free port, else the one of the newest greeting; None when there was none.

    An error is returned only when a pen is there that speaks another protocol.
    """
    found = look_for_pen(path) if ask and not record.service else Found()
    if found.facts is not None:
        return _by_its_word(found.facts)
    if isinstance(found.error, UnsupportedProtocol):
        return found.error
    return by_record(record)


def _by_its_word(facts: PenFacts) -> KnownPen:
    return KnownPen(
        uid=facts.identity.uid,
        said="says the pen itself",
        protocol_version=PROTOCOL_VERSION,  # with another one there is no link to ask by
        firmware=text_of(facts.identity.firmware),
        punctures=facts.status.counters.punctures,
        certificate_id=facts.identity.certificate_id,
        cartridge_type=facts.cartridge.type_code if facts.cartridge.present else None,
    )


def by_record(record: Record) -> KnownPen | None:
    """The pen of the newest greeting. Raises JournalError."""
    if not record.exists or record.error is not None:
        return None
    with closing(JournalReader(record.folder)) as reader:
        greeted = reader.newest(LinkUp.kind)
        body = None if greeted is None else greeted.body()
        if greeted is None or not isinstance(body, LinkUp):
            return None
        stored = reader.newest(CertificateStored.kind, body.pen_uid)
    certificate_id = body.certificate_id
    if stored is not None and stored.seq > greeted.seq:
        later = stored.body()
        if isinstance(later, CertificateStored):
            certificate_id = later.certificate_id
    return KnownPen(
        uid=int(body.pen_uid, 16),
        said=f"by the record of {greeted.wall[:16].replace('T', ' ')} UTC",
        protocol_version=body.protocol_version,
        firmware=body.firmware,
        punctures=body.counters.punctures,
        certificate_id=None if certificate_id is None else int(certificate_id, 16),
    )


def protocol(pen: KnownPen | UnsupportedProtocol | None) -> Line:
    """Whether this program speaks with the pen."""
    name = "protocol"
    if isinstance(pen, UnsupportedProtocol):
        return failed(name, pen)
    if pen is None:
        return unknown(name, "No pen was met here yet.", _CONNECT)
    shown = f"Pen {pen.uid:016x}, firmware {pen.firmware},"
    if pen.protocol_version is None:
        return unknown(name, f"{shown} protocol not written down, {pen.said}.", _CONNECT)
    if pen.protocol_version != PROTOCOL_VERSION:
        what = f"{shown} speaks protocol version {pen.protocol_version}, {pen.said}; "
        side = "program" if pen.protocol_version > PROTOCOL_VERSION else "pen's firmware"
        return failed(
            name,
            UnsupportedProtocol(
                f"{what}this program speaks {PROTOCOL_VERSION}.",
                action=f"Stay with the present program, or update the {side} first.",
            ),
        )
    return green(name, f"{shown} speaks protocol {PROTOCOL_VERSION}, {pen.said}.")


def certificate(pen: object, record: Record, catalogue: Catalogue, clock: Clock) -> Line:
    """Whether this program, with this config, still accepts the pen's calibration."""
    name = "certificate"
    if not isinstance(pen, KnownPen) or pen.certificate_id is None:
        return unknown(name, "The certificate of the pen is not known here.", _CONNECT)
    uid = f"{pen.uid:016x}"
    try:
        stored = certificate_by_id(record.books, catalogue, pen.certificate_id)
        findings = check_certificate(
            stored,
            pen_uid=pen.uid,
            pen_punctures=pen.punctures,
            now_wall=clock.now_wall(),
            realm=catalogue.settings.realm,
            accept_provisional=catalogue.settings.policy.accept_provisional,
            wear=record.books.wear.of(uid, pen.punctures),
            built=Built(pen.firmware, pen.cartridge_type, catalogue.pump_head),
        )
    except MicropenError as error:
        return failed(name, error)
    said = " ".join(each.sentence for each in findings)
    if any(each.severity == "block" for each in findings):
        return red(name, said, "Calibrate the pen, or correct what the sentence names.")
    if findings:
        return warning(name, said, "Plan the next calibration.")
    until = f"{stored.valid_until_wall:%F}"
    return green(name, f"Certificate {stored.certificate_id} of pen {uid} holds until {until}.")
