"""The pen in another room in between, and a second handshake while the needle runs.

What another host did is nobody's here; what this host opened is closed by the pen's own record,
for as long as the pen keeps it (SPEC section 7: 16 arms, and the last arm of each of 8 hosts).
"""

from pathlib import Path

import pytest

from controller.errors import MicropenError
from controller.record.events import Actor
from controller.service.program import PROGRAM
from controller.session.states import State
from protocol.codec import encode_payload
from protocol.framing import Frame, encode_frame
from protocol.messages import Hello
from simulator.ports import Chip
from tests.scenario.conftest import Figure
from tests.support.bills import dosing, pen_for, stamping
from tests.support.delay_line import DelayLine
from tests.support.theatre import Theatre
from tests.support.virtual import advance

PLAN = dosing(6, 4)
BURST = stamping(150, 60)
TECHNICIAN = Actor(name="Tech", role="technician")
FRESH = Chip(0xFEED, 1, 1, 1_000, used=False)
BRAKE_S = 0.15
"""SPEC 11.1: lapse, and so every other end of an arm, to rest."""


async def interrupted_in_a_dose(here: Theatre) -> str:
    """The cable is pulled in the third dose; the name of the arm that stays open."""
    await here.begin(PLAN)
    work = here.operate()
    oracle = here.stage.world.mechanism.oracle
    await here.until(lambda: oracle.in_stroke and here.stage.truth.so_far().punctures >= 3)
    await advance(0.02)
    work.cancel()
    here.unplug()
    await here.rest(1.0)
    (arm,) = here.check(still_open=1).open_arms
    here.stage.truth.begin("elsewhere")
    return arm.name


async def goes_on_here(here: Theatre, ours: Chip | None) -> None:
    """The pen is back with its own cartridge; the session comes to its end."""
    here.stage.fit_cartridge(ours)
    here.replug()
    await here.operate()


# --- pen used in another room in between ----------------------------------------------------------


@pytest.mark.hazard("H12", "H37")
async def test_pen_used_in_another_room_in_between_with_an_arm_open_here(tmp_path: Path) -> None:
    """Ours closes exactly, from its own record; theirs is foreign, and nobody gets it twice."""
    async with Theatre(tmp_path / "here", pen_for(PLAN)) as here:
        name = await interrupted_in_a_dose(here)
        ours = here.stage.fit_cartridge(FRESH)
        async with Theatre(tmp_path / "there", here.stage, seed=5) as there:
            await there.play(dosing(3, 2, patient="p-2"))
            there.check()
        await goes_on_here(here, ours)
        referee = here.check()
        segments = here.stage.truth.segments()
    arm = referee.arms[name]
    assert arm.certain == arm.possible == (segments[name].punctures, segments[name].forward_steps)
    assert sum(each.certain[0] for each in referee.arms.values()) == 10
    (foreign,) = referee.all("foreign_movement")
    moved = foreign["after"]["punctures"] - foreign["before"]["punctures"]
    assert moved == 5
    assert "foreign_movement" in referee.alarms
    assert referee.all("session_closed")[0]["outcome"] == "complete"


@pytest.mark.hazard("H10", "H37")
async def test_pen_used_in_another_room_in_between_for_more_arms_than_it_keeps(
    tmp_path: Path,
) -> None:
    """Sixteen newer records push ours out of the list, not out of the table of hosts."""
    async with Theatre(tmp_path / "here", pen_for(PLAN)) as here:
        name = await interrupted_in_a_dose(here)
        async with Theatre(tmp_path / "there", here.stage, seed=5) as there:
            await there.until(lambda: there.engine.reconciled)
            pen = there.engine.pen
            assert pen is not None
            for arm_id in range(10, 30):
                await pen.disarm(arm_id)
        here.replug()
        await here.operate()
        referee = here.check()
    assert referee.arms[name].certain == referee.arms[name].possible
    assert min(arm.opened["arm_id"] for arm in list(referee.arms.values())[2:]) >= 30
    assert "foreign_movement" not in referee.alarms, "ids were spent, nothing moved"
    assert referee.all("session_closed")[0]["outcome"] == "complete"


