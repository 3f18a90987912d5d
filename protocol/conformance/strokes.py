"""One metered stroke, on contact or off: what most rules of motion are proven with.

DOSE and BENCH make the same stroke; only the contact rule and the counter differ. So a pen that
must never dose with contact under the suite is put to the same checks in BENCH.
"""

import msgspec

from protocol.conformance.host import RawHost
from protocol.conformance.rules import Case, Needs
from protocol.messages import Counters, StrokeSettings
from protocol.words import Mode

STROKES = (
    Case("DOSE", Mode.DOSE, Needs.DOSE_ON_CONTACT),
    Case("BENCH", Mode.BENCH),
)


def stroke(host: RawHost, mode: Mode) -> StrokeSettings:
    """The metered stroke of the checks in that mode."""
    return msgspec.structs.replace(host.dose, mode=mode)


def meet(host: RawHost, mode: Mode) -> None:
    """Put the pen on the dummy skin if the mode wants contact."""
    if mode in {Mode.DOSE, Mode.NO_DISPENSE}:
        host.touch()


def metered(counters: Counters, mode: Mode) -> int:
    """The steps that strokes of the mode count."""
    return counters.dose_steps if mode is Mode.DOSE else counters.bench_steps


def long_pump_us(*, is_quick: bool) -> int:
    """How long the pump of a stroke must run for acts in the middle of it.

    A person's press is noticed up to a status period late.
    """
    return 184_000 if is_quick else 400_000
