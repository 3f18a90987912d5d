"""A look at the pen before it is put to anything: who it is, and whether nobody else drives it."""

from typing import NamedTuple

import msgspec

from controller.errors import NoAnswer, PenError
from controller.pen.identity import realm_of, text_of
from controller.service.conformance.sheets import PenSheet
from protocol.conformance.guard import Dosed
from protocol.conformance.host import RawHost
from protocol.conformance.tap import Tap
from protocol.conformance.wire import Wire
from protocol.messages import Cartridge, Envelope, Identity, Status
from protocol.words import StatusFlag

LOOK_US = 1_000_000
"""How long the pen's own statuses are listened to first; one is due each 100 ms."""


class PenInUse(PenError):
    """The pen has an open arm: another host drives it."""

    number = 3020
    cause = "A service, a calibration or another tool has a session on this pen."
    action = "End the session there, and run this again."


class PenNotReady(PenError):
    """The pen cannot be put to the checks as it is."""

    number = 3021
    cause = "Named above."
    action = "Put it right: cartridge fitted, homed, no fault, battery charged; then try again."


class PenFound(NamedTuple):
    """What the pen said of itself."""

    identity: Identity
    envelope: Envelope
    cartridge: Cartridge
    status: Status


def look_first(tap: Tap) -> None:
    """Listen without a word. Raises NoAnswer, and PenInUse while an arm is open."""
    wire = Wire(tap)
    wire.listen(LOOK_US)
    found = [getattr(message, "status", None) for message in wire.heard]
    statuses = [status for status in found if isinstance(status, Status)]
    if not statuses:
        raise NoAnswer(f"No status of a pen arrived for {LOOK_US // 1_000_000} s.")
    arm_id = max(status.arm_id for status in statuses)
    if arm_id:
        raise PenInUse(f"The pen has arm {arm_id} open.")


def greet(tap: Tap) -> PenFound:
    """Make a link and ask; moves nothing, clears nothing. Raises PenNotReady."""
    host = RawHost(tap)
    try:
        host.hello()
        identity, (envelope, cartridge) = host.identity(), host.limits
        status = host.fresh_status()
    except (AssertionError, Dosed) as error:
        raise PenNotReady(f"The pen does not answer as the handshake needs: {error}.") from error
    if not cartridge.present:
        raise PenNotReady("No cartridge is fitted.")
    return PenFound(identity, envelope, cartridge, status)


def pen_sheet(found: PenFound, after: PenFound | None) -> PenSheet:
    """The pen as the report has it."""
    identity = found.identity
    return PenSheet(
        uid=f"{identity.uid:016x}",
        realm=realm_of(identity.uid),
        model=text_of(identity.model),
        firmware=text_of(identity.firmware),
        certificate_id=f"{identity.certificate_id:016x}",
        cartridge=_numbers(found.cartridge),
        envelope=_numbers(found.envelope),
        before=_life(found),
        after=_life(after) if after else {},
    )


def _numbers(message: Cartridge | Envelope) -> dict[str, int]:
    fields = msgspec.structs.asdict(message)
    return {name: value for name, value in fields.items() if name != "request_id"}


def _life(found: PenFound) -> dict[str, int]:
    return {
        "boot_id": found.status.boot_id,
        "highest_arm_id": found.identity.highest_arm_id,
        **msgspec.structs.asdict(found.status.counters),
    }


def is_latched(found: PenFound) -> bool:
    """Whether a stop or a fault is latched that the run would clear."""
    return bool(found.status.flags & StatusFlag.STOP_LATCHED or found.status.fault)
