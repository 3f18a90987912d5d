"""How telemetry and archive end: a numbered error is a sentence and an exit code, alone or not."""

import asyncio
from collections.abc import Callable, Coroutine
from math import inf
from typing import Any

import pytest

from controller.errors import ArchiveNotWritable, CursorNotWritable, JournalCorrupt, MicropenError
from controller.record import options
from controller.turning import Turning
from tests.support.manager import Listening
from tests.support.virtual import VirtualClock, advance

FULL = CursorNotWritable("/s/cursor.json cannot be written: No space left on device.")
Main = Callable[[], Coroutine[Any, Any, None]]


@pytest.fixture(autouse=True)
def _logs_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "set_up_logs", lambda **_: None)


def alone(error: Exception) -> Main:
    async def main() -> None:
        raise error

    return main


def in_a_task(*errors: Exception) -> Main:
    """As in telemetry: out of the tasks of a connection, one group inside another."""

    async def fail(error: Exception, begun: asyncio.Barrier) -> None:
        await begun.wait()
        raise error

    async def main() -> None:
        begun = asyncio.Barrier(len(errors))
        async with asyncio.TaskGroup() as outer, asyncio.TaskGroup() as inner:
            for error, group in zip(errors, (inner, outer), strict=False):
                group.create_task(fail(error, begun))

    return main


@pytest.mark.parametrize("main", [alone(FULL), in_a_task(FULL)], ids=["alone", "group"])
def test_numbered_error_is_its_sentence_and_its_exit_code(
    main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    assert options.run_process(main) == FULL.exit_code == 60
    said = capsys.readouterr().err
    assert said == f"{FULL}\n"
    assert "E6004" in said


@pytest.mark.parametrize("error", [JournalCorrupt("x"), ArchiveNotWritable("y")])
def test_each_family_has_its_code(error: MicropenError) -> None:
    assert options.run_process(in_a_task(error)) == error.exit_code


def test_all_that_went_wrong_at_once_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    corrupt = JournalCorrupt("x")
    assert options.run_process(in_a_task(FULL, corrupt)) in {60, 50}
    said = capsys.readouterr().err
    assert f"{FULL}\n" in said
    assert f"{corrupt}\n" in said


def test_a_defect_stays_a_trace() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        options.run_process(in_a_task(FULL, ZeroDivisionError()))
    assert caught.group_contains(ZeroDivisionError)
    assert not caught.group_contains(CursorNotWritable)


def test_an_orderly_end_is_0() -> None:
    async def main() -> None:
        await asyncio.sleep(0)

    assert options.run_process(main) == 0


# --- signs of life for a service manager ---------------------------------------------------------


async def waits_for_a_broker() -> None:
    """As telemetry does while there is none: longer each time, 45 s at most."""
    for _ in range(20):
        await advance(45.0)


async def hangs() -> None:
    await advance(5.0)
    await asyncio.get_running_loop().create_future()


async def fed(work: Coroutine[Any, Any, None], clock: VirtualClock, still_s: float) -> Listening:
    """What the manager heard in ten minutes, or until the work ended."""
    manager = Listening(clock, watchdog_s=30.0)
    turning = Turning(work)
    running = asyncio.create_task(turning)
    asyncio.get_running_loop().call_later(600.0, running.cancel)
    await options._feed(running, turning, manager, still_s)
    return manager


async def test_a_broker_that_is_down_is_no_hang(clock: VirtualClock) -> None:
    began_mono_s = clock.mono_s()
    manager = await fed(waits_for_a_broker(), clock, options.MOST_STILL_S)
    assert manager.lines[0] == "READY=1"
    assert manager.longest_silence_s(began_mono_s) <= 10.0


@pytest.mark.hazard("H09")
async def test_work_that_waits_for_what_never_comes_is_not_fed(clock: VirtualClock) -> None:
    began_mono_s = clock.mono_s()
    manager = await fed(hangs(), clock, options.MOST_STILL_S)
    assert manager.pings_since(began_mono_s + 5.0) > 0
    assert manager.pings_since(began_mono_s + 5.0 + 10.0 + options.MOST_STILL_S) == 0


async def test_an_archive_may_wait_for_ever(clock: VirtualClock) -> None:
    began_mono_s = clock.mono_s()
    manager = await fed(hangs(), clock, inf)
    assert manager.longest_silence_s(began_mono_s) <= 10.0


async def test_the_end_of_the_work_is_the_end_of_feeding(clock: VirtualClock) -> None:
    began_mono_s = clock.mono_s()
    manager = await fed(advance(3.0), clock, options.MOST_STILL_S)
    assert clock.mono_s() == began_mono_s + 3.0
    assert manager.lines == ["READY=1"]
