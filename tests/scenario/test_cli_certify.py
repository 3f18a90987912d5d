"""`micropen pen certify`: a pen gets the id of its own certificate and of no other."""

import asyncio
from pathlib import Path

import pytest

from controller.service.looking import look
from tests.support.command_line import Said, micropen
from tests.support.inputs import CONFIG, folder, rewrite
from tests.support.processes import simulated_pen

NAME = "simulated_provisional"


async def certify(pen: Path, config: Path) -> Said:
    where = ("--port", pen, "--config", config)
    return await asyncio.to_thread(micropen, "pen", "certify", NAME, *where)


@pytest.mark.real_time("a process and a pty")
async def test_the_pen_stores_its_certificate(tmp_path: Path) -> None:
    async with simulated_pen(tmp_path, CONFIG / "simulator" / "ideal.toml") as pen:
        assert (await look(str(pen))).identity.certificate_id == 0
        said = await certify(pen, CONFIG)
        assert said.code == 0, said.err
        assert (await look(str(pen))).identity.certificate_id == 0xC0001


@pytest.mark.hazard("H26")
@pytest.mark.real_time("a process and a pty")
async def test_another_pens_certificate_is_refused(tmp_path: Path) -> None:
    config = folder(tmp_path)
    rewrite(
        config / "certificates" / f"{NAME}.toml",
        "pen_uid",
        'pen_uid = "00000000000000aa"',
    )
    async with simulated_pen(tmp_path, CONFIG / "simulator" / "ideal.toml") as pen:
        said = await certify(pen, config)
        assert (said.code, said.number) == (10, 1009)
        assert (await look(str(pen))).identity.certificate_id == 0
