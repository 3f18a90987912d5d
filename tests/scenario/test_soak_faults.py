"""Each fault of link, pen and host alone in a session: it strikes, and this is what comes of it."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from controller.errors import InternalDefect, MicropenError
from controller.session.act_errors import NotFit
from controller.session.plan import Plan
from controller.session.states import State
from tests.scenario.conftest import Figure, wanted
from tests.soak.catalogue import FaultId
from tests.soak.faults.common import BaseFault, Place, start_again
from tests.soak.faults.host import HOST
from tests.soak.faults.link import LINK
from tests.soak.faults.pen import PEN, CounterWrap
from tests.soak.script import FaultRow
from tests.support.bills import dosing, pen_for
from tests.support.referee import Referee
from tests.support.theatre import INJECTED, Theatre
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
    defects: list[BaseException]

    @property
    def complete(self) -> bool:
        return [each["outcome"] for each in self.referee.all("session_closed")] == ["complete"]


Maker = Callable[[Place, FaultRow], BaseFault]
FAULTS: dict[FaultId, Maker] = {**LINK, **PEN, **HOST}


PATIENCE_S = 60.0
LOOK_S = 0.02


async def alone(
    folder: Path, row: FaultRow, plan: Plan = DOSES, *, still_open: int = 0, seed: int = 1
) -> Outcome:
    """A session in which one fault strikes once, in mid-zone."""
    async with Theatre(folder, pen_for(plan), seed=seed) as theatre:
        stand = Stand(theatre, Random(f"a fault alone {seed}"))
        fault = FAULTS[row.fault](stand, row)
        await theatre.begin(plan)
        work = asyncio.create_task(to_its_end(theatre), name="person")
        theatre.bystanders.add(work)
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures >= AFTER_PUNCTURES)
        await fault.begin()
        await advance(row.lasts_s)
        await fault.end()
        error = await outcome_of(work)
        await theatre.rest(1.0)
        referee = theatre.check(still_open=still_open)
        assert stand.struck, "it never happened"
        state, defects = theatre.engine.state, list(theatre.defects)
        return Outcome(referee, stand.struck, state, error, defects)


async def to_its_end(theatre: Theatre) -> None:
    """A program at the operator's place, again after each end of the process it works in.

    An error in its own code ends the process in an orderly way, as `micropen run` does.
    """
    is_done = False
    while not is_done:
        await theatre.until(lambda: theatre.is_running)
        work = theatre.operate()
        try:
            await asyncio.wait({work})
        finally:
            work.cancel()
        error = None if work.cancelled() else work.exception()
        is_done = not work.cancelled() and error is None
        if isinstance(error, MicropenError):
            raise error
        if error is not None:
            await theatre.operator_failed(error)
            await theatre.start()


async def outcome_of(work: "asyncio.Task[None]") -> MicropenError | None:
    """What ended the operator's work; None also when it goes on and on."""
    await asyncio.wait({work}, timeout=PATIENCE_S)
    work.cancel()
    await asyncio.wait({work})
    error = None if work.cancelled() else work.exception()
    assert error is None or isinstance(error, MicropenError), error
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
    (FaultRow(fault=FaultId.L19, lasts_s=2.0, value=1), LOST, {"lapse"}),
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


@pytest.mark.parametrize(("value", "strangers"), [(0, 1), (1, 2)])
async def test_who_lends_a_pen_twice_lends_the_same_one_or_a_new_one(
    tmp_path: Path, value: float, strangers: int
) -> None:
    async with Theatre(tmp_path / "j", pen_for(DOSES)) as theatre:
        own = theatre.stage
        fault = FAULTS[FaultId.L19](Stand(theatre), FaultRow(fault=FaultId.L19, value=value))
        lent: list[str] = []
        for _ in range(2):
            await fault.begin()
            lent.append(theatre.stage.uid)
            await fault.end()
            assert theatre.stage is own
    assert len(set(lent) - {own.uid}) == strangers


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


