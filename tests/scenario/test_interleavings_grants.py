"""Grants and the death of their host: late ones, unsent ones, and ones that no disk remembers.

The contract: a lease ends in the pen's own time whatever still arrives, a ceiling leaves only when
it is durable, and books that know less than the pen stop it.
"""

import asyncio
import shutil
from pathlib import Path

import pytest

from controller.errors import MicropenError
from controller.pen.pen import Pen
from controller.service.program import PROGRAM
from controller.session.plan import Plan
from protocol.messages import Grant
from tests.scenario.conftest import Figure
from tests.support.bills import dosing, pen_for, stamping
from tests.support.delay_line import DelayLine
from tests.support.referee import Referee
from tests.support.theatre import Theatre
from tests.support.truth import Truth
from tests.support.virtual import advance

PLAN = dosing(6, 4)
REST_S = 0.35
"""Design section 5, C5 and C6: a lease of 200 ms from the last grant, and 150 ms to rest."""


def made(truth: Truth) -> int:
    """Punctures of the pen's whole life, by the oracle."""
    return sum(moved.punctures for moved in truth.segments().values())


def planned(plan: Plan) -> int:
    """Punctures of all zones."""
    return sum(zone.punctures for zone in plan.zones)


async def in_stroke(theatre: Theatre, number: int) -> None:
    """Return 10 ms into the stroke of that number."""
    oracle = theatre.stage.world.mechanism.oracle
    await theatre.until(lambda: oracle.in_stroke and made(theatre.stage.truth) >= number)
    await advance(0.01)


def is_grant(message: object) -> bool:
    return isinstance(message, Grant)


# --- a delay line full of grants after the host died ------------------------------------------


@pytest.mark.hazard("H02", "H08")
@pytest.mark.parametrize("plan", [PLAN, stamping(150, 60)], ids=["dosing", "running"])
@pytest.mark.parametrize("delay_ms", [40, 80, 120])
async def test_a_delay_line_full_of_grants_after_the_host_died(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figure: Figure, delay_ms: int, plan: Plan
) -> None:
    """The grants under way still arrive, and carry the lease no further than they say."""
    cadence_hz = 1_000_000 / plan.zones[0].stroke_period_us
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        line = DelayLine(theatre.stage, monkeypatch)
        line.delay_s = delay_ms / 1000
        await theatre.begin(plan)
        theatre.operate()
        await in_stroke(theatre, 3)
        before, died_s = made(theatre.stage.truth), theatre.clock.mono_s()
        await theatre.crash()
        rest_s = await theatre.rest(3.0)
        late = [at_s for at_s in line.delivered_s if at_s > died_s]
        assert len(late) >= delay_ms // 40, "grants were still on their way"
        assert rest_s <= REST_S
        after = made(theatre.stage.truth) - before
        assert after <= REST_S * cadence_hz
        line.delay_s = 0.0
        await theatre.start()
        await theatre.operate()
        referee = theatre.check()
    figure(f"{len(late)} grants after the death, rest after {rest_s:.3f} s, {after} punctures")
    assert "lapse" in referee.end_reasons
    assert referee.residuals == []
    assert made(theatre.stage.truth) == sum(arm.certain[0] for arm in referee.arms.values())
    # A running needle needs room to brake, so it may rest a few strokes below its last ceiling.
    left = planned(plan) - made(theatre.stage.truth)
    assert left == 0 if plan.dispenses else 0 <= left < 0.1 * planned(plan)
    assert referee.all("session_closed")[0]["outcome"] == "complete"


@pytest.mark.hazard("H02")
@pytest.mark.parametrize("host_dies", [True, False])
async def test_a_delay_line_full_of_grants_that_empties_into_the_next_arm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host_dies: bool
) -> None:
    """Old grants meet an open arm of another id: of another link too when the host was replaced."""
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        line = DelayLine(theatre.stage, monkeypatch)
        await theatre.begin(PLAN)
        work = theatre.operate()
        await in_stroke(theatre, 2)
        line.holds = is_grant
        await theatre.until(lambda: len(line.held) >= 30 or theatre.armed_id == 0)
        old_arm = line.of(Grant)[-1].arm_id
        if host_dies:
            await theatre.crash()
            await theatre.start()
            work = theatre.operate()
        line.holds = lambda message: isinstance(message, Grant) and message.arm_id == old_arm
        await theatre.until(lambda: theatre.armed_id > old_arm)
        await in_stroke(theatre, made(theatre.stage.truth) + 1)
        ceiling = line.of(Grant)[-1].puncture_ceiling
        assert line.release() >= 5
        await advance(0.05)
        assert made(theatre.stage.truth) <= ceiling
        await work
        referee = theatre.check()
    assert "lapse" in referee.end_reasons
    assert referee.residuals == []
    assert made(theatre.stage.truth) == 10
    assert referee.all("session_closed")[0]["outcome"] == "complete"


