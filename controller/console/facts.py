"""What the checklist needs and nobody pushes: cartridge, certificate, disk, clock.

The pen is only asked while no arm is open; a query changes nothing there (rule C13). The disk is
asked in a thread, because a dying one may not answer.
"""

import asyncio
import os
from datetime import datetime

from controller.console.room import Room
from controller.errors import LinkError, PenError
from controller.record.stamp import kernel_clock_synced
from controller.session.certificate import Certificate
from protocol.messages import Cartridge

LOOK_EVERY_S = 3.0


class Facts:
    """The newest answers; None where there is none yet."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.cartridge: Cartridge | None = None
        self.certificate: Certificate | None = None
        self.disk_free_bytes: int | None = None
        self.clock_synced: bool | None = None
        self.looked_wall: datetime | None = None

    async def keep_looking(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Look once."""
        self.clock_synced = kernel_clock_synced()
        self.disk_free_bytes = await asyncio.get_running_loop().run_in_executor(
            None, _free_bytes, str(self._room.journal)
        )
        await self._ask_pen()
        self.looked_wall = self._room.clock.now_wall()

    async def _ask_pen(self) -> None:
        engine = self._room.engine
        pen = engine.pen
        if pen is None or not engine.reconciled:
            self.cartridge = self.certificate = None
            return
        if engine.arm_is_open:
            return
        self.certificate = self._room.certificate(pen.identity.certificate_id)
        try:
            self.cartridge = await pen.cartridge()
        except (LinkError, PenError):
            self.cartridge = None


def _free_bytes(folder: str) -> int | None:
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize
