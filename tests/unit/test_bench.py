"""The simulated bench: balance and pen on two ports that share the drop; the dial indicator."""

import sys
from pathlib import Path
from random import Random

import pytest

from controller.calibration.balance import Parser, Reading, mt_sics
from simulator.attach import InProcessOpener
from simulator.balance import shown_ug_per_nl
from simulator.bench import BalanceDriver
from simulator.depth_axis import DepthAxis, DepthSettings
from simulator.driver import Driver
from simulator.indicator import IndicatorSettings, indicated_um
from simulator.scenario import Scenario, ScenarioError, parse
from simulator.world import World
from tests.support.processes import started, until
from tests.support.virtual import advance


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[balance]\ncolour = 1", "balance"),
        ("[balance]\nspeaks = 'radwag'", "balance.speaks"),
        ("[balance]\nresolution_ug = 0", "balance.resolution_ug"),
        ("[balance]\nserial = 'a b'", "balance.serial"),
        ("[indicator]\nresolution_um = 0", "indicator.resolution_um"),
    ],
)
def test_settings_are_strict(text: str, key: str) -> None:
    with pytest.raises(ScenarioError, match=key.replace(".", r"\.")):
        parse(text, "bench.toml")


async def test_pen_and_balance_share_the_drop_in_virtual_time() -> None:
    scenario = parse("[balance]\nnoise_ug = 0.0\nevaporation_ug_h = 0.0", "x")
    pen = Driver(World(scenario))
    bench = BalanceDriver(pen)
    port = await InProcessOpener(bench).open()
    heard = bytearray()
    port.start(heard.extend, lambda _reason: None)
    await advance(2.0)
    pen.world.mechanism.pump(pen.now_us(), 10_000, 2_000)
    await advance(15.0)
    port.write(b"SI\r\n")
    await advance(0.05)
    fluid_nl = pen.world.mechanism.oracle.totals.surface_nl
    assert fluid_nl > 10_000
    (reading,) = Parser(mt_sics.read_line).feed(bytes(heard))
    assert isinstance(reading, Reading)
    expected_ug = 3_500_000 + fluid_nl * shown_ug_per_nl(scenario.balance)
    assert reading.mass_ug == pytest.approx(expected_ug, abs=100)
    port.close()
    bench.stop()
    pen.stop()


async def test_a_stopped_balance_sets_no_timer() -> None:
    pen = Driver(World(Scenario()))
    bench = BalanceDriver(pen)
    bench.stop()
    bench.host_sends(b"SI\r\n")
    bench.run()
    await advance(1.0)
    assert bench.talk.take_output(bench.now_us()) == b""
    pen.stop()


@pytest.mark.real_time("ptys of another process do not know virtual time")
async def test_the_process_shows_two_ports_and_takes_both_away(tmp_path: Path) -> None:
    pen, balance = tmp_path / "pen", tmp_path / "balance"
    line = ("-m", "simulator", "--pty", str(pen), "--balance-pty", str(balance))
    async with started(sys.executable, *line, ready=bytes(pen)) as child:
        assert pen.is_symlink()
        with balance.open("r+b", buffering=0) as port:
            port.write(b"I4\r\n")
            assert port.read(64) == b'I4 A "B200000001"\r\n'
        child.terminate()
        await until(lambda: not balance.is_symlink() and not pen.is_symlink(), 10.0)


def test_the_indicator_reads_the_truth_with_its_own_error() -> None:
    axis = DepthAxis(DepthSettings(offset_um=30), Random(1))
    axis.move(0, 1_500)
    axis.sensor_reads_um = 900
    exact = IndicatorSettings(error_um=0.0, repeat_um=0.0)
    assert indicated_um(axis, exact, Random(1)) == 1_530
    coarse = IndicatorSettings(resolution_um=10, error_um=127.0, repeat_um=0.0, zero_um=2.0)
    assert indicated_um(axis, coarse, Random(1)) == 1_550
    rng = Random(2)
    many = {indicated_um(axis, IndicatorSettings(repeat_um=3.0), rng) for _ in range(50)}
    assert len(many) > 5
