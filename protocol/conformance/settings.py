"""Settings that the pen under test accepts: the nominal ones, cut to its own answers.

Each pen has its own flow, ceilings and cadence; the suite asks for no more than this one has.
"""

import msgspec

from protocol.limits import SLICE_US
from protocol.messages import Cartridge, Envelope, StrokeSettings
from protocol.words import Mode


def pump_us(steps: int, envelope: Envelope) -> int:
    """How long the pen pumps so many steps, rounded up."""
    return -(-steps * 1_000_000 // envelope.max_flow_steps_s)


def steps_in(duration_us: int, envelope: Envelope) -> int:
    """The most steps that one stroke may pump in a time."""
    return min(envelope.max_steps, duration_us * envelope.max_flow_steps_s // 1_000_000)


def least_period_us(settings: StrokeSettings, envelope: Envelope) -> int:
    """The shortest stroke period that holds the stroke."""
    moves_us = envelope.insertion_us + envelope.retraction_us + settings.dwell_us
    return max(envelope.min_stroke_period_us, moves_us + pump_us(settings.steps, envelope))


def fitted(nominal: StrokeSettings, envelope: Envelope, cartridge: Cartridge) -> StrokeSettings:
    """The nominal settings, with no more depth, steps or cadence than the pen allows.

    A stroke pumps for at most as long as a slice, so that the tests' own times hold on a slow pump.
    """
    ceilings_um = [envelope.max_protrusion_um]
    if cartridge.present:
        ceilings_um.append(cartridge.max_protrusion_um)
    found = msgspec.structs.replace(
        nominal,
        protrusion_um=min(nominal.protrusion_um, *ceilings_um),
        steps=min(nominal.steps, steps_in(SLICE_US, envelope)),
    )
    if nominal.mode in {Mode.PRIME, Mode.RELOAD}:
        return found
    period_us = max(nominal.stroke_period_us, least_period_us(found, envelope))
    return msgspec.structs.replace(found, stroke_period_us=period_us)
