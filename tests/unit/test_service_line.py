"""A part that dies by a defect stops the pen and ends the service; nothing is recorded after it."""

import asyncio
from pathlib import Path
from random import Random

import pytest

from controller.clock import Clock
from controller.errors import InternalDefect, PortMissing
from controller.link.port import BytePort
from controller.record.events import Body, ServiceStopped
from controller.record.journal import Journal
from controller.record.writer import InlineWriter
from controller.service.app import assemble
from controller.session.books import Books


class BrokenOpener:
    """A port opener with a defect: it raises what no caller expects."""

    async def open(self) -> BytePort:
        raise ZeroDivisionError


class NoPort:
    """The cable is out."""

    async def open(self) -> BytePort:
        raise PortMissing("The cable is out.")


async def test_a_defect_in_the_pen_line_reaches_whoever_runs_the_service(
    tmp_path: Path, clock: Clock
) -> None:
    journal = Journal.open(tmp_path / "journal", clock, realm="training", min_free_bytes=0)
    service = assemble(BrokenOpener(), clock, journal, Books(), Random(1), InlineWriter)
    await service.start("-")
    with pytest.raises(ZeroDivisionError):
        async with asyncio.timeout(10.0):
            await service.until_ended()
    await service.close()


async def broken() -> None:
    raise ZeroDivisionError


def fail() -> None:
    raise MemoryError


@pytest.mark.hazard("H09")
@pytest.mark.parametrize("part", ["callback", "task"])
async def test_a_part_that_dies_stops_the_pen_and_ends_the_service(
    tmp_path: Path, clock: Clock, part: str
) -> None:
    journal = Journal.open(tmp_path / "journal", clock, realm="training", min_free_bytes=0)
    service = assemble(NoPort(), clock, journal, Books(), Random(1), InlineWriter)
    await service.start("-")
    if part == "callback":
        asyncio.get_running_loop().call_soon(fail)
    else:
        service.engine.spawn(broken())
    with pytest.raises(InternalDefect, match=r"ZeroDivisionError\(\)|MemoryError\(\)"):
        async with asyncio.timeout(1.0):
            await service.until_ended()
    assert service.line.stop_line.active is not None
    service.engine.note(ServiceStopped(reason="too late"))
    kinds = [entry.kind for entry in journal.entries()]
    assert kinds[-3:] == ["stop_sent", "alarm_raised", "service_stopped"]
    await service.close()


class BrokenBooks(Books):
    """Books with a defect: the very first entry cannot be booked."""

    def apply(self, body: Body, session_id: str | None, wall: str) -> None:
        raise MemoryError


async def test_a_part_that_dies_while_the_service_starts_ends_the_start(
    tmp_path: Path, clock: Clock
) -> None:
    journal = Journal.open(tmp_path / "journal", clock, realm="training", min_free_bytes=0)
    service = assemble(NoPort(), clock, journal, BrokenBooks(), Random(1), InlineWriter)
    with pytest.raises(InternalDefect):
        async with asyncio.timeout(1.0):
            await service.start("-")
    await service.close()


async def test_an_error_that_nobody_asked_a_future_for_ends_nothing(
    tmp_path: Path, clock: Clock
) -> None:
    journal = Journal.open(tmp_path / "journal", clock, realm="training", min_free_bytes=0)
    service = assemble(NoPort(), clock, journal, Books(), Random(1), InlineWriter)
    await service.start("-")
    forgotten: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    forgotten.set_exception(ZeroDivisionError())
    del forgotten
    await asyncio.sleep(0)
    assert service.line.stop_line.active is None
    await service.close()
    assert journal.failed is None
