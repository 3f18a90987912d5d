"""Waiting for something to become true: no polling, one deadline, no lost wake-up."""

import asyncio

from controller.session.changes import Changes
from tests.support.virtual import advance


async def test_what_holds_already_is_not_waited_for() -> None:
    assert await Changes().until(lambda: True, 5.0)


async def test_a_change_wakes_everybody_whose_condition_holds(clock: object) -> None:
    changes, seen = Changes(), set()
    number = 0

    async def wait_for(wanted: int) -> None:
        assert await changes.until(lambda: number >= wanted)
        seen.add(wanted)

    async with asyncio.TaskGroup() as group:
        for wanted in (1, 2, 2):
            group.create_task(wait_for(wanted))
        await advance(0)
        number = 1
        changes.notify()
        await advance(0.1)
        assert seen == {1}
        number = 2
        changes.notify()
    assert seen == {1, 2}


async def test_nobody_wakes_without_a_change() -> None:
    changes, looked = Changes(), 0

    def condition() -> bool:
        nonlocal looked
        looked += 1
        return False

    assert not await changes.until(condition, 100.0)
    assert looked <= 2


async def test_the_deadline_looks_once_more() -> None:
    """A change that nobody announced still counts at the deadline."""
    changes, reached = Changes(), False

    async def later() -> None:
        nonlocal reached
        await advance(1.0)
        reached = True

    async with asyncio.TaskGroup() as group:
        group.create_task(later())
        assert await changes.until(lambda: reached, 2.0)


async def test_several_notifications_at_once_are_one() -> None:
    changes, count = Changes(), 0
    waiting = asyncio.create_task(changes.until(lambda: count == 3, 1.0))
    await advance(0)
    for _ in range(3):
        count += 1
        changes.notify()
    assert await waiting


async def test_a_cancelled_waiter_leaves_nothing_behind() -> None:
    changes = Changes()
    waiting = asyncio.create_task(changes.until(lambda: False))
    await advance(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    changes.notify()
    await advance(0)
