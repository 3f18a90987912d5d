"""Noise on a balance's line costs time or ends in a numbered error; it never makes a mass."""

import asyncio
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.calibration.balance.reader import Balance
from controller.calibration.errors import BalanceTrouble
from simulator.attach import InProcessOpener, InProcessPort
from simulator.bench import BalanceDriver
from simulator.driver import Driver
from simulator.scenario import parse
from simulator.world import World
from tests.support.virtual import VirtualClock, advance, run_virtual


class NoisyPort:
    """A port on whose line each byte may change, vanish, or be joined by another, both ways."""

    def __init__(self, port: InProcessPort, rng: Random, share: float) -> None:
        self._port = port
        self._rng = rng
        self.share = share

    def start(self, on_bytes: Callable[[bytes], None], on_lost: Callable[[str], None]) -> None:
        self._port.start(lambda data: on_bytes(self._spoil(data)), on_lost)

    def write(self, data: bytes) -> None:
        self._port.write(self._spoil(data))

    def close(self) -> None:
        self._port.close()

    def _spoil(self, data: bytes) -> bytes:
        rng, out = self._rng, bytearray()
        for byte in data:
            if rng.random() >= self.share:
                out.append(byte)
                continue
            kind = rng.randrange(4)
            if kind == 0:
                out += bytes((byte, rng.randrange(256)))
            elif kind == 1:
                out.append(byte ^ 1 << rng.randrange(8))
            elif kind == 2:
                out.append(rng.choice(b"0123456789.- gmS\r\n"))
        return bytes(out)


async def _weigh(seed: int, share: float, mass_ug: int, speaks: str) -> tuple[int | None, float]:
    """What was read of a still weight, None for a numbered error; and how long it took."""
    text = f"[balance]\nspeaks = '{speaks}'\nnoise_ug = 0.0\nevaporation_ug_h = 0.0\nvessel_ug = 0"
    pen = Driver(World(parse(text + "\nwater_ug = 0", "noise")))
    sim, clock = BalanceDriver(pen), VirtualClock.running()
    sim.balance.weights_ug = mass_ug
    port = NoisyPort(await InProcessOpener(sim).open(), Random(seed), 0.0)
    reader = Balance(port, clock)
    await advance(20.0)
    await reader.identify()
    port.share, began_s = share, clock.mono_s()
    try:
        read: int | None = (await reader.stable_reading(began_s + 30.0)).mass_ug
    except BalanceTrouble:
        read = None
    reader.close()
    sim.stop()
    pen.stop()
    await asyncio.sleep(0)
    return read, clock.mono_s() - began_s


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    share=st.sampled_from([0.001, 0.01, 0.03]),
    mass_100ug=st.integers(-30_000, 2_000_000),
    speaks=st.sampled_from(["mt_sics", "sbi"]),
)
def test_no_noise_makes_a_wrong_mass(seed: int, share: float, mass_100ug: int, speaks: str) -> None:
    read, took_s = run_virtual(_weigh(seed, share, mass_100ug * 100, speaks))
    assert read is None or abs(read - mass_100ug * 100) <= 200
    assert took_s <= 31.5


@pytest.mark.parametrize("speaks", ["mt_sics", "sbi"])
def test_a_little_noise_only_delays(speaks: str) -> None:
    took = []
    for seed in range(10):
        read, took_s = run_virtual(_weigh(seed, 0.01, 12_345_600, speaks))
        assert read == pytest.approx(12_345_600, abs=200) or read is None
        took.append(took_s)
    assert max(took) > min(took)
