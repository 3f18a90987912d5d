"""Answers the requests that change something (C3, C4, C10)."""

from collections.abc import Callable
from functools import partial

from protocol.messages import (
    Arm,
    ArmReply,
    CertificateStored,
    Clear,
    Cleared,
    Configure,
    Configured,
    Disarm,
    Message,
    StoreCertificate,
)
from protocol.words import EndReason, Result
from simulator.firmware.arming import Facts, judge_arm
from simulator.firmware.configuring import judge_settings
from simulator.firmware.core import Core
from simulator.firmware.enquiries import Enquiries
from simulator.firmware.guard import Guard
from simulator.firmware.outbox import Outbox, Urgency


class Desk:
    """One handler a request kind. Every request is idempotent; each copy is answered."""

    def __init__(self, core: Core, guard: Guard, enquiries: Enquiries, outbox: Outbox) -> None:
        self._core = core
        self._enquiries = enquiries
        self._guard = guard
        self._outbox = outbox
        self._pending_disarm: Disarm | None = None
        self._last_configure: Configure | None = None
        self._cleared_request: int | None = None

    def new_link(self) -> None:
        """Nothing of the old link is answered any more."""
        self._pending_disarm = None
        self._last_configure = None
        self._cleared_request = None

    def settle(self) -> None:
        """Answer a waiting DISARM once its record is final."""
        disarm = self._pending_disarm
        if disarm is None:
            return
        if self._enquiries.is_settled(disarm.arm_id):
            self._pending_disarm = None
            self._reply(partial(self._enquiries.record, disarm.request_id, disarm.arm_id))

    def _reply(self, build: Callable[[], Message]) -> None:
        self._outbox.put(Urgency.REPLY, build)

    # --- configure, certificate ------------------------------------------------------------

    def configure(self, request: Configure) -> None:
        """C3. A copy of the last CONFIGURE moves nothing while its settings are in force."""
        is_copy = request == self._last_configure and self._core.settings is not None
        result = Result.OK if is_copy else self._configure(request)
        self._last_configure = request if result is Result.OK else None
        digest = self._core.settings_digest
        self._reply(lambda: Configured(request.request_id, result, digest))

    def _configure(self, request: Configure) -> Result:
        core = self._core
        refusals = (
            (core.open_arm is not None, Result.ARMED_NOW),
            (not core.at_rest, Result.NOT_AT_REST),
            (core.memory.stop_latched, Result.STOP_LATCHED),
            (core.memory.fault != 0, Result.FAULT_LATCHED),
            (not core.is_homed, Result.NOT_HOMED),
        )
        refusal = next((result for applies, result in refusals if applies), None)
        if refusal is not None:
            return refusal
        chip = core.mechanics.chip()
        ceiling_um = chip.max_protrusion_um if chip else None
        result = judge_settings(request.settings, core.spec, ceiling_um)
        if result is Result.OK:
            core.configure(request.settings)
        return result

    def store_certificate(self, request: StoreCertificate) -> None:
        """Writes the certificate id into NVM, at rest and not armed."""
        core = self._core
        if core.open_arm is not None:
            result = Result.ARMED_NOW
        elif not core.at_rest:
            result = Result.NOT_AT_REST
        else:
            is_stored = core.store_certificate(request.certificate_id)
            result = Result.OK if is_stored else Result.FAULT_LATCHED
        stored = core.memory.certificate_id
        self._reply(lambda: CertificateStored(request.request_id, result, stored))

    # --- arm, disarm -----------------------------------------------------------------------

    def arm(self, order: Arm) -> None:
        """C4. The record is open in NVM before the answer."""
        core = self._core
        result = judge_arm(order, self._facts(order.arm_id))
        if result is Result.OK and core.open_arm is None and not core.arm_with(order):
            result = Result.FAULT_LATCHED
        self._reply(partial(self._arm_reply, order, result))

    def _facts(self, arm_id: int) -> Facts:
        core, memory = self._core, self._core.memory
        open_arm = core.open_arm
        return Facts(
            open_order=open_arm.order if open_arm else None,
            kept=core.book.find(arm_id),
            highest_arm_id=memory.highest_arm_id,
            stop_latched=memory.stop_latched,
            fault_latched=memory.fault != 0,
            at_rest=core.at_rest,
            homed=core.is_homed,
            mode=core.settings.mode if core.settings else None,
            settings_digest=core.settings_digest,
            chip=core.mechanics.chip(),
            certificate_id=memory.certificate_id,
            counters=core.odometer.exact(),
            last_stop_id=memory.last_stop_id,
            preloaded=memory.preloaded,
            battery_ok=core.mechanics.battery_mv() >= core.spec.arm_battery_mv,
            ring_free=core.ring.free,
        )

    def _arm_reply(self, order: Arm, result: Result) -> ArmReply:
        core, memory = self._core, self._core.memory
        chip = core.mechanics.chip()
        return ArmReply(
            order.request_id,
            result,
            order.arm_id,
            core.settings_digest,
            chip.cartridge_uid if chip else 0,
            memory.certificate_id,
            memory.last_stop_id,
            memory.highest_arm_id,
            core.status(),
        )

    def disarm(self, request: Disarm) -> None:
        """Ends an arm, or spends an id that never was one."""
        core, arm = self._core, self._core.arm
        if arm is not None and arm.row.arm_id == request.arm_id:
            self._pending_disarm = request
            if arm.is_open:
                core.end_arm(EndReason.DISARMED)
            return
        if request.arm_id > core.memory.highest_arm_id:
            core.book.spend(request.arm_id, core.host_id, core.odometer.exact())
            if not core.store.save():
                core.raise_fault("NVM_FAULT")
        self._reply(partial(self._enquiries.record, request.request_id, request.arm_id))

    # --- clear -----------------------------------------------------------------------------

    def clear(self, request: Clear) -> None:
        """C10. Unlatches one stop or one fault; never arms."""
        is_copy = request.request_id == self._cleared_request
        result = Result.OK if is_copy else self._clear(request)
        if result is Result.OK:
            self._cleared_request = request.request_id
        self._reply(lambda: Cleared(request.request_id, result, self._core.status()))

    def _clear(self, request: Clear) -> Result:
        if not self._core.at_rest:
            return Result.NOT_AT_REST
        if (request.stop_id == 0) == (request.fault == 0):
            return Result.NOT_THAT_STOP
        return self._clear_stop(request) if request.stop_id else self._clear_fault(request)

    def _clear_stop(self, request: Clear) -> Result:
        memory = self._core.memory
        if request.stop_id != memory.last_stop_id:
            return Result.NOT_THAT_STOP
        if not memory.stop_latched or self._core.unlatch(stop_latched=False, fault=memory.fault):
            return Result.OK
        return Result.CONDITION_PERSISTS

    def _clear_fault(self, request: Clear) -> Result:
        core, memory = self._core, self._core.memory
        if memory.fault == 0:
            return Result.OK
        if request.fault != memory.fault:
            return Result.NOT_THAT_FAULT
        if self._guard.cause_persists(memory.fault):
            return Result.CONDITION_PERSISTS
        if not core.unlatch(stop_latched=memory.stop_latched, fault=0):
            return Result.CONDITION_PERSISTS
        core.needs_relief = False
        if not core.is_homed and memory.fault == 0:
            core.home()
        return Result.OK
