"""Cable pulled, pen reset, process killed: 200 times each at random moments, in virtual time.

After each session the journal is judged against the oracle; every session comes to its end.
"""

from pathlib import Path

import pytest

from protocol.limits import LEASE_HOST_MAX_US
from simulator.line import LineSettings, WireSettings
from tests.scenario.conftest import Figure, wanted
from tests.support import mishaps
from tests.support.bills import dosing, pen_for, stamping, usb
from tests.support.mishaps import Mishap, Tally

A_SESSION = 8
REST_S = LEASE_HOST_MAX_US / 1_000_000 + 0.15
"""Design section 5, C5 and C6: the lease ends at most 200 ms after the last grant, and the pen
rests within 150 ms of that."""


BAD = WireSettings(
    baud=115_200,
    latency_us=1_000,
    latency_jitter_us=15_000,
    lose_frame=0.2,
    duplicate_frame=0.2,
    reorder_frame=0.05,
    flip_byte=0.001,
    delay_frame=0.02,
    delay_us=2_500_000,
    byte_at_a_time=True,
)


async def sessions_with(
    folder: Path, mishap: Mishap, count: int, first_seed: int, line: LineSettings | None = None
) -> Tally:
    """Sessions, three of four dosing, until the mishap has struck `count` times."""
    tally = Tally()
    while tally.mishaps < count:
        seed = first_seed + tally.sessions
        plan = stamping() if tally.sessions % 4 == 3 else dosing(6, 4)
        most = min(A_SESSION, count - tally.mishaps)
        pen = pen_for(plan, line=line or usb())
        await mishaps.disturbed(folder / str(seed), plan, pen, mishap, seed, tally, most)
    assert tally.mishaps == count
    assert tally.looks > count
    return tally


@pytest.mark.hazard("H10")
async def test_cable_pulled_at_random_moments(tmp_path: Path, figure: Figure) -> None:
    tally = await sessions_with(
        tmp_path, mishaps.pull_cable, wanted("MICROPEN_UNPLUGS", 200), 10_000
    )
    assert max(tally.rests_s) <= REST_S
    assert tally.residuals == 0
    figure(str(tally))


@pytest.mark.hazard("H13")
async def test_pen_reset_at_random_moments(tmp_path: Path, figure: Figure) -> None:
    count = wanted("MICROPEN_RESETS", 200)
    tally = await sessions_with(tmp_path, mishaps.reset_pen, count, 20_000)
    assert tally.residuals >= count // 100  # some moments were in mid-stroke
    figure(str(tally))


@pytest.mark.hazard("H08")
async def test_process_killed_at_random_moments(tmp_path: Path, figure: Figure) -> None:
    tally = await sessions_with(tmp_path, mishaps.kill, wanted("MICROPEN_CRASHES", 200), 30_000)
    assert max(tally.rests_s) <= REST_S
    assert tally.residuals == 0
    figure(str(tally))


@pytest.mark.hazard("H08")
async def test_service_restarted_at_random_moments(tmp_path: Path, figure: Figure) -> None:
    tally = await sessions_with(tmp_path, mishaps.restart, wanted("MICROPEN_RESTARTS", 100), 50_000)
    assert max(tally.strokes_after) == 0
    assert tally.residuals == 0
    figure(str(tally))


@pytest.mark.hazard("H12")
async def test_anything_at_any_moment_on_a_bad_line(tmp_path: Path, figure: Figure) -> None:
    """Cable, power, SIGKILL, STOP, also two at once, on slow disks and a line that loses 20 %."""
    count = wanted("MICROPEN_ANYTHING", 100)
    line = LineSettings(to_pen=BAD, to_host=BAD)
    figure(str(await sessions_with(tmp_path, mishaps.anything, count, 60_000, line)))