@pytest.mark.hazard("H02")
async def test_a_line_later_than_the_lease_moves_nothing_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each grant arrives 300 ms late: refused as past, so the arm ends without a stroke."""
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        line = DelayLine(theatre.stage, monkeypatch)
        await theatre.begin(PLAN)
        line.delay_s = 0.3
        await theatre.acts.prime(PROGRAM)
        await theatre.until(lambda: theatre.armed_id == 0)
        await theatre.rest(2.0)
        assert theatre.stage.truth.so_far().forward_steps == 0
        referee = theatre.check()
    assert len(line.of(Grant)) > 20
    assert referee.end_reasons == ["no_grant"]
    assert "lease_lapsed" in referee.alarms


# --- grant committed but not sent, sent but not committed ---------------------------------------


@pytest.mark.hazard("H08")
async def test_a_grant_committed_but_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the commit of a raised ceiling and its first byte: the books say more."""
    highest, unsent = 0, asyncio.Event()
    grant = Pen.grant

    def until_it_rises(pen: Pen, arm_id: int, punctures: int, steps: int, acked: int) -> bool:
        nonlocal highest
        if unsent.is_set() or (theatre.stage.truth.so_far().punctures >= 3 and punctures > highest):
            unsent.set()
            return False
        highest = punctures
        return grant(pen, arm_id, punctures, steps, acked)

    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await theatre.begin(PLAN)
        theatre.operate()
        with monkeypatch.context() as patched:
            patched.setattr(Pen, "grant", until_it_rises)
            await unsent.wait()
            await theatre.crash()
        (arm,) = theatre.referee().open_arms
        assert arm.opened["first"]["punctures"] + arm.possible[0] == highest + 1
        assert await theatre.rest(2.0) <= REST_S
        assert theatre.stage.truth.so_far().punctures < arm.possible[0]
        await theatre.start()
        await theatre.operate()
        referee = theatre.check()
    closed = referee.arms[arm.name]
    assert closed.certain == closed.possible
    assert closed.possible[0] < arm.possible[0]
    assert made(theatre.stage.truth) == 10
    assert referee.all("session_closed")[0]["outcome"] == "complete"


@pytest.mark.hazard("H08")
@pytest.mark.parametrize("seed", range(6))
async def test_no_grant_is_ever_sent_but_not_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """A slow disk and a crash in the middle of a commit, lost or not: the disk knew every grant."""
    raised: dict[int, int] = {}

    def is_durable(message: object) -> None:
        if isinstance(message, Grant) and message.puncture_ceiling > raised.get(message.arm_id, -1):
            raised[message.arm_id] = message.puncture_ceiling
            (arm,) = Referee(theatre.folder).open_arms
            ceiling = arm.opened["first"]["punctures"] + arm.punctures_ahead
            assert message.puncture_ceiling <= ceiling, f"sent {message}, committed {ceiling}"

    slow = Theatre(tmp_path / "j", pen_for(PLAN), seed=seed, disk_s=(0.1, 0.4))
    async with slow as theatre:
        line = DelayLine(theatre.stage, monkeypatch)
        line.on_write = is_durable
        await theatre.begin(PLAN)
        theatre.operate()
        await in_stroke(theatre, 3)
        await advance(0.15)  # the commit of the second dose is on its way to the disk
        await theatre.crash()
        assert await theatre.rest(2.0) <= REST_S
        await theatre.start()
        await theatre.operate()
        theatre.check()
    assert len(raised) >= 3
    assert made(theatre.stage.truth) == 10


@pytest.mark.hazard("H04", "H18")
async def test_a_grant_sent_but_not_committed_because_the_disk_forgot_it(tmp_path: Path) -> None:
    """A disk that loses commits it has confirmed: the pen did more than the books ever allowed."""
    folder, backup = tmp_path / "j", tmp_path / "backup"
    async with Theatre(folder, pen_for(PLAN)) as theatre:
        await theatre.begin(PLAN)
        theatre.operate()
        await in_stroke(theatre, 1)
        shutil.copytree(folder, backup)
        await in_stroke(theatre, 5)
        await theatre.crash()
        await theatre.rest(1.0)
        shutil.rmtree(folder)
        shutil.copytree(backup, folder)
        before = theatre.stage.truth.so_far()
        await theatre.start()
        with pytest.raises(MicropenError):
            await theatre.operate()
        await theatre.rest(5.0)
        assert theatre.stage.truth.so_far().counted == before.counted
        referee = theatre.referee()
    arm = next(iter(reversed(referee.arms.values())))
    assert arm.certain == (before.punctures, before.forward_steps), "booked as it was, not clamped"
    assert "books_contradict_pen" in referee.alarms
    assert referee.all("session_closed") == []
