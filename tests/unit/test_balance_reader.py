"""Reading a balance: known, settled, tared, and every trouble of it as a numbered error."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from controller.calibration.balance import (
    Discard,
    Heard,
    Identity,
    Make,
    Reading,
    Why,
)
from controller.calibration.balance.reader import Balance
from controller.calibration.errors import (
    BalanceLost,
    BalanceNotZero,
    BalanceOverloaded,
    BalanceSilent,
    BalanceTrouble,
    BalanceUnderloaded,
    BalanceUnit,
    BalanceUnknown,
    BalanceUnstable,
)
from simulator.attach import InProcessOpener
from simulator.balance import shown_ug_per_nl
from simulator.bench import BalanceDriver
from simulator.driver import Driver
from simulator.scenario import parse
from simulator.world import World
from tests.support.virtual import VirtualClock, advance

BOTH = pytest.mark.parametrize("speaks", ["mt_sics", "sbi"])
S = 1_000_000


class Bench:
    """A pen, a balance under it, and the reader on the balance's port."""

    def __init__(self, pen: Driver, sim: BalanceDriver, cable: InProcessOpener) -> None:
        self.pen = pen
        self.sim = sim
        self.cable = cable
        self.clock = VirtualClock.running()
        self.heard: list[Heard] = []
        self.reader: Balance

    async def read(self, within_s: float = 30.0) -> Reading:
        return await self.reader.stable_reading(self.clock.mono_s() + within_s)

    async def tare(self, within_s: float = 60.0) -> Reading:
        return await self.reader.tare(self.clock.mono_s() + within_s)

    async def zero(self, within_s: float = 60.0) -> Reading:
        return await self.reader.zero(self.clock.mono_s() + within_s)

    def dispense(self, steps: int) -> None:
        self.pen.world.mechanism.pump(self.pen.now_us(), steps, 2_000)

    def net_ug(self) -> float:
        """What left the needle, as the balance must show it."""
        oracle = self.pen.world.mechanism.oracle
        return oracle.totals.surface_nl * shown_ug_per_nl(self.sim.balance.settings)


@asynccontextmanager
async def bench(known: bool = True, **given: object) -> AsyncIterator[Bench]:
    """A bench that has stood for 5 s; `given` are settings of the balance."""
    values = {"evaporation_ug_h": 0.0, "vessel_ug": 0, "water_ug": 0, **given}
    text = "\n".join(
        f"{key} = " + (f'"{value}"' if isinstance(value, str) else str(value).lower())
        for key, value in values.items()
    )
    pen = Driver(World(parse(f"[balance]\n{text}", "bench")))
    sim = BalanceDriver(pen)
    table = Bench(pen, sim, InProcessOpener(sim))
    table.reader = Balance(await table.cable.open(), table.clock, table.heard.append)
    await advance(5.0)
    try:
        if known:
            await table.reader.identify()
        yield table
    finally:
        table.reader.close()
        sim.stop()
        pen.stop()


@pytest.mark.parametrize(("speaks", "make"), [("mt_sics", Make.MT_SICS), ("sbi", Make.SBI)])
async def test_a_balance_is_known_by_asking(speaks: str, make: Make) -> None:
    async with bench(known=False, speaks=speaks, serial="77B1234") as table:
        assert await table.reader.identify() == Identity(make, "77B1234")
        assert table.reader.identity == Identity(make, "77B1234")


async def test_what_does_not_answer_is_no_balance_and_is_not_read() -> None:
    async with bench(known=False) as table:
        table.sim.talk.deaf = True
        began_s = table.clock.mono_s()
        with pytest.raises(BalanceUnknown):
            await table.reader.identify()
        assert table.clock.mono_s() - began_s <= 6.5
        with pytest.raises(BalanceUnknown):
            await table.read()
        with pytest.raises(BalanceUnknown):
            await table.tare()


@BOTH
@pytest.mark.parametrize("with_word", [False, True])
async def test_a_dose_is_weighed_once_it_has_settled(speaks: str, with_word: bool) -> None:
    async with bench(speaks=speaks, with_word=with_word) as table:
        before = await table.read()
        table.dispense(10_000)
        await advance(5.0)
        after = await table.read()
        assert table.net_ug() > 10_000
        assert after.stable
        assert after.mass_ug - before.mass_ug == pytest.approx(table.net_ug(), abs=200)


@BOTH
async def test_a_weight_in_motion_is_waited_for_and_shown_live(speaks: str) -> None:
    async with bench(speaks=speaks, noise_ug=0.0) as table:
        table.sim.balance.weights_ug = 40_000
        assert await table.read() == Reading(40_000, 100, stable=True)
        unsettled = [
            each
            for each in table.heard
            if (isinstance(each, Reading) and not each.stable)
            or (isinstance(each, Discard) and each.why is Why.UNSTABLE)
        ]
        assert len(unsettled) > 5


