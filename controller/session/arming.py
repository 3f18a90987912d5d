"""What an arm is opened with: its settings and bounds, its entries, its configuration (C3, C4).

Nothing moves here, and nothing is committed here.
"""

from typing import Literal

import msgspec

from controller.pen.driver import Pen
from controller.record.events import Actor, ArmOpened, Strokes, hex_id
from controller.session.act_errors import DosingBlocked, NothingAllowed, NotInSyringe, SyringeEmpty
from controller.session.allowance import Allowance
from controller.session.amounts import NOTHING, counter_set
from controller.session.drive import ceilings_for
from controller.session.ledger import base_steps
from controller.session.plan import Zone
from controller.session.progress import Progress
from protocol.limits import SLICE_US
from protocol.messages import Cartridge, Envelope, StrokeSettings
from protocol.words import Mode

Purpose = Literal["zone", "prime", "purge", "bench"]
ModeName = Literal["dose", "no_dispense", "prime", "reload", "bench"]
MODE_NAMES: dict[Mode, ModeName] = {
    Mode.DOSE: "dose",
    Mode.NO_DISPENSE: "no_dispense",
    Mode.PRIME: "prime",
    Mode.RELOAD: "reload",
    Mode.BENCH: "bench",
}

COUNTER_MAX = 2**64 - 1

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
        raise _nothing(f"Zone '{zone.name}': nothing left", allowance)
    settings = StrokeSettings(
        mode=Mode.DOSE if zone.dose_nl else Mode.NO_DISPENSE,
        protrusion_um=progress.set_protrusion_um(zone),
        stroke_period_us=zone.stroke_period_us,
        steps=progress.zone_steps(zone),
        dwell_us=zone.dwell_us,
    )
    return Request("zone", zone, settings, allowance, progress.picolitres(zone))


def prime_request(progress: Progress, envelope: Envelope, *, preloaded: bool) -> Request:
    """The next prime arm, with the preload that the pen must make.

    Raises NothingAllowed when all is primed, SyringeEmpty, or NotInSyringe without dispense.
    """
    _require_dispense(progress)
    preload = 0 if preloaded else envelope.preload_steps
    allowance = progress.prime_allowance(preload)
    if allowance.steps == 0:
        raise _nothing("Nothing left to prime", allowance)
    return _slices("prime", progress, envelope, allowance)


def purge_request(progress: Progress, envelope: Envelope, volume_nl: int) -> Request:
    """An arm that discards a stated volume through the needle, off the skin.

    Raises NotInSyringe for a volume that is no whole step, or without dispense; SyringeEmpty.
    """
    _require_dispense(progress)
    allowance = progress.purge_allowance(max(0, volume_nl))
    if allowance.steps == 0:
        if allowance.binding == "syringe":
            raise _nothing("Nothing left to purge", allowance)
        raise NotInSyringe(f"{volume_nl} nl is less than a step of the pump.")
    return _slices("purge", progress, envelope, allowance)


def _slices(
    purpose: Purpose, progress: Progress, envelope: Envelope, allowance: Allowance
) -> Request:
    """Equal slices that reach the wanted steps, or stay within the syringe."""
    slices, steps = equal_slices(envelope, allowance.steps)
    if steps * slices > progress.syringe_steps():
        steps = max(1, allowance.steps // slices)
    settings = StrokeSettings(
        mode=Mode.PRIME, protrusion_um=0, stroke_period_us=SLICE_US, steps=steps, dwell_us=0
    )
    whole = min(steps * slices, progress.syringe_steps())
    allowance = msgspec.structs.replace(allowance, steps=whole)
    return Request(purpose, None, settings, allowance, progress.prime_picolitres())


def equal_slices(envelope: Envelope, steps: int) -> tuple[int, int]:
    """As few equal slices as reach `steps` (1 or more) within the flow: how many, steps of each."""
    most = max(1, min(SLICE_US * envelope.max_flow_steps_s // 1_000_000, envelope.max_steps))
    slices = -(-steps // most)
    return slices, -(-steps // slices)


def _require_dispense(progress: Progress) -> None:
    if not progress.terms.plan.dispenses or progress.terms.certificate is None:
        raise NotInSyringe("This session dispenses nothing.")


def _nothing(what: str, allowance: Allowance) -> NothingAllowed:
    kind = SyringeEmpty if allowance.binding == "syringe" else NothingAllowed
    return kind(f"{what}, bound by {allowance.binding}.")


async def configure(pen: Pen, settings: StrokeSettings) -> int:
    """Set the pen and wait until its depth axis stands; returns the settings' digest."""
    digest = await pen.configure(settings)
    await pen.wait_at_rest(AT_REST_WITHIN_S)
    return digest


def _check_counters_suffice(opened: ArmOpened, allowance: Allowance) -> None:
    # SPEC.md section 14.1: counters and ceilings are u64. What the arm may do must fit in them.
    punctures = opened.first.punctures + allowance.punctures
    if max(punctures, base_steps(opened) + allowance.steps) > COUNTER_MAX:
        raise DosingBlocked("The pen's lifetime counters are at their end; use another pen.")


def prepare(
    pen: Pen, arm_id: int, request: Request, digest: int, fitted: Cartridge, actor: Actor
) -> Prepared:
    """The entries to commit before ARM's first byte.

    Raises DosingBlocked when the pen's counters could not tell all that the arm may do.
    """
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
    _check_counters_suffice(opened, request.allowance)
    grant = Strokes(
        arm_id=arm_id,
        pen_uid=opened.pen_uid,
        pen_boot_id=pen.boot_id,
        strokes=(),
        puncture_ceiling=punctures,
        step_ceiling=steps,
    )
    return Prepared(opened, grant, request.allowance)
