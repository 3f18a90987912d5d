"""The pen: its port, who may use it, what it says of itself, and its certificate. Moves nothing.

While a service holds the port the pen is not asked: a second link would end the first (C2).
"""

import asyncio
import os
from pathlib import Path
from typing import Final

import msgspec

from controller.clock import Clock
from controller.errors import (
    MicropenError,
    NotAPort,
    PortBusy,
    PortDenied,
    PortFailed,
    PortMissing,
)
from controller.link.port import check_port
from controller.pen.identity import realm_of, text_of
from controller.service.doctor.line import Line, failed, green, red, unknown, warning
from controller.service.doctor.record import Record
from controller.service.looking import PenFacts, look
from controller.session.catalogue import Catalogue
from controller.session.certificates import certificate_by_id
from controller.session.validity import Built, check_certificate
from protocol.faults import describe_fault
from protocol.limits import PROTOCOL_VERSION
from protocol.words import StatusFlag

_ASK_AGAIN: Final = "Plug the pen in and switch it on, then look again."


class Found(msgspec.Struct, frozen=True):
    """What came of looking for the pen: its facts, or why there are none."""

    facts: PenFacts | None = None
    error: MicropenError | None = None


def look_for_pen(path: str) -> Found:
    """Link to the pen once and let go, if nobody else has the port."""
    try:
        check_port(path)
        return Found(asyncio.run(look(path)))
    except MicropenError as error:
        return Found(error=error)


def glance(path: str) -> Found:
    """See whether the port is there, and leave the pen alone."""
    try:
        check_port(path)
    except MicropenError as error:
        return Found(error=error)
    return Found()


def port(path: str, found: Found, record: Record) -> Line:
    """Whether the port is there and free, or held by the running service."""
    error = found.error
    if isinstance(error, PortBusy) and record.service:
        return green("port", f"{path} is held by the running service.")
    if error is not None and _is_of_port(error):
        return failed("port", error)
    if Path(path).name.startswith(("ttyUSB", "ttyACM")):
        action = "Name it by /dev/serial/by-id/ in controller.toml."
        return warning("port", f"{path} is another device after the next plug.", action)
    return green("port", f"{path} is there and free.")


def permissions(found: Found, state: Path, secrets: list[Path]) -> Line:
    """Whether this user may use port and state, and nobody else may read what is secret."""
    if isinstance(found.error, PortDenied):
        return failed("permissions", found.error)
    if state.exists() and not _is_ours(state):
        action = f"Give this user the folder: chown -R <user> {state}"
        return red("permissions", f"{state} cannot be written by this user.", action)
    for path in secrets:
        try:
            mode = path.stat().st_mode
            if not _is_of_another_account(path):
                path.open("rb").close()
        except OSError as error:
            action = "Put it there, readable by this user and nobody else (mode 600)."
            return red("permissions", f"{path} cannot be read: {error.strerror}.", action)
        if mode & 0o077:
            said = f"{path} is open to other users of this machine (mode {mode & 0o777:o})."
            return red("permissions", said, f"chmod 600 {path}")
    return green("permissions", "Port, state folder and secret files have the right owners.")


def _is_of_another_account(path: Path) -> bool:
    """Whether a secret is neither ours nor root's: telemetry has an account of its own."""
    return path.stat().st_uid not in {0, os.getuid()}


def _is_ours(folder: Path) -> bool:
    probe = folder / ".doctor"
    try:
        probe.touch(exist_ok=True)
        probe.unlink()
    except OSError:
        return False
    return True


def pen(found: Found, record: Record, realm: str) -> Line:
    """Whether a pen of this realm answers, without fault."""
    if record.service:
        return _by_record(record)
    if found.facts is not None:
        return _pen(found.facts, realm)
    if found.error is None or _is_of_port(found.error):
        return unknown("pen", "The pen was not asked.", _ASK_AGAIN)
    return failed("pen", found.error)


def _pen(facts: PenFacts, realm: str) -> Line:
    status, uid = facts.status, f"{facts.identity.uid:016x}"
    if realm_of(facts.identity.uid) != realm:
        said = f"Pen {uid} belongs to {realm_of(facts.identity.uid)}, this place to {realm}."
        return red("pen", said, "Connect the right pen, or use the other state folder.")
    if status.fault:
        fault = describe_fault(status.fault)
        return red("pen", f"Pen {uid}: {fault.sentence}", "Remove the cause, then clear it.")
    if status.flags & StatusFlag.STOP_LATCHED:
        return red("pen", f"Pen {uid}: a stop is latched.", "Find the reason, then clear it.")
    return green("pen", f"Pen {uid} answers; {status.state.name.lower()}.", uid=uid)


def _is_of_port(error: MicropenError) -> bool:
    return isinstance(error, PortMissing | PortBusy | PortDenied | NotAPort | PortFailed)


def _by_record(record: Record) -> Line:
    if record.link is None:
        return unknown("pen", "The running service has met no pen yet.", _ASK_AGAIN)
    return green("pen", f"The running service has the pen; the last one is {record.link.pen_uid}.")


def firmware(found: Found, record: Record) -> Line:
    """Model, firmware and protocol; a pen of another protocol does not get this far."""
    if found.facts is not None:
        identity = found.facts.identity
        shown = text_of(identity.firmware)
        said = f"{text_of(identity.model)}, firmware {shown}, protocol {PROTOCOL_VERSION}."
        return green("firmware", said, firmware=shown)
    if record.service and record.link is not None:
        shown = record.link.firmware
        return green("firmware", f"Firmware {shown}, at the pen's last greeting.", firmware=shown)
    return unknown("firmware", "The pen was not asked.", _ASK_AGAIN)


def certificate(found: Found, record: Record, catalogue: Catalogue, clock: Clock) -> Line:
    """Whether the calibration that the pen stores is known, its own, and in force."""
    facts, settings = found.facts, catalogue.settings
    if facts is None:
        action = "The service checks it at each arm." if record.service else _ASK_AGAIN
        return unknown("certificate", "The pen was not asked.", action)
    uid, punctures = f"{facts.identity.uid:016x}", facts.status.counters.punctures
    cartridge = facts.cartridge.type_code if facts.cartridge.present else None
    try:
        stored = certificate_by_id(record.books, catalogue, facts.identity.certificate_id)
        findings = check_certificate(
            stored,
            pen_uid=facts.identity.uid,
            pen_punctures=punctures,
            now_wall=clock.now_wall(),
            realm=settings.realm,
            accept_provisional=settings.policy.accept_provisional,
            wear=record.books.wear.of(uid, punctures),
            built=Built(text_of(facts.identity.firmware), cartridge, catalogue.pump_head),
        )
    except MicropenError as error:
        return failed("certificate", error)
    said = " ".join(each.sentence for each in findings)
    if any(each.severity == "block" for each in findings):
        return red("certificate", said, "Calibrate the pen, or correct what the sentence names.")
    if findings:
        return warning("certificate", said, "Plan the next calibration.")
    until = f"{stored.valid_until_wall:%F}"
    return green("certificate", f"Certificate {stored.certificate_id} holds until {until}.")
