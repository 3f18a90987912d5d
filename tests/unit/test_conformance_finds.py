"""One fault in the firmware for each rule: the suite fails that rule, on a real pen too if it can.

What it cannot find on a real pen is what it never does there: a dose with contact.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from controller.service.conformance.conducting import Conditions, chosen, conduct
from controller.service.conformance.fitness import greet
from controller.service.conformance.hand import JigHand
from controller.service.conformance.sheets import Verdict
from protocol.conformance.rules import RULES
from protocol.conformance.tap import Tap
from protocol.messages import HOST_KINDS, Query
from protocol.words import Result
from simulator.device import Memory, PenSpec
from simulator.firmware import configuring, desk, diary, lease, linking, records, ring, senses
from simulator.firmware.desk import Desk
from simulator.firmware.enquiries import Enquiries
from simulator.firmware.odometer import Odometer
from simulator.firmware.slice_drive import SliceDrive
from tests.conformance.memory_rig import MemoryRig

REAL_UID = 0x0123_4567_89AB_CDEF


class Fault(NamedTuple):
    """What is put in the place of what; `in_air`: it shows without a dose with contact."""

    rule: str
    where: object
    name: str
    instead: object
    in_air: bool = True


def reserves_nothing(odometer: Any, **_ahead: int) -> bool:
    """Writes the exact counters only."""
    return bool(odometer.withdraw())


def counting(query: Callable[[Any, Query], None]) -> Callable[[Any, Query], None]:
    """A query that leaves a trace."""

    def counted(enquiries: Any, request: Query) -> None:
        odometer = enquiries._core.odometer
        odometer._values["bench_steps"] += 1
        odometer._exact = None
        query(enquiries, request)

    return counted


FAULTS = (
    Fault("C1", linking, "_ANY_LINK", frozenset(HOST_KINDS)),
    Fault("C2", linking, "REPLACED_NONCES_KEPT", 4),
    Fault("C3", configuring, "_fields_fit_mode", lambda _settings: True),
    Fault("C4", records, "ARM_RECORDS_KEPT", 4),
    Fault("C5", lease, "LEASE_PEN_MAX_US", 400_000),
    Fault("C6", senses, "CONTACT_STABLE_US", 2_000),
    Fault("C7", senses, "CONTACT_LOST_US", 120_000, in_air=False),
    Fault("C7", diary, "_PARTIAL", 0),
    Fault("C8", ring, "EVENT_BATCH_MAX_US", 90_000),
    Fault("C9", Odometer, "reserve", reserves_nothing),
    Fault("C10", Desk, "_clear_stop", lambda *_: Result.OK),
    Fault("C11", desk, "judge_settings", lambda *_: Result.OK),
    Fault("C12", SliceDrive, "has_room", lambda *_: True),
    Fault("C13", Enquiries, "query", counting(Enquiries.query)),
)


def verdict_on(rule: str, uid: int | None) -> Verdict:
    """What a run of that rule, with a jig, says of a pen of that firmware."""
    spec = PenSpec() if uid is None else PenSpec(uid=uid)
    tap = Tap(MemoryRig(Memory(preloaded=True), spec))
    conditions = Conditions("a port", "jig", JigHand.offers, 0)
    sheet, _ = conduct(tap, greet(tap), conditions, chosen([rule]), lambda _rule, _sheet: None)
    return next(each.verdict for each in sheet.rules if each.rule == rule)


def test_every_rule_has_its_fault() -> None:
    assert {fault.rule for fault in FAULTS} == set(RULES)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.rule} {fault.name}")
def test_a_fault_fails_its_rule(monkeypatch: pytest.MonkeyPatch, fault: Fault) -> None:
    assert verdict_on(fault.rule, REAL_UID) is Verdict.PASSED
    monkeypatch.setattr(fault.where, fault.name, fault.instead)
    assert verdict_on(fault.rule, None) is Verdict.FAILED
    on_a_real_pen = Verdict.FAILED if fault.in_air else Verdict.PASSED
    assert verdict_on(fault.rule, REAL_UID) is on_a_real_pen
