"""The arm records in NVM: the last 16 arms, and the last arm of each of 8 hosts (C9)."""

from collections.abc import Callable

from protocol.limits import ARM_RECORDS_KEPT, HOSTS_KEPT
from protocol.messages import Arm, ArmRecord, Counters
from protocol.words import EndReason, RecordState
from simulator.firmware.nvm import ArmRow, Memory

LAST_ARM_ID = 0xFFFF_FFFF
"""No arm has it (u32 on the wire). As the highest arm id it means that none is left."""


class ArmBook:
    """Reads and changes the records in `memory`; saving it is the caller's."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def find(self, arm_id: int) -> ArmRow | None:
        """The kept record of an arm id."""
        rows = (*self._memory.arms, *self._memory.hosts)
        return next((row for row in rows if row.arm_id == arm_id), None)

    def last_of(self, host_id: int) -> ArmRow | None:
        """The record of the last arm of a host."""
        return next((row for row in self._memory.hosts if row.host_id == host_id), None)

    def open(self, order: Arm, host_id: int, mode: int, first_index: int, now: Counters) -> ArmRow:
        """Enter a new arm as open and spend its id."""
        row = self._row(order.arm_id, host_id, mode, EndReason.OPEN, first_index, now)
        self._keep(row)
        hosts = [known for known in self._memory.hosts if known.host_id != host_id]
        if len(hosts) >= HOSTS_KEPT:
            hosts.remove(min(hosts, key=lambda known: known.arm_id))
            self._memory.hosts_forgotten = True
        self._memory.hosts = [*hosts, row]
        return row

    def snapshot(self) -> Callable[[], None]:
        """A call that puts the records back as they are now, for a save that failed."""
        memory = self._memory
        kept = memory.arms, memory.hosts, memory.hosts_forgotten, memory.highest_arm_id

        def undo() -> None:
            memory.arms, memory.hosts, memory.hosts_forgotten, memory.highest_arm_id = kept

        return undo

    def spend(self, arm_id: int, host_id: int, now: Counters) -> ArmRow:
        """Enter an id that never was an arm, so that it never becomes one."""
        row = self._row(arm_id, host_id, 0, EndReason.SPENT, 0, now)
        self._keep(row)
        return row

    def close_after_boot(self) -> int:
        """End the arm that a power cut left open; returns its id, 0 when there was none."""
        cut_id = 0
        for row in (*self._memory.arms, *self._memory.hosts):
            if row.end_reason == EndReason.OPEN:
                row.end_reason = EndReason.BOOT
                cut_id = row.arm_id
        return cut_id

    def _row(
        self, arm_id: int, host_id: int, mode: int, end: EndReason, first_index: int, now: Counters
    ) -> ArmRow:
        boot_id = self._memory.boot_id
        return ArmRow(arm_id, host_id, boot_id, mode, end, first_index, now, now, now)

    def _keep(self, row: ArmRow) -> None:
        self._memory.arms = [*self._memory.arms, row][-ARM_RECORDS_KEPT:]
        self._memory.highest_arm_id = row.arm_id


def answer_kept(
    request_id: int, row: ArmRow, state: RecordState, end_reason: EndReason
) -> ArmRecord:
    """The wire form of a kept record."""
    return ArmRecord(
        request_id,
        row.arm_id,
        state,
        end_reason,
        row.mode,
        row.host_id,
        row.boot_id,
        row.first_index,
        row.first,
        row.proven,
        row.reserved,
    )


def answer_unknown(
    request_id: int, arm_id: int, state: RecordState, counters: Counters
) -> ArmRecord:
    """The wire form of NEVER and NOT_KEPT: nothing but the present counters."""
    return ArmRecord(
        request_id, arm_id, state, EndReason.OPEN, 0, 0, 0, 0, counters, counters, counters
    )
