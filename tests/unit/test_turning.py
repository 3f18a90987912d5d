"""A task that is watched behaves as it would alone, and shows each of its turns."""

import asyncio

import pytest

from controller.turning import Turning
from tests.support.virtual import advance


async def twice() -> str:
    await advance(1.0)
    await advance(1.0)
    return "done"


async def hangs() -> None:
    await asyncio.get_running_loop().create_future()


async def fails() -> None:
    await advance(1.0)
    raise ZeroDivisionError


async def test_turns_are_counted_and_the_result_is_the_works() -> None:
    turning = Turning(twice())
    task = asyncio.create_task(turning)
    assert turning.turns == 0
    await advance(0.5)
    assert turning.turns == 1
    await advance(1.0)
    assert turning.turns == 2
    assert await task == "done"
    assert turning.turns == 3


async def test_what_waits_for_ever_does_not_turn_until_it_is_cancelled() -> None:
    turning = Turning(hangs())
    task = asyncio.create_task(turning)
    await advance(1_000.0)
    assert turning.turns == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert turning.turns == 2


async def test_errors_are_the_works() -> None:
    with pytest.raises(ZeroDivisionError):
        await asyncio.create_task(Turning(fails()))


async def test_what_was_never_begun_is_closed_without_a_word() -> None:
    turning = Turning(hangs())
    turning.close()
    assert turning.turns == 0


async def test_a_debugger_sees_the_work_itself() -> None:
    turning = Turning(hangs())
    task = asyncio.create_task(turning)
    await advance(0.1)
    assert turning.cr_code is hangs.__code__
    assert turning.cr_frame is not None
    assert turning.cr_await is not None
    assert not turning.cr_running
    assert "hangs" in repr(task)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert turning.cr_frame is None


async def test_a_task_is_its_only_user() -> None:
    turning = Turning(hangs())
    with pytest.raises(TypeError):
        await turning
    turning.close()