HOST_EXPECTED: list[tuple[FaultRow, set[str], set[str]]] = [
    (FaultRow(fault=FaultId.H1, lasts_s=0.05), {"uncertain_delivery"}, {"new_link", "lapse"}),
    (FaultRow(fault=FaultId.H1, lasts_s=2.0), LOST, {"lapse"}),
    (FaultRow(fault=FaultId.H2, value=0.001), set(), {"disarmed"}),
    (FaultRow(fault=FaultId.H2, value=0.1), set(), {"disarmed"}),
    (FaultRow(fault=FaultId.H2, value=0.7), {"lease_lapsed"}, {"lapse"}),
    (FaultRow(fault=FaultId.H2, value=60.0), {"lease_lapsed"}, {"lapse"}),
    (FaultRow(fault=FaultId.H3, value=0.1, lasts_s=1.0), set(), {"disarmed"}),
    (FaultRow(fault=FaultId.H3, value=5.0, lasts_s=1.0), {"lease_lapsed"}, {"lapse"}),
    (FaultRow(fault=FaultId.H10, value=-86_400.0 * 3_650), set(), {"disarmed"}),
    (FaultRow(fault=FaultId.H10, value=86_400.0 * 3_650), set(), {"disarmed"}),
    (FaultRow(fault=FaultId.H12, value=1, lasts_s=2.0), LOST, {"lapse"}),
    (FaultRow(fault=FaultId.H12, value=2, lasts_s=2.0), LOST, {"lapse"}),
    (FaultRow(fault=FaultId.H14, lasts_s=4.0), set(), {"disarmed"}),
    (FaultRow(fault=FaultId.H15, value=1, lasts_s=1.0), set(), {"disarmed"}),
    (FaultRow(fault=FaultId.H15, value=2, lasts_s=1.0), {"uncertain_delivery"}, {"new_link"}),
]


@pytest.mark.parametrize(("row", "alarms", "ends"), HOST_EXPECTED, ids=called)
async def test_the_host_comes_back(
    tmp_path: Path, row: FaultRow, alarms: set[str], ends: set[str]
) -> None:
    out = await alone(tmp_path / "j", row)
    assert out.complete
    assert alarms <= out.referee.alarms
    assert ends & set(out.referee.end_reasons)
    assert not out.referee.residuals
    assert not out.defects


@pytest.mark.hazard("H09", "H44")
@pytest.mark.parametrize("fault", [FaultId.H4, FaultId.H5], ids=["memory", "exception"])
async def test_an_error_anywhere_stops_the_pen_and_ends_the_process(
    tmp_path: Path, fault: FaultId, figure: Figure
) -> None:
    """Between any two lines of the controller, operator's acts included: every second time."""
    ends: Counter[str] = Counter()
    for seed in range(wanted("FAULT_ERRORS", 16)):
        row = FaultRow(fault=fault, lasts_s=1.0, value=seed % 2)
        folder = tmp_path / str(seed)
        out = await alone(folder, row, seed=seed)
        assert out.complete, seed
        assert len(out.defects) == 1, (seed, out.defects)
        ends.update(set(out.referee.end_reasons) - {"disarmed"})
    assert {"stop", "lapse"} & set(ends)
    figure(f"{ends}")


@pytest.mark.hazard("H09")
async def test_a_stall_anywhere_is_a_lapse_or_nothing(tmp_path: Path, figure: Figure) -> None:
    ends: Counter[str] = Counter()
    for seed in range(wanted("FAULT_STALLS", 25)):
        row = FaultRow(fault=FaultId.H3, lasts_s=1.0)
        out = await alone(tmp_path / str(seed), row, seed=seed)
        assert out.complete, seed
        assert not out.defects
        assert not out.referee.residuals
        ends.update(out.referee.end_reasons)
    assert {"disarmed", "lapse"} <= set(ends)
    figure(f"{ends}")


@pytest.mark.hazard("H16", "H25")
async def test_a_host_without_time_treats_nobody_until_its_clock_is_set(tmp_path: Path) -> None:
    """The vial was mixed "in the future": nothing is given until somebody knows the time."""
    async with Theatre(tmp_path / "j", pen_for(DOSES)) as theatre:
        stand = Stand(theatre)
        fault = HOST[FaultId.H11](stand, FaultRow(fault=FaultId.H11))
        await theatre.begin(DOSES)
        work = theatre.operate()
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures >= AFTER_PUNCTURES)
        await fault.begin()
        assert work.cancelled()
        before = theatre.stage.truth.so_far().punctures
        with pytest.raises(NotFit, match="in the future"):
            await theatre.operate()
        assert theatre.stage.truth.so_far().punctures == before
        await fault.end()
        await theatre.operate()
        referee = theatre.check()
    assert stand.struck
    assert [each["outcome"] for each in referee.all("session_closed")] == ["complete"]


@pytest.mark.hazard("H09")
async def test_an_error_while_an_arm_opens_is_not_lost_with_whoever_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError(INJECTED)

    async with Theatre(tmp_path / "j", pen_for(DOSES)) as theatre:
        await theatre.begin(DOSES)
        work = theatre.operate()
        monkeypatch.setattr(theatre.engine, "armed", broken)
        await theatre.until(lambda: theatre.engine.state is State.ARMING)
        work.cancel()
        await theatre.until(lambda: not theatre.is_running, within_s=2.0)
        assert [type(each) for each in theatre.defects] == [InternalDefect]
        await start_again(theatre)
        await theatre.operate()
        referee = theatre.check()
    assert [each["outcome"] for each in referee.all("session_closed")] == ["complete"]
