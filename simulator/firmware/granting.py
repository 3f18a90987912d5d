"""Grants and acknowledgements: datagrams that raise ceilings, renew leases and free events (C5)."""

from protocol.limits import GRANT_REFUSED_PAUSE_US
from protocol.messages import Ack, Grant, GrantRefused
from protocol.words import Result
from simulator.firmware.core import Core
from simulator.firmware.lease import judge_validity
from simulator.firmware.outbox import Outbox, Urgency


class GrantDesk:
    """Judges each grant by itself; says why it was refused at most once in 100 ms."""

    def __init__(self, core: Core, outbox: Outbox) -> None:
        self._core = core
        self._outbox = outbox
        self._quiet_until_us = core.now_us

    def ack(self, message: Ack | Grant) -> None:
        """Free committed events; ignored for another boot or beyond the next index."""
        if message.boot_id == self._core.memory.boot_id:
            self._core.ring.acknowledge(message.acked_index)

    def grant(self, grant: Grant) -> None:
        """Take the acknowledgement, then judge the rest."""
        self.ack(grant)
        result = self._judge(grant)
        arm = self._core.arm
        if result is Result.OK and arm is not None:
            arm.lease.take(grant, ceilings_may_rise=arm.is_open)
            arm.lapse_us = self._core.clock.world_us(arm.lease.end_ticks)
        elif self._core.now_us >= self._quiet_until_us:
            self._quiet_until_us = self._core.now_us + GRANT_REFUSED_PAUSE_US
            ticks = self._core.ticks
            refused = GrantRefused(grant.arm_id, result, ticks, grant.valid_until_ticks)
            self._outbox.put(Urgency.HOUSEKEEPING, lambda: refused)

    def _judge(self, grant: Grant) -> Result:
        core, arm = self._core, self._core.arm
        if arm is None or not arm.is_leased:
            return Result.NOT_ARMED
        if grant.arm_id != arm.row.arm_id:
            return Result.WRONG_ARM
        if grant.boot_id != core.memory.boot_id:
            return Result.WRONG_BOOT
        return judge_validity(grant, core.ticks)
