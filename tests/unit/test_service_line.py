"""A pen line that ends by a defect ends the service; nobody is told that a cable is out."""

import asyncio
from pathlib import Path
from random import Random

import pytest

from controller.clock import Clock
from controller.link.port import BytePort
from controller.record.journal import Journal
from controller.record.writer import InlineWriter
from controller.service.app import assemble
from controller.session.books import Books


class BrokenOpener:
    """A port opener with a defect: it raises what no caller expects."""

    async def open(self) -> BytePort:
        raise ZeroDivisionError


async def test_a_defect_in_the_pen_line_reaches_whoever_runs_the_service(
    tmp_path: Path, clock: Clock
) -> None:
    journal = Journal.open(tmp_path / "journal", clock, realm="training", min_free_bytes=0)
    service = assemble(BrokenOpener(), clock, journal, Books(), Random(1), InlineWriter)
    await service.start("-")
    with pytest.raises(ZeroDivisionError):
        async with asyncio.timeout(10.0):
            await service.until_line_ends()
    await service.close()
