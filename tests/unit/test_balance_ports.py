"""Which port has a balance: asked at the usual line settings, never the pen's, told apart."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from mtsics.core.state import ScaleState
from mtsics.profiles import load as load_profile
from mtsics.protocol.engine import MTSICSEngine

from controller.calibration.balance import Identity, Make
from controller.calibration.balance.ports import (
    USUAL_LINES,
    Found,
    candidates,
    connect,
    find,
    find_one,
)
from controller.calibration.balance.reader import Balance
from controller.calibration.errors import BalanceLost, BalanceUnknown
from controller.calibration.weigher import OtherBalance, PortWeigher
from controller.errors import PortBusy, PortMissing
from controller.link.port import BytePort, LineSettings, OnBytes, OnLost
from simulator.attach import InProcessOpener
from simulator.bench import BalanceDriver
from simulator.driver import Driver
from simulator.scenario import parse
from simulator.world import World
from tests.support.virtual import VirtualClock

FACTORY_SICS, FACTORY_SBI = USUAL_LINES[:2]


class Silent:
    """A port on which nothing answers, or what is not understood."""

    def __init__(self, says: bytes = b"") -> None:
        self._says = says
        self.got = b""
        self.closed = False
        self._on_bytes: OnBytes = lambda _: None

    def start(self, on_bytes: OnBytes, on_lost: OnLost) -> None:
        self._on_bytes = on_bytes

    def write(self, data: bytes) -> None:
        self.got += data
        if self._says:
            asyncio.get_running_loop().call_soon(self._on_bytes, self._says)

    def close(self) -> None:
        self.closed = True


class Emulated(Silent):
    """The emulator of an independent package behind a port."""

    def __init__(self, state: ScaleState) -> None:
        super().__init__()
        self._engine = MTSICSEngine(state)

    def write(self, data: bytes) -> None:
        answer = self._engine.handle(data.decode()).encode()
        asyncio.get_running_loop().call_later(0.02, self._on_bytes, answer)


class Bench:
    """Ports by name, each with what is at its end; balances hear at their own line only."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, LineSettings]] = []
        self.ends: dict[str, tuple[LineSettings | None, InProcessOpener | Silent | Exception]] = {}
        self.silents: list[Silent] = []

    async def open(self, path: str, line: LineSettings) -> BytePort:
        self.opened.append((path, line))
        at, end = self.ends[path]
        if isinstance(end, Exception):
            raise end
        if at is not None and at != line:
            self.silents.append(Silent(b"\xf8\x80\x06"))
            return self.silents[-1]
        return end if isinstance(end, Silent) else await end.open()


@asynccontextmanager
async def bench(*speaks: str) -> AsyncIterator[tuple[Bench, list[BalanceDriver]]]:
    table, made, pens = Bench(), [], []
    for number, each in enumerate(speaks):
        scenario = parse(f'[balance]\nspeaks = "{each}"\nserial = "B20000{number}"', "bench")
        pens.append(Driver(World(scenario)))
        made.append(BalanceDriver(pens[-1]))
        line = FACTORY_SICS if each == "mt_sics" else FACTORY_SBI
        table.ends[f"/dev/b{number}"] = (line, InProcessOpener(made[-1]))
    try:
        yield table, made
    finally:
        for sim in made:
            sim.stop()
        for pen in pens:
            pen.stop()


def test_the_pen_s_port_is_no_candidate_under_any_name(tmp_path: Path) -> None:
    (tmp_path / "ttyUSB0").touch()
    (tmp_path / "ttyUSB1").touch()
    by_id = tmp_path / "by-id"
    by_id.mkdir()
    (by_id / "usb-pen").symlink_to(tmp_path / "ttyUSB0")
    (by_id / "usb-balance").symlink_to(tmp_path / "ttyUSB1")
    (tmp_path / "pen").symlink_to(tmp_path / "ttyUSB0")
    for pen in (by_id / "usb-pen", tmp_path / "pen", tmp_path / "ttyUSB0"):
        assert candidates(str(pen), by_id) == [str(by_id / "usb-balance")]
    assert candidates("/dev/pen", tmp_path / "none") == []


async def test_balances_of_both_makes_are_found_at_their_factory_settings() -> None:
    async with bench("mt_sics", "sbi") as (table, _):
        table.ends["/dev/modem"] = (None, Silent(b"\r\nERROR\r\n"))
        table.ends["/dev/held"] = (None, PortBusy("/dev/held is in use."))
        found = await find(table.ends, VirtualClock.running(), table.open)
        assert found == [
            Found("/dev/b0", FACTORY_SICS, Identity(Make.MT_SICS, "B200000")),
            Found("/dev/b1", FACTORY_SBI, Identity(Make.SBI, "B200001")),
        ]
        assert str(found[1]) == "Sartorius SBI B200001 at /dev/b1, 1200 baud 7O1"
        assert [path for path, _ in table.opened].count("/dev/held") == 1
        assert all(each.closed for each in table.silents)


async def test_one_balance_is_wanted() -> None:
    async with bench("mt_sics", "mt_sics") as (table, _):
        clock = VirtualClock.running()
        with pytest.raises(BalanceUnknown) as several:
            await find_one(table.ends, clock, table.open)
        assert several.value.what.startswith("There are 2 balances: MT-SICS B200000 at /dev/b0")
        with pytest.raises(BalanceUnknown) as none:
            await find_one([], clock, table.open)
        assert "no port in /dev/serial/by-id but the pen's" in none.value.what
        given = await find_one(["/dev/b1"], clock, table.open, [FACTORY_SICS])
        assert given.identity.serial == "B200001"


async def test_a_port_without_a_balance_costs_a_quarter_of_a_minute_at_most() -> None:
    clock = VirtualClock.running()
    began_mono_s = clock.mono_s()
    table = Bench()
    table.ends["/dev/modem"] = (None, Silent())
    assert await find(table.ends, clock, table.open) == []
    assert clock.mono_s() - began_mono_s < 17.0


async def test_another_balance_on_the_port_is_refused() -> None:
    async with bench("mt_sics") as (table, _):
        clock = VirtualClock.running()
        other = Found("/dev/b0", FACTORY_SICS, Identity(Make.MT_SICS, "OTHER1"))
        with pytest.raises(BalanceUnknown, match="is now MT-SICS B200000, not OTHER1"):
            await connect(other, clock, lambda _: None, table.open)
        table.ends["/dev/b0"] = (None, PortMissing("There is no serial port at /dev/b0."))
        with pytest.raises(BalanceLost, match="cannot be opened: There is no serial port"):
            await connect(other, clock, lambda _: None, table.open)


# --- what is weighed with ---


def weigher_of(table: Bench, path: str, resolution_ug: int, found: Found) -> PortWeigher:
    clock = VirtualClock.running()

    async def opened(live: object) -> Balance:
        return await connect(found, clock, live, table.open)  # type: ignore[arg-type]  # a callback

    return PortWeigher(opened, clock, resolution_ug, lambda _: None)


async def test_a_balance_of_another_maker_s_package_is_found_and_read() -> None:
    state = ScaleState(config=load_profile("mt-xs204"))
    state.set_weight(3.5412)
    table = Bench()
    table.ends["/dev/b0"] = (FACTORY_SICS, Emulated(state))
    found = await find_one(table.ends, VirtualClock.running(), table.open)
    assert found.identity == Identity(Make.MT_SICS, state.config.serial_number)
    weigher = weigher_of(table, "/dev/b0", 100, found)
    assert (await weigher.read()).mass_ug == 3_541_200
    shown = await weigher.watch(3)
    assert len(shown) > 10
    assert set(shown) == {3_541_200}
    weigher.close()


async def test_a_balance_that_was_lost_is_opened_again_at_the_next_question() -> None:
    async with bench("mt_sics") as (table, _):
        found = await find_one(table.ends, VirtualClock.running(), table.open)
        weigher = weigher_of(table, "/dev/b0", 100, found)
        first = await weigher.read()
        _, cable = table.ends["/dev/b0"]
        assert isinstance(cable, InProcessOpener)
        cable.hang_up("pulled")
        with pytest.raises(BalanceLost):
            await weigher.read()
        assert abs((await weigher.read()).mass_ug - first.mass_ug) < 500
        weigher.close()


async def test_a_display_with_fewer_digits_than_the_setup_says_is_refused() -> None:
    async with bench("mt_sics") as (table, _):
        found = await find_one(table.ends, VirtualClock.running(), table.open)
        weigher = weigher_of(table, "/dev/b0", 10, found)
        with pytest.raises(OtherBalance, match=r"steps of 0\.1 mg; the setup says 0\.01 mg"):
            await weigher.read()
        weigher.close()
