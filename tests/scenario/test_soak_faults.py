"""Each fault of link, pen and host alone in a session: it strikes, and this is what comes of it."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from controller.errors import MicropenError
from controller.session.plan import Plan
from controller.session.states import State
from tests.soak.catalogue import FaultId
from tests.soak.faults.common import BaseFault, Place
from tests.soak.faults.link import LINK
from tests.soak.faults.pen import PEN, CounterWrap
from tests.soak.script import FaultRow
from tests.support.bills import dosing, pen_for
from tests.support.referee import Referee
from tests.support.theatre import Theatre
from tests.support.virtual import advance

DOSES = dosing(8, 6)
AFTER_PUNCTURES = 2


@dataclass
class Stand:
    """A room for one fault: counts how often it took effect, and in which states."""

    theatre: Theatre
    rng: Random = field(default_factory=lambda: Random("a fault alone"))
    struck: Counter[tuple[str, str]] = field(default_factory=Counter)

    def happened(self, fault: FaultId) -> None:
        del fault
        self.struck[self.theatre.states()] += 1


@dataclass(frozen=True)
class Outcome:
    """What is left when everything is over."""

    referee: Referee
    struck: Counter[tuple[str, str]]
    state: State
    error: MicropenError | None

    @property
    def complete(self) -> bool:
        return [each["outcome"] for each in self.referee.all("session_closed")] == ["complete"]


Maker = Callable[[Place, FaultRow], BaseFault]
FAULTS: dict[FaultId, Maker] = {**LINK, **PEN}


PATIENCE_S = 60.0


async def alone(
    folder: Path, row: FaultRow, plan: Plan = DOSES, *, still_open: int = 0, seed: int = 1
) -> Outcome:
    """A session in which one fault strikes once, in mid-zone."""
    async with Theatre(folder, pen_for(plan), seed=seed) as theatre:
        stand = Stand(theatre)
        fault = FAULTS[row.fault](stand, row)
        await theatre.begin(plan)
        work = theatre.operate()
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures >= AFTER_PUNCTURES)
        await fault.begin()
        await advance(row.lasts_s)
        await fault.end()
        error = await outcome_of(work)
        await theatre.rest(1.0)
        referee = theatre.check(still_open=still_open)
        assert stand.struck, "it never happened"
        return Outcome(referee, stand.struck, theatre.engine.state, error)


async def outcome_of(work: "asyncio.Task[None]") -> MicropenError | None:
    """What ended the operator's work; None also when it goes on and on."""
    await asyncio.wait({work}, timeout=PATIENCE_S)
    work.cancel()
    await asyncio.wait({work})
    error = None if work.cancelled() else work.exception()
    assert error is None or isinstance(error, MicropenError)
    return error


ON_THE_WIRE = [
    (FaultId.L1, 0.1),
    (FaultId.L2, 0.002),
    (FaultId.L3, 0.002),
    (FaultId.L4, 0.1),
    (FaultId.L5, 0.1),
    (FaultId.L6, 0.3),
    (FaultId.L7, 0.1),
    (FaultId.L8, 0.1),
    (FaultId.L9, 0.1),
    (FaultId.L10, 0.1),
    (FaultId.L11, 0.2),
    (FaultId.L12, 0.0),
    (FaultId.L13, 0.0),
]


@pytest.mark.hazard("H11")
@pytest.mark.parametrize(("fault", "rate"), ON_THE_WIRE, ids=lambda each: getattr(each, "name", ""))
async def test_a_bad_wire_costs_time_and_nothing_else(
    tmp_path: Path, fault: FaultId, rate: float
) -> None:
    out = await alone(tmp_path / "j", FaultRow(fault=fault, rate=rate, lasts_s=3.0))
    assert out.complete
    assert not out.referee.residuals
    assert sum(out.struck.values()) > 5


LOST = {"lease_lapsed", "uncertain_delivery"}
RESET = {"uncertain_delivery", "residual_delivery"}

