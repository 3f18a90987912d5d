"""The checklist before a treatment: each line turns green from facts, and says what to do if not.

Nothing is ticked by hand here, and nothing here allows anything: the acts check again.
"""

from datetime import datetime

from controller.console.facts import Facts
from controller.console.room import Room
from controller.console.views import CheckView
from controller.record.events import hex_id
from controller.record.folder import MIN_FREE_BYTES
from controller.session.act_errors import DosingBlocked
from controller.session.certificate import Certificate
from controller.session.engine import Engine
from controller.session.findings import Finding
from controller.session.fitness import check_books, check_pen_certificate
from controller.session.interlocks import (
    check_battery,
    check_cartridge,
    check_host_power,
    check_product,
)
from controller.session.progress import Progress

_MEGA = 1_000_000


def checklist(room: Room, facts: Facts, progress: Progress | None) -> list[CheckView]:
    """Every line, in the order in which a person works."""
    now_wall = room.clock.now_wall()
    lines = [
        _pen(room.engine),
        _battery(room.engine),
        _certificate(room, facts, progress, now_wall),
        _cartridge(room.engine, facts, progress),
        _books(room.engine),
        _disk(facts),
        _clock(facts),
        _power(room.engine),
    ]
    if progress is not None and progress.terms.product is not None:
        lines.insert(4, _of("vial", check_product(progress.terms.product, now_wall), "The vial"))
    return lines


def _good(name: str, sentence: str) -> CheckView:
    return CheckView(id=name, ok=True, sentence=sentence, action="")


def _bad(name: str, sentence: str, action: str) -> CheckView:
    return CheckView(id=name, ok=False, sentence=sentence, action=action)


def _unknown(name: str, sentence: str, action: str) -> CheckView:
    return CheckView(id=name, ok=None, sentence=sentence, action=action)


def _of(name: str, findings: tuple[Finding, ...], subject: str, action: str = "") -> CheckView:
    blocks = [each for each in findings if each.severity == "block"]
    if blocks:
        return _bad(name, blocks[0].sentence, action or "Put right what the sentence names.")
    warned = f" {findings[0].sentence}" if findings else ""
    return _good(name, f"{subject} is in order.{warned}")


def _pen(engine: Engine) -> CheckView:
    if engine.link_error is not None:
        return _bad("pen", engine.link_error.what, engine.link_error.action)
    if engine.pen is None:
        return _bad("pen", "No pen is connected.", "Plug the pen in and switch it on.")
    if not engine.reconciled:
        return _unknown("pen", "The pen's record is being read.", "Wait a moment.")
    if engine.is_latched:
        return _bad("pen", "A stop or a fault is latched.", "Find the reason, then clear it.")
    return _good("pen", "The pen is connected.")


def _battery(engine: Engine) -> CheckView:
    health, pen = engine.seen.health, engine.pen
    if pen is None or health is None:
        return _unknown("battery", "The battery is not known yet.", "Connect the pen.")
    found = check_battery(health.battery_mv, health.battery_percent, pen.envelope)
    return _of("battery", found, f"The battery, {health.battery_percent} %,", "Charge the pen.")


def _certificate(
    room: Room, facts: Facts, progress: Progress | None, now_wall: datetime
) -> CheckView:
    pen = room.engine.pen
    if pen is None or facts.looked_wall is None:
        return _unknown("certificate", "The pen's certificate is not known yet.", "Connect it.")
    found = _certificate_of(facts, pen.identity.certificate_id, progress)
    if found is None:
        sentence = f"Certificate {hex_id(pen.identity.certificate_id)} of the pen is not known."
        return _bad("certificate", sentence, "Calibrate the pen, or add its certificate's file.")
    fitted = facts.cartridge
    findings = check_pen_certificate(
        found,
        pen,
        room.engine.books,
        now_wall=now_wall,
        realm=room.realm,
        accept_provisional=room.catalogue.settings.policy.accept_provisional,
        cartridge_type=(found.cartridge_type or 0) if fitted is None else fitted.type_code,
        pump_head=room.engine.pump_head,
    )
    return _of("certificate", findings, "The calibration", "Calibrate the pen.")


def _certificate_of(facts: Facts, wire_id: int, progress: Progress | None) -> Certificate | None:
    certificate = facts.certificate
    if progress is not None and progress.terms.certificate is not None:
        certificate = progress.terms.certificate
    fits = certificate is not None and certificate.wire_id == wire_id
    return certificate if fits else None


def _cartridge(engine: Engine, facts: Facts, progress: Progress | None) -> CheckView:
    fitted = facts.cartridge
    if engine.pen is None or fitted is None:
        return _unknown("cartridge", "The cartridge is not known yet.", "Connect the pen.")
    if not fitted.present:
        return _bad("cartridge", "No cartridge is fitted.", "Fit a new cartridge.")
    uid = hex_id(fitted.cartridge_uid)
    first_use = engine.books.cartridges.get(uid)
    mine = first_use is not None and first_use == (engine.session_id, hex_id(engine.pen.uid))
    action = "Fit a new cartridge of the planned type."
    if progress is not None:
        found = check_cartridge(
            progress.terms.cartridge,
            fitted,
            armed_here=mine,
            armed_elsewhere=first_use is not None and not mine,
        )
        return _of("cartridge", found, "The cartridge", action)
    if fitted.used or first_use is not None:
        return _bad("cartridge", "The fitted cartridge was used before.", action)
    return _good("cartridge", "The cartridge is unused.")


def _books(engine: Engine) -> CheckView:
    try:
        check_books(engine)
    except DosingBlocked as error:
        return _bad("record", error.what, error.action)
    return _good("record", "Record and pen agree, and nothing is open.")


def _disk(facts: Facts) -> CheckView:
    free = facts.disk_free_bytes
    if free is None:
        return _unknown("disk", "The disk's room is not known.", "Look at the disk.")
    if free < MIN_FREE_BYTES:
        action = f"Free at least {MIN_FREE_BYTES // _MEGA} MB."
        return _bad("disk", f"The disk has {free // _MEGA} MB left.", action)
    return _good("disk", f"The disk has {free // _MEGA} MB left.")


def _clock(facts: Facts) -> CheckView:
    if facts.clock_synced is None:
        return _unknown("clock", "The system does not say whether its clock is set.", "Look at it.")
    if not facts.clock_synced:
        action = "Compare the time shown with a watch; a certificate and a vial end by it."
        return _unknown("clock", "The clock is not synchronised.", action)
    return _good("clock", "The clock is synchronised.")


def _power(engine: Engine) -> CheckView:
    return _of("power", check_host_power(engine.host_under_voltage()), "The power supply")
