"""Our MT-SICS parser against somebody else's balance: the emulator of an independent package."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from mtsics.core.state import ScaleState
from mtsics.profiles import list_profiles, load
from mtsics.protocol.engine import MTSICSEngine
from mtsics.transport.tcp import TCPConfig, TCPTransport

from controller.calibration.balance import (
    QUESTIONS,
    Answer,
    Discard,
    Heard,
    Identity,
    Make,
    Parser,
    Reading,
    Why,
    identify,
    mt_sics,
)


def analytical() -> tuple[ScaleState, MTSICSEngine]:
    """A balance of 220 g that shows 0.1 mg."""
    state = ScaleState(config=load("mt-xs204"))
    return state, MTSICSEngine(state)


def ask(engine: MTSICSEngine, command: bytes) -> Heard:
    (heard,) = Parser(mt_sics.read_line).feed(engine.handle(command.decode()).encode())
    return heard


@pytest.mark.parametrize("mass_100ug", [0, 1, 7, 12_345, 400, 999_999, 2_199_999, 2_200_000])
def test_every_mass_is_read_as_it_was_put_on(mass_100ug: int) -> None:
    state, engine = analytical()
    for stable in (True, False):
        state.set_weight(mass_100ug / 10_000, stable=stable)
        expected = Reading(mass_100ug * 100, 100, stable)
        assert ask(engine, mt_sics.ASK_NOW) == expected
        assert ask(engine, mt_sics.ASK_STABLE) == expected


def test_overload_underload_and_refusals_are_told_apart() -> None:
    state, engine = analytical()
    state.set_weight(220.1)
    assert ask(engine, mt_sics.ASK_STABLE) == Discard(Why.OVERLOAD, b"S +")
    state.set_weight(-1.0)
    assert ask(engine, mt_sics.ASK_STABLE) == Discard(Why.UNDERLOAD, b"S -")
    state.set_weight(1.0, stable=False)
    assert ask(engine, mt_sics.TARE) == Discard(Why.BUSY, b"T I")
    assert ask(engine, b"XYZ\r\n") == Discard(Why.ERROR, b"ES")


def test_taring_and_zeroing_are_answers() -> None:
    state, engine = analytical()
    state.set_weight(1.5)
    assert ask(engine, mt_sics.TARE) == Answer("T", ("1.5000", "g"))
    assert ask(engine, mt_sics.ASK_STABLE) == Reading(0, 100, stable=True)
    assert ask(engine, mt_sics.ZERO) == Answer("Z")


def test_only_balances_of_grams_are_read() -> None:
    units = set()
    for profile in list_profiles():
        config = load(profile)
        heard = ask(MTSICSEngine(ScaleState(config=config)), mt_sics.ASK_NOW)
        units.add(config.unit)
        if config.unit == "g":
            assert isinstance(heard, Reading)
        else:
            assert isinstance(heard, Discard)
            assert heard.why is Why.UNIT
    assert units == {"g", "kg"}


@asynccontextmanager
async def served(
    state: ScaleState,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """The emulator on a port of loopback, and a connection to it."""
    transport = TCPTransport(MTSICSEngine(state), cfg=TCPConfig(host="127.0.0.1", port=0))
    host, port = await transport.start()
    reader, writer = await asyncio.open_connection(host, port)
    try:
        yield reader, writer
    finally:
        writer.close()
        await writer.wait_closed()
        await reader.read()
        await transport.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)


@pytest.mark.real_time("the emulator listens on a socket")
async def test_a_balance_on_a_line_is_detected_and_read() -> None:
    state, _ = analytical()
    state.set_weight(0.04)
    async with served(state) as (reader, writer):
        mt, sbi = QUESTIONS
        writer.write(mt.ask)
        answer = await reader.readuntil(b"\n")
        assert identify(mt, answer) == Identity(Make.MT_SICS, state.config.serial_number)
        writer.write(sbi.ask)
        assert identify(sbi, await reader.readuntil(b"\n")) is None
        writer.write(mt_sics.ASK_STABLE)
        heard = Parser(mt_sics.read_line).feed(await reader.readuntil(b"\n"))
    assert heard == [Reading(40_000, 100, stable=True)]
