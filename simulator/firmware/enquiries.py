"""Answers what changes nothing: queries and replay (C8, C13)."""

from collections.abc import Callable
from functools import partial

from protocol.messages import (
    ArmRecord,
    Cartridge,
    Envelope,
    Identity,
    Message,
    Query,
    Replay,
    ReplayReply,
)
from protocol.words import EndReason, QueryTopic, RecordState, Result
from simulator.firmware.core import Core
from simulator.firmware.nvm import ArmRow
from simulator.firmware.outbox import Outbox, Urgency
from simulator.firmware.records import answer_kept, answer_unknown


class Enquiries:
    """Reads the pen's facts; the only thing it moves is the replay cursor of the ring."""

    def __init__(self, core: Core, outbox: Outbox) -> None:
        self._core = core
        self._outbox = outbox

    def query(self, request: Query) -> None:
        """C13. Changes nothing."""
        builders: dict[QueryTopic, Callable[[], Message]] = {
            QueryTopic.IDENTITY: partial(self._identity, request.request_id),
            QueryTopic.ENVELOPE: partial(self._envelope, request.request_id),
            QueryTopic.CARTRIDGE: partial(self._cartridge, request.request_id),
            QueryTopic.ARM_RECORD: partial(
                self.record, request.request_id, request.argument or self._highest()
            ),
            QueryTopic.LAST_ARM_OF_HOST: partial(self._last_of_host, request.request_id),
        }
        self._outbox.put(Urgency.REPLY, builders[request.topic])

    def _highest(self) -> int:
        return self._core.memory.highest_arm_id

    def _identity(self, request_id: int) -> Identity:
        spec, memory = self._core.spec, self._core.memory
        return Identity(
            request_id,
            spec.uid,
            spec.model.ljust(16, b"\x00"),
            spec.firmware.ljust(16, b"\x00"),
            memory.certificate_id,
            memory.highest_arm_id,
            memory.last_stop_id,
        )

    def _envelope(self, request_id: int) -> Envelope:
        spec = self._core.spec
        return Envelope(
            request_id,
            spec.max_protrusion_um,
            spec.min_stroke_period_us,
            spec.max_steps,
            spec.max_flow_steps_s,
            spec.insertion_us,
            spec.retraction_us,
            spec.preload_steps,
            spec.ring_depth,
            spec.arm_battery_mv,
        )

    def _cartridge(self, request_id: int) -> Cartridge:
        chip = self._core.mechanics.chip()
        if chip is None:
            return Cartridge(request_id, 0, 0, 0, 0, 0, 0)
        return Cartridge(
            request_id,
            1,
            chip.used,
            chip.cartridge_uid,
            chip.type_code,
            chip.needles,
            chip.max_protrusion_um,
        )

    def _state_of(self, row: ArmRow) -> RecordState:
        core = self._core
        if row.end_reason == EndReason.SPENT:
            return RecordState.NEVER
        if core.arm is not None and row.arm_id == core.arm.row.arm_id:
            return RecordState.OPEN if core.arm.is_open else RecordState.ENDING
        return RecordState.ENDING if row.arm_id == core.cut_by_boot else RecordState.FINAL

    def is_settled(self, arm_id: int) -> bool:
        """Whether nothing about this arm id can change any more."""
        row = self._core.book.find(arm_id)
        return row is None or self._state_of(row) in (RecordState.FINAL, RecordState.NEVER)

    def record(self, request_id: int, arm_id: int) -> ArmRecord:
        """What the pen knows of an arm id."""
        core = self._core
        row = core.book.find(arm_id)
        if row is None:
            never = arm_id == 0 or arm_id > core.memory.highest_arm_id
            state = RecordState.NEVER if never else RecordState.NOT_KEPT
            return answer_unknown(request_id, arm_id, state, core.odometer.exact())
        return self._kept(request_id, row)

    def _kept(self, request_id: int, row: ArmRow) -> ArmRecord:
        arm = self._core.arm
        is_present = arm is not None and arm.row is row
        end = arm.end_reason if arm and is_present else EndReason(row.end_reason)
        return answer_kept(request_id, row, self._state_of(row), end)

    def _last_of_host(self, request_id: int) -> ArmRecord:
        core = self._core
        row = core.book.last_of(core.host_id)
        if row is None:
            forgotten = core.memory.hosts_forgotten
            state = RecordState.NOT_KEPT if forgotten else RecordState.NEVER
            return answer_unknown(request_id, 0, state, core.odometer.exact())
        return self._kept(request_id, row)

    def replay(self, request: Replay) -> None:
        """C8. The events follow in frames of their own."""
        core, boot_id = self._core, self._core.memory.boot_id
        result = Result.OK if request.boot_id == boot_id else Result.WRONG_BOOT
        oldest, following = core.ring.oldest_index, core.ring.next_index
        reply = ReplayReply(request.request_id, result, boot_id, oldest, following)
        self._outbox.put(Urgency.REPLY, lambda: reply)
        if result is Result.OK:
            core.ring.replay(request.from_index, core.now_us)