@pytest.mark.hazard("H10", "H37")
async def test_pen_used_in_another_room_in_between_by_more_hosts_than_it_keeps(
    tmp_path: Path,
) -> None:
    """Nine other hosts with three arms each: our record is gone. Open until it is sealed."""
    async with Theatre(tmp_path / "here", pen_for(PLAN)) as here:
        name = await interrupted_in_a_dose(here)
        ours = here.stage.fit_cartridge(FRESH)
        for number in range(9):
            here.stage.fit_cartridge(Chip(0xFEED + number, 1, 1, 1_000, used=False))
            async with Theatre(tmp_path / f"there {number}", here.stage, seed=number + 5) as there:
                await there.play(dosing(1, 1, patient="p-2"))
        here.stage.fit_cartridge(ours)
        here.replug()
        await here.until(lambda: here.engine.state is State.BLOCKED)
        before = here.stage.truth.so_far().counted
        with pytest.raises(MicropenError):
            await here.acts.treat(PROGRAM)
        await here.rest(3.0)
        assert here.stage.truth.so_far().counted == before
        (arm,) = here.referee().open_arms
        assert arm.name == name
        await here.acts.seal(arm.opened["arm_id"], TECHNICIAN, "the pen keeps no record of it")
        referee = here.check()
    assert referee.arms[name].possible == arm.possible
    assert "books_contradict_pen" in referee.alarms


# --- second handshake during a burst --------------------------------------------------------------


@pytest.mark.hazard("H37")
@pytest.mark.parametrize("seed", range(3))
async def test_second_handshake_during_a_burst(tmp_path: Path, seed: int, figure: Figure) -> None:
    """A running needle at 110 Hz and another host's HELLO: at rest in time, each stroke counted."""
    async with Theatre(tmp_path / "here", pen_for(BURST), seed=seed) as here:
        await here.begin(BURST)
        work = here.operate()
        await here.until(lambda: here.stage.truth.so_far().punctures >= 40 + 7 * seed)
        name = here.stage.truth.present
        async with Theatre(tmp_path / "there", here.stage, seed=seed + 5) as there:
            rest_s = await there.rest(1.0)  # from before its HELLO: its start has a commit to make
            assert rest_s <= 0.05 + BRAKE_S
            assert there.engine.pen is not None
            made = here.stage.truth.segments()[name].punctures
        await work
        referee = here.check()
    arm = referee.arms[name]
    assert arm.closed is not None
    assert arm.closed["end_reason"] == "new_link"
    assert arm.certain == arm.possible == (made, 0)
    assert "foreign_movement" not in referee.alarms
    assert referee.all("session_closed")[0]["outcome"] == "complete"
    figure(f"at rest {rest_s:.3f} s after the other host's start; {made} strokes")


async def unplugged_for(here: Theatre, seconds: float) -> None:
    here.unplug()
    await advance(seconds)
    here.replug()


def say_hello(here: Theatre, hello: Hello) -> None:
    """A HELLO arrives at the pen from nowhere."""
    frame = Frame(Hello.KIND, 0, 0, encode_payload(hello))
    here.stage.driver.host_sends(encode_frame(frame))


@pytest.mark.hazard("H37")
@pytest.mark.parametrize("which", ["the same again", "one that was replaced"])
async def test_second_handshake_during_a_burst_that_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    """Copies of HELLO that lingered: the burst goes on under the same arm."""
    async with Theatre(tmp_path / "j", pen_for(BURST)) as here:
        line = DelayLine(here.stage, monkeypatch)
        await here.begin(BURST)
        await unplugged_for(here, 0.1)
        await here.until(lambda: here.engine.reconciled)
        first = line.of(Hello)[0]
        await unplugged_for(here, 0.1)
        await here.until(lambda: here.engine.reconciled and line.of(Hello)[-1] != first)
        hello = line.of(Hello)[-1] if which == "the same again" else first
        assert (hello.nonce == first.nonce) == (which != "the same again")
        work = here.operate()
        for _ in range(5):
            await here.until(lambda: here.stage.moves)
            await advance(0.05)
            say_hello(here, hello)
            await advance(0.05)
        await work
        referee = here.check()
    assert referee.end_reasons == ["disarmed"] * 2
    assert referee.all("session_closed")[0]["outcome"] == "complete"


@pytest.mark.hazard("H37")
async def test_second_handshake_during_a_burst_of_a_host_that_nobody_hears_again(
    tmp_path: Path,
) -> None:
    """A nonce that the pen never saw: costs the arm, no stroke is lost or given twice (SPEC 10)."""
    async with Theatre(tmp_path / "j", pen_for(BURST)) as here:
        await here.begin(BURST)
        work = here.operate()
        await here.until(lambda: here.stage.truth.so_far().punctures >= 50)
        name, greeted_s = here.stage.truth.present, here.clock.mono_s()
        say_hello(here, Hello(0xABCD_0000_1234, 99))
        assert await here.rest(0.5) <= BRAKE_S
        made = here.stage.truth.so_far().punctures
        await here.until(lambda: here.engine.pen is None)
        assert here.clock.mono_s() - greeted_s <= 1.2, "no status of ours for a second"
        await work
        referee = here.check()
    assert referee.arms[name].certain == referee.arms[name].possible == (made, 0)
    assert "new_link" in referee.end_reasons
    assert referee.all("session_closed")[0]["outcome"] == "complete"
