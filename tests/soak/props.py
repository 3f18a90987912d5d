"""What a script asks for, made: its plan, and the pen with its line."""

import msgspec

from controller.session.plan import Plan
from simulator.line import WireSettings
from simulator.scenario import Scenario
from tests.soak.script import Script
from tests.support.bills import dosing, pen_for, stamping, usb


def plan_of(script: Script) -> Plan:
    """The plan that a script asks for."""
    if script.plan == "stamping":
        return stamping(*script.punctures, cadence_hz=script.cadence_hz)
    return dosing(*script.punctures, dose_nl=script.dose_nl, cadence_hz=script.cadence_hz)


def pen_of(script: Script, plan: Plan) -> Scenario:
    """The pen that a script asks for."""
    line = usb()
    to_pen, to_host = (
        _late(way, script.baud, late_ms)
        for way, late_ms in zip((line.to_pen, line.to_host), script.late_ms, strict=True)
    )
    pen = pen_for(plan, line=msgspec.structs.replace(line, to_pen=to_pen, to_host=to_host))
    if not script.glide_ms:
        return pen
    hand = msgspec.structs.replace(pen.hand, glide_us=script.glide_ms * 1_000)
    return msgspec.structs.replace(pen, hand=hand)


def _late(way: WireSettings, baud: int, late_ms: float) -> WireSettings:
    return msgspec.structs.replace(
        way, baud=baud, latency_us=way.latency_us + round(late_ms * 1_000)
    )
