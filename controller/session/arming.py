"""Opens one arm: configure, commit, then ask (rules C3 and C4). Nothing moves here.

The order is the point: the arm and its first ceilings are durable before ARM's first byte.
"""

from typing import Literal

import msgspec

from controller.errors import SessionError
from controller.pen.driver import Pen
from controller.record.events import (
    Actor,
    ArmOpened,
    Strokes,
    hex_id,
)
from controller.session.allowance import Allowance
from controller.session.amounts import NOTHING, counter_set
from controller.session.drive import ceilings_for
from controller.session.plan import Zone
from controller.session.progress import Progress
from protocol.limits import SLICE_US
from protocol.messages import Cartridge, Envelope, StrokeSettings
from protocol.words import Mode


class NothingAllowed(SessionError):
    """No stroke fits under the plan and the limits."""

    number = 4021
    cause = "The plan is complete, or a limit is reached by what may already have been delivered."
    action = "Read the account with `micropen session show`; a clinician sets the limits."


Purpose = Literal["zone", "prime", "purge", "bench"]
ModeName = Literal["dose", "no_dispense", "prime", "reload", "bench"]
MODE_NAMES: dict[Mode, ModeName] = {
    Mode.DOSE: "dose",
    Mode.NO_DISPENSE: "no_dispense",
    Mode.PRIME: "prime",
    Mode.RELOAD: "reload",
    Mode.BENCH: "bench",
}

# domain.md 5.2: the depth axis needs 0.2 to 1 s; the rest is for a disturbed line.
AT_REST_WITHIN_S = 5.0


class Request(msgspec.Struct, frozen=True):
    """What an arm is wanted for."""

    purpose: Purpose
    zone: Zone | None
    settings: StrokeSettings
    allowance: Allowance
    picolitres_a_step: int


class Prepared(msgspec.Struct, frozen=True):
    """An arm that may be committed: its entry and its first ceilings."""

    opened: ArmOpened
    first_grant: Strokes
    allowance: Allowance


def zone_request(progress: Progress, zone: Zone) -> Request:
    """The next arm in a zone. Raises NothingAllowed when no puncture is left."""
    allowance = progress.zone_allowance(zone)
    if allowance.punctures == 0:
        raise NothingAllowed(f"Zone '{zone.name}': nothing left, bound by {allowance.binding}.")
    settings = StrokeSettings(
        mode=Mode.DOSE if zone.dose_nl else Mode.NO_DISPENSE,
        protrusion_um=progress.set_protrusion_um(zone),
        stroke_period_us=zone.stroke_period_us,
        steps=progress.zone_steps(zone),
        dwell_us=zone.dwell_us,
    )
    return Request("zone", zone, settings, allowance, progress.picolitres(zone))


def prime_request(progress: Progress, envelope: Envelope, *, preloaded: bool) -> Request:
    """The next prime arm. Raises NothingAllowed when all is primed or the syringe is empty."""
    preload = 0 if preloaded else envelope.preload_steps
    allowance = progress.prime_allowance(preload)
    if allowance.steps == 0:
        raise NothingAllowed(f"Nothing left to prime, bound by {allowance.binding}.")
    most = max(1, min(SLICE_US * envelope.max_flow_steps_s // 1_000_000, envelope.max_steps))
    slices = -(-allowance.steps // most)
    settings = StrokeSettings(
        mode=Mode.PRIME,
        protrusion_um=0,
        stroke_period_us=SLICE_US,
        steps=max(1, allowance.steps // slices),
        dwell_us=0,
    )
    return Request("prime", None, settings, allowance, progress.prime_picolitres())


async def configure(pen: Pen, settings: StrokeSettings) -> int:
    """Set the pen and wait until its depth axis stands; returns the settings' digest."""
    digest = await pen.configure(settings)
    await pen.wait_at_rest(AT_REST_WITHIN_S)
    return digest


def prepare(
    pen: Pen, arm_id: int, request: Request, digest: int, fitted: Cartridge, actor: Actor
) -> Prepared:
    """The entries to commit before ARM's first byte."""
    settings = request.settings
    opened = ArmOpened(
        arm_id=arm_id,
        pen_uid=hex_id(pen.uid),
        pen_boot_id=pen.boot_id,
        mode=MODE_NAMES[settings.mode],
        purpose=request.purpose,
        zone=request.zone.name if request.zone else None,
        protrusion_um=settings.protrusion_um,
        stroke_period_us=settings.stroke_period_us,
        steps=settings.steps,
        dwell_us=settings.dwell_us,
        settings_digest=digest,
        cartridge_uid=hex_id(fitted.cartridge_uid),
        certificate_id=hex_id(pen.identity.certificate_id),
        picolitres_a_step=request.picolitres_a_step,
        needles=fitted.needles,
        first=counter_set(pen.status.counters),
        first_index=pen.status.next_index,
        actor=actor,
    )
    punctures, steps = ceilings_for(opened, NOTHING, request.allowance)
    grant = Strokes(
        arm_id=arm_id,
        pen_uid=opened.pen_uid,
        pen_boot_id=pen.boot_id,
        strokes=(),
        puncture_ceiling=punctures,
        step_ceiling=steps,
    )
    return Prepared(opened, grant, request.allowance)
