"""The cable is pulled between any two bytes of a session, in either direction."""

import asyncio
import os
from pathlib import Path
from random import Random

import pytest

from simulator.world import World
from tests.scenario.conftest import Figure
from tests.support.bills import dosing, pen_for
from tests.support.theatre import Theatre
from tests.support.virtual import advance

CUTS = int(os.environ.get("BYTE_CUTS", "10"))
"""Boundaries a direction, drawn evenly over the session; 0 = every single one, half an hour."""
LEASE_AND_BRAKE_S = 0.25 + 0.15
OUT_S = 0.7
PLAN = dosing(3, 2)


class Shears:
    """Lets `at` bytes of one direction through, then pulls the cable, once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, to_pen: bool, at: int | None) -> None:
        self.passed = 0
        self.at = at
        self.fell = asyncio.Event()
        sends, takes = World.host_sends, World.take_for_host

        def host_sends(world: World, data: bytes, now_us: int) -> int | None:
            return sends(world, self._cut(data), now_us)

        def take_for_host(world: World, now_us: int) -> list[bytes]:
            return [part for piece in takes(world, now_us) if (part := self._cut(piece))]

        if to_pen:
            monkeypatch.setattr(World, "host_sends", host_sends)
        else:
            monkeypatch.setattr(World, "take_for_host", take_for_host)

    def _cut(self, data: bytes) -> bytes:
        if self.at is not None and not self.fell.is_set() and self.passed + len(data) > self.at:
            data = data[: self.at - self.passed]
            self.fell.set()
        self.passed += len(data)
        return data


async def played(theatre: Theatre, shears: Shears) -> float:
    """A session whose cable is pulled at the shears' byte; how long the pen still moved."""
    work = asyncio.ensure_future(theatre.play(PLAN))
    falling = asyncio.ensure_future(shears.fell.wait())
    await asyncio.wait({work, falling}, return_when=asyncio.FIRST_COMPLETED)
    falling.cancel()
    moved_s = 0.0
    if shears.fell.is_set():
        theatre.unplug()
        moved_s = await theatre.rest(OUT_S)
        theatre.replug()
    await work
    return moved_s


@pytest.mark.hazard("H10", "H11")
@pytest.mark.parametrize("to_pen", [True, False], ids=["to_pen", "to_host"])
async def test_the_cable_is_pulled_between_any_two_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figure: Figure, to_pen: bool
) -> None:
    with monkeypatch.context() as patch:
        shears = Shears(patch, to_pen, None)
        async with Theatre(tmp_path / "whole", pen_for(PLAN)) as theatre:
            await theatre.play(PLAN)
        total = shears.passed
    rng = Random(f"cuts {to_pen}")
    share = total // (CUTS or total)
    slowest_s, cuts = 0.0, range(0, total, share)
    for number, low in enumerate(cuts):
        with monkeypatch.context() as patch:
            shears = Shears(patch, to_pen, low + rng.randrange(share))
            async with Theatre(tmp_path / f"j{number}", pen_for(PLAN)) as theatre:
                slowest_s = max(slowest_s, await played(theatre, shears))
                await advance(0.1)
                referee = theatre.check()
        assert [each["outcome"] for each in referee.all("session_closed")] == ["complete"]
        assert referee.residuals == []
    assert slowest_s <= LEASE_AND_BRAKE_S
    figure(f"{len(cuts)} of {total} boundaries, moved for at most {slowest_s:.3f} s")