@BOTH
async def test_a_draught_is_waited_out_or_told_at_the_deadline(speaks: str) -> None:
    async with bench(speaks=speaks) as table:
        table.sim.balance.blow(20 * S)
        await advance(0.5)
        began_s = table.clock.mono_s()
        with pytest.raises(BalanceUnstable):
            await table.read(10.0)
        assert 10.0 <= table.clock.mono_s() - began_s < 10.3
        assert (await table.read(30.0)).mass_ug == pytest.approx(0, abs=200)


@BOTH
async def test_a_balance_that_adjusts_itself_is_busy_and_then_reads(speaks: str) -> None:
    async with bench(speaks=speaks, adjust_us=20 * S) as table:
        table.sim.balance.adjust()
        with pytest.raises(BalanceUnstable):
            await table.read(5.0)
        assert (await table.read(30.0)).stable


@BOTH
@pytest.mark.parametrize(
    ("weights_ug", "pan_on", "error"),
    [(230_000_000, True, BalanceOverloaded), (0, False, BalanceUnderloaded)],
)
async def test_overload_and_underload_are_told_at_once_and_pass(
    speaks: str, weights_ug: int, pan_on: bool, error: type[BalanceTrouble]
) -> None:
    async with bench(speaks=speaks) as table:
        table.sim.balance.weights_ug, table.sim.balance.pan_on = weights_ug, pan_on
        await advance(20.0)
        began_s = table.clock.mono_s()
        with pytest.raises(error):
            await table.read()
        assert table.clock.mono_s() - began_s < 2.0
        table.sim.balance.weights_ug, table.sim.balance.pan_on = 0, True
        assert (await table.read()).mass_ug == pytest.approx(0, abs=200)


@BOTH
@pytest.mark.parametrize("unit", ["kg", "ct"])
async def test_another_unit_is_refused(speaks: str, unit: str) -> None:
    async with bench(speaks=speaks, unit=unit) as table:
        with pytest.raises(BalanceUnit, match=unit):
            await table.read()


@BOTH
async def test_silence_is_told_at_the_deadline(speaks: str) -> None:
    async with bench(speaks=speaks) as table:
        table.sim.talk.deaf = True
        with pytest.raises(BalanceSilent):
            await table.read(5.0)
        table.sim.talk.deaf = False
        assert (await table.read()).stable


async def test_a_pulled_cable_is_told_while_waiting_and_ever_after() -> None:
    async with bench() as table:
        table.sim.balance.blow(60 * S)
        asyncio.get_running_loop().call_later(2.0, table.cable.unplug)
        with pytest.raises(BalanceLost, match="the cable was pulled"):
            await table.read()
        with pytest.raises(BalanceLost):
            await table.tare()
        with pytest.raises(BalanceLost):
            await table.reader.identify()


@BOTH
async def test_tare_with_a_vessel_zero_without(speaks: str) -> None:
    async with bench(speaks=speaks) as table:
        table.sim.balance.weights_ug = 50_000_000
        assert abs((await table.tare()).mass_ug) <= 200
        table.dispense(10_000)
        await advance(5.0)
        assert (await table.read()).mass_ug == pytest.approx(table.net_ug(), abs=300)
        table.sim.balance.weights_ug = 0
        table.sim.balance.liquid_ug = 0.0
        assert abs((await table.zero()).mass_ug) <= 200


@BOTH
async def test_tare_waits_for_a_draught_to_pass(speaks: str) -> None:
    async with bench(speaks=speaks) as table:
        table.sim.balance.weights_ug = 1_000_000
        table.sim.balance.blow(15 * S)
        await advance(0.5)
        assert abs((await table.tare()).mass_ug) <= 200


@BOTH
async def test_zero_refused_is_told_and_nothing_is_tared_later(speaks: str) -> None:
    async with bench(speaks=speaks) as table:
        table.sim.balance.weights_ug = 50_000_000
        with pytest.raises(BalanceNotZero, match="still shows 50000"):
            await table.zero()
        assert (await table.read()).mass_ug == pytest.approx(50_000_000, abs=200)


async def test_a_tare_given_up_does_not_happen_later() -> None:
    async with bench() as table:
        table.sim.balance.weights_ug = 1_000_000
        table.sim.balance.blow(9 * S)
        await advance(0.5)
        with pytest.raises(BalanceTrouble):
            await table.tare(5.0)
        assert (await table.read()).mass_ug == pytest.approx(1_000_000, abs=200)