EXPECTED: list[tuple[FaultRow, set[str], set[str]]] = [
    # fault, alarms that must be raised, reasons one of which must have ended an arm
    (FaultRow(fault=FaultId.L14, lasts_s=1.5), LOST, {"lapse"}),
    (FaultRow(fault=FaultId.L15, lasts_s=0.3), {"lease_lapsed"}, {"lapse"}),
    (FaultRow(fault=FaultId.L15, lasts_s=1.5), LOST, {"lapse"}),
    (FaultRow(fault=FaultId.L15, lasts_s=1.5, value=1), {"lease_lapsed"}, {"lapse"}),
    (FaultRow(fault=FaultId.L15, lasts_s=1.5, value=2), {"uncertain_delivery"}, {"new_link"}),
    (FaultRow(fault=FaultId.L16, lasts_s=0.1), set(), {"disarmed"}),
    (FaultRow(fault=FaultId.L16, lasts_s=0.6, value=4096), {"lease_lapsed"}, {"lapse"}),
    (FaultRow(fault=FaultId.L16, lasts_s=3.0, value=100), {"lease_lapsed"}, {"lapse"}),
    (FaultRow(fault=FaultId.L17, lasts_s=0.5), LOST, {"lapse"}),
    (FaultRow(fault=FaultId.L18, lasts_s=0.5), LOST, {"lapse"}),
    (FaultRow(fault=FaultId.L19, lasts_s=2.0), LOST, {"lapse"}),
    (FaultRow(fault=FaultId.L20, lasts_s=0.01), {"uncertain_delivery"}, {"new_link"}),
    (FaultRow(fault=FaultId.L20, lasts_s=0.5), LOST, {"lapse"}),
    (FaultRow(fault=FaultId.P1), {"uncertain_delivery"}, {"boot"}),
    (FaultRow(fault=FaultId.P2), RESET, {"boot"}),
    (FaultRow(fault=FaultId.P3), RESET, {"boot"}),
    (FaultRow(fault=FaultId.P4, lasts_s=1.0), RESET | {"brown_out"}, {"boot"}),
    (FaultRow(fault=FaultId.P5), {"uncertain_delivery"}, {"boot"}),
    (FaultRow(fault=FaultId.P7), RESET | {"firmware"}, {"boot"}),
    (FaultRow(fault=FaultId.P8, lasts_s=5.0), {"uncertain_delivery"}, {"boot"}),
    (FaultRow(fault=FaultId.P9, lasts_s=1.0), {"motor_jam"}, {"fault"}),
    (FaultRow(fault=FaultId.P10, lasts_s=2.0, value=1), set(), {"disarmed"}),
    (FaultRow(fault=FaultId.P10, lasts_s=2.0, value=2), {"depth_fault"}, {"fault"}),
    (FaultRow(fault=FaultId.P10, lasts_s=2.0, value=3), set(), {"disarmed"}),
    (FaultRow(fault=FaultId.P10, lasts_s=2.0, value=4), set(), {"disarmed"}),
    (FaultRow(fault=FaultId.P10, lasts_s=2.0, value=5), set(), {"disarmed"}),
    (FaultRow(fault=FaultId.P10, lasts_s=2.0, value=6), set(), {"disarmed"}),
    (FaultRow(fault=FaultId.P11, lasts_s=2.0, value=300), set(), {"disarmed"}),
    (FaultRow(fault=FaultId.P11, lasts_s=2.0, value=1_200), set(), {"lapse", "new_link"}),
    (FaultRow(fault=FaultId.P12, lasts_s=4.0), {"uncertain_delivery"}, {"boot"}),
    (FaultRow(fault=FaultId.P13), {"uncertain_delivery"}, {"boot"}),
    (FaultRow(fault=FaultId.P14, lasts_s=2.0), {"over_temperature"}, {"fault"}),
    (FaultRow(fault=FaultId.P15, lasts_s=2.0), {"occlusion"}, {"fault"}),
    (FaultRow(fault=FaultId.P16, value=1), set(), {"disarmed"}),
    (FaultRow(fault=FaultId.P16, value=2), {"reservoir_empty"}, {"fault"}),
    (FaultRow(fault=FaultId.P17, value=1), {"cartridge_removed"}, {"fault"}),
    (FaultRow(fault=FaultId.P17, value=2), {"cartridge_removed"}, {"fault"}),
]


def called(row: object) -> str:
    return f"{row.fault.name}-{row.value:g}" if isinstance(row, FaultRow) else ""


@pytest.mark.parametrize(("row", "alarms", "ends"), EXPECTED, ids=called)
async def test_the_session_goes_on_after_it(
    tmp_path: Path, row: FaultRow, alarms: set[str], ends: set[str]
) -> None:
    out = await alone(tmp_path / "j", row)
    assert out.complete
    assert alarms <= out.referee.alarms
    assert ends & set(out.referee.end_reasons)
    if not alarms & RESET:
        assert not out.referee.residuals


@pytest.mark.hazard("H14")
async def test_a_memory_that_takes_no_write_keeps_the_pen_latched(tmp_path: Path) -> None:
    out = await alone(tmp_path / "j", FaultRow(fault=FaultId.P6, lasts_s=1.0, value=2))
    assert "nvm_fault" in out.referee.alarms
    assert out.state is State.LATCHED
    assert out.referee.end_reasons == ["disarmed", "fault"]


@pytest.mark.hazard("H14")
async def test_an_erased_memory_blocks_all_dosing(tmp_path: Path) -> None:
    row = FaultRow(fault=FaultId.P6, lasts_s=1.0, value=1)
    out = await alone(tmp_path / "j", row, still_open=1)
    assert {"nvm_fault", "books_contradict_pen"} <= out.referee.alarms
    assert out.state is State.BLOCKED
    assert out.error is not None


@pytest.mark.hazard("H42")
async def test_lifetime_counters_pass_two_to_the_thirty_two(tmp_path: Path) -> None:
    plan = dosing(8, 6)
    async with Theatre(tmp_path / "j", CounterWrap.dressed(pen_for(plan))) as theatre:
        await theatre.play(plan)
        referee = theatre.check()
    (_, first, second) = referee.arms.values()
    assert first.opened["first"]["punctures"] < 2**32 <= second.opened["first"]["punctures"]
    assert first.certain[0] + second.certain[0] == 14
    assert not referee.alarms
