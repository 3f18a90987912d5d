"""Sessions that are disturbed at random moments, again and again, until they are complete."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from controller.session.plan import Plan
from simulator.scenario import Scenario
from tests.support.referee import Referee
from tests.support.theatre import Theatre
from tests.support.virtual import advance

PATIENCE_S = 600.0
"""Virtual seconds after which a disturbed session must have come to its end."""


@dataclass
class Tally:
    """What many disturbed sessions came to."""

    mishaps: int = 0
    sessions: int = 0
    residuals: int = 0
    looks: int = 0
    rests_s: list[float] = field(default_factory=list)
    strokes_after: list[int] = field(default_factory=list)
    end_reasons: dict[str, int] = field(default_factory=dict)

    def add(self, theatre: Theatre, referee: Referee) -> None:
        self.sessions += 1
        self.looks += theatre.ceilings.looks
        self.residuals += len(referee.residuals)
        for reason in referee.end_reasons:
            self.end_reasons[reason] = self.end_reasons.get(reason, 0) + 1

    def __str__(self) -> str:
        return (
            f"{self.mishaps} mishaps in {self.sessions} sessions, {self.looks} looks at ceilings; "
            f"at rest after at most {max(self.rests_s, default=0):.3f} s, at most "
            f"{max(self.strokes_after, default=0)} punctures begun; {self.residuals} residuals; "
            f"ends {self.end_reasons}"
        )


Mishap = Callable[[Theatre, Random, Tally], Awaitable[None]]


async def pull_cable(theatre: Theatre, rng: Random, tally: Tally) -> None:
    """Out for 10 ms to 3 s."""
    theatre.unplug()
    await _alone(theatre, rng, tally)
    theatre.replug()


async def reset_pen(theatre: Theatre, rng: Random, tally: Tally) -> None:
    """The pen loses its power for a moment, anywhere in a stroke."""
    theatre.reset_pen()


async def kill(theatre: Theatre, rng: Random, tally: Tally) -> None:
    """SIGKILL, and a new process after 10 ms to 3 s."""
    await theatre.crash()
    await _alone(theatre, rng, tally)
    await theatre.start()


async def restart(theatre: Theatre, rng: Random, tally: Tally) -> None:
    """The service is told to stop, and started again: nothing may stay open behind it."""
    linked = theatre.engine.reconciled
    theatre_work = [task for task in asyncio.all_tasks() if task.get_name() == "operator"]
    for task in theatre_work:
        task.cancel()
    await theatre.stop()
    assert not linked or theatre.referee().open_arms == []
    await _alone(theatre, rng, tally)
    await theatre.start()


async def press_now(theatre: Theatre, rng: Random, tally: Tally) -> None:
    """STOP at any time, also without a pen; nobody looks at what comes of it."""
    theatre.engine.stop("a mishap")


async def press_stop(theatre: Theatre, rng: Random, tally: Tally) -> None:
    """STOP, from wherever; the pen must be at rest at once."""
    theatre.engine.stop("a mishap")
    tally.rests_s.append(await theatre.rest(0.15))


async def anything(theatre: Theatre, rng: Random, tally: Tally) -> None:
    """One of all mishaps, two of them at once now and then, and another disk from now on."""
    theatre.disk_s = rng.choice([(0.001, 0.02), (0.02, 0.08), (0.1, 0.3)])
    await rng.choice(_ALL)(theatre, rng, tally)
    if rng.random() < 0.3:
        await advance(rng.uniform(0.0, 0.4))
        await rng.choice(_ALL)(theatre, rng, tally)


async def tug(theatre: Theatre, rng: Random, tally: Tally) -> None:
    """Out and in again before anybody could look."""
    theatre.unplug()
    theatre.replug()


_ALL = (pull_cable, reset_pen, kill, press_now, tug)


async def _alone(theatre: Theatre, rng: Random, tally: Tally) -> None:
    before = theatre.stage.truth.so_far().punctures
    if rng.random() < 0.3:
        await advance(rng.uniform(0.01, 0.3))
        return
    tally.rests_s.append(await theatre.rest(rng.uniform(0.5, 2.0)))
    tally.strokes_after.append(theatre.stage.truth.so_far().punctures - before)


async def _some_moment(theatre: Theatre, rng: Random, work: "asyncio.Task[None]") -> None:
    """Any moment; three times out of four one at which an arm is under way or just over."""
    if rng.random() < 0.75:
        running = theatre.engine.changes.until(lambda: theatre.engine.drive is not None)
        waiting = asyncio.create_task(running)
        await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
    await asyncio.wait({work}, timeout=rng.uniform(0.0, 1.2))


async def disturbed(
    folder: Path, plan: Plan, scenario: Scenario, mishap: Mishap, seed: int, tally: Tally, most: int
) -> Referee:
    """One session with up to `most` mishaps at random moments; checked and complete at its end."""
    rng = Random(f"mishaps {seed}")
    async with Theatre(folder, scenario, seed=seed) as theatre:
        await theatre.begin(plan)
        work = theatre.operate()
        for _ in range(most):
            await _some_moment(theatre, rng, work)
            if work.done():
                break
            tally.mishaps += 1
            await mishap(theatre, rng, tally)
            if work.done() and work.cancelled():
                work = theatre.operate()
        await asyncio.wait_for(work, PATIENCE_S)
        referee = theatre.check()
        tally.add(theatre, referee)
    assert [closed["outcome"] for closed in referee.all("session_closed")] == ["complete"]
    return referee
