"""How telemetry and archive end: a numbered error is a sentence and an exit code, alone or not."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from controller.errors import ArchiveNotWritable, CursorNotWritable, JournalCorrupt, MicropenError
from controller.record import options

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
