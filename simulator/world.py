"""One simulated pen with its body, hand, wire and troubles, as a pure state machine over time.

Every attachment (in-process, pty, TCP) and every test drives this: call `host_sends` with bytes,
`advance` at `next_wake_us`, and hand `take_for_host` to the host. Same seed and same calls, same
world. Times are microseconds of world time.
"""

import msgspec

from simulator.device import PenDevice
from simulator.firmware.boot import ResetCause
from simulator.firmware.nvm import Nvm, PowerLostError
from simulator.line import HostileLine
from simulator.mechanism import Mechanism
from simulator.ports import Indicator
from simulator.practitioner import Practitioner
from simulator.scenario import Scenario, stream
from simulator.trouble import Trouble

BOOT_OFF_US = 50_000
DARK = Indicator(None, holding=False, latched=False, strokes_felt=0, moving=False)
"""What the hand sees of a pen without power."""
_STUCK_STEPS = 10_000


class World:
    """`nvm` and `mechanism` may come from an earlier life of the same pen."""

    def __init__(
        self,
        scenario: Scenario,
        seed: int | None = None,
        *,
        nvm: Nvm | None = None,
        mechanism: Mechanism | None = None,
    ) -> None:
        self.scenario = scenario
        self.seed = scenario.seed if seed is None else seed
        self.spec = scenario.spec(self.seed)
        self.nvm = nvm or scenario.new_memory()
        self.mechanism = mechanism or new_mechanism(scenario, self.seed)
        self.hand = Practitioner(scenario.hand, self.mechanism, stream(self.seed, "hand"))
        self.line = HostileLine(scenario.line, stream(self.seed, "line"))
        self.trouble = Trouble(scenario.fault, stream(self.seed, "trouble"))
        self.device: PenDevice | None = None
        self.late_us = 0
        self.steps = 0
        """Instants so far at which something happened by itself."""
        self._rng = stream(self.seed, "memory")
        self._now_us = 0
        self._boot_at_us: int | None = 0
        self._cause = ResetCause.POWER_ON
        self._hung_until_us: int | None = None
        self._same_instant = 0
        self._inputs_told = self.mechanism.inputs()
        self._others = (
            self.trouble.next_wake_us,
            self.hand.next_wake_us,
            self.mechanism.skin.next_flip_us,
            self.line.to_pen.next_due_us,
        )

    # --- time ---

    def advance(self, now_us: int) -> int | None:
        """Let everything happen that is due by `now_us`, each thing at its own instant.

        Returns when something next happens by itself, as `next_wake_us` would.
        """
        while True:
            at_us = self.next_wake_us()
            if at_us is None or at_us > now_us:
                break
            self._watch_progress(at_us)
            self._step(max(at_us, self._now_us))
        if now_us > self._now_us:
            self._now_us = now_us
            self.mechanism.advance(now_us)
        return at_us

    def next_wake_us(self) -> int | None:
        """When something next happens by itself."""
        if self._hung_until_us is not None:
            wake_us: int | None = self._hung_until_us
        elif self.device is not None:
            wake_us = self.device.next_wake_us()
        else:
            wake_us = self._boot_at_us
        for ask in self._others:
            other_us = ask()
            if other_us is not None and (wake_us is None or other_us < wake_us):
                wake_us = other_us
        return wake_us

    def _watch_progress(self, at_us: int) -> None:
        self._same_instant = self._same_instant + 1 if at_us <= self._now_us else 0
        if self._same_instant > _STUCK_STEPS:
            raise RuntimeError(f"the simulated pen asks to be woken at {at_us} us for ever")

    def _step(self, at_us: int) -> None:
        self._now_us = at_us
        self.steps += 1
        self.mechanism.advance(at_us)
        self.trouble.strike(self, at_us)
        if self._hung_until_us is not None and self._hung_until_us <= at_us:
            self.cut_power(at_us, BOOT_OFF_US, ResetCause.WATCHDOG)
        if self._boot_at_us is not None and self._boot_at_us <= at_us:
            self._boot(at_us)
        for data in self.line.to_pen.take(at_us):
            self._receive(data, at_us)
        self._run_device(at_us)
        hand_us = self.hand.next_wake_us()
        if hand_us is not None and hand_us <= at_us:
            self.hand.wake(at_us)
            self.mechanism.advance(at_us)
            self._run_device(at_us)
        self.trouble.watch(self, at_us)

    # --- firmware ---

    def _run_device(self, at_us: int) -> None:
        device = self.device
        if device is None or self._hung_until_us is not None:
            return
        try:
            device.advance(at_us)
            inputs = self.mechanism.inputs()
            if inputs != self._inputs_told:
                self._inputs_told = inputs
                device.input_changed(at_us)
        except PowerLostError:
            self.cut_power(at_us, BOOT_OFF_US)
            return
        self._after_device(device, at_us)

    def _receive(self, data: bytes, at_us: int) -> None:
        device = self.device
        if device is None or self._hung_until_us is not None:
            return
        try:
            device.receive(data, at_us)
        except PowerLostError:
            self.cut_power(at_us, BOOT_OFF_US)
            return
        self._after_device(device, at_us)

    def _after_device(self, device: PenDevice, at_us: int) -> None:
        output = device.take_output()
        if output:
            self.line.to_host.extra_latency_us = self.late_us
            self.line.pen_sends(at_us, output)
        self.hand.notice(at_us, device.indicator())

    def _boot(self, at_us: int) -> None:
        self._boot_at_us = None
        try:
            self._inputs_told = self.mechanism.inputs()
            self.device = PenDevice(
                self.mechanism, self.nvm, self.spec, boot_at_us=at_us, cause=self._cause
            )
        except PowerLostError:
            self.cut_power(at_us, BOOT_OFF_US)

    # --- the host's end ---

    def host_sends(self, data: bytes, now_us: int) -> int | None:
        """The host writes to its port. Returns as `advance` does."""
        self.advance(now_us)
        self.line.host_sends(now_us, data)
        return self.advance(now_us)

    def take_for_host(self, now_us: int) -> list[bytes]:
        """What arrived at the host's port by `now_us`, as it arrived."""
        return self.line.to_host.take(now_us)

    def next_for_host_us(self) -> int | None:
        """When more arrives at the host's port."""
        return self.line.to_host.next_due_us()

    # --- what faults and people may do ---

    def cut_power(
        self, now_us: int, off_us: int = BOOT_OFF_US, cause: ResetCause = ResetCause.POWER_ON
    ) -> None:
        """The supply fails now and is back `off_us` later; the pen boots then, told the cause."""
        self._cause = cause
        parked_us = self.mechanism.cut_power(now_us)
        self.device = None
        self.hand.notice(now_us, DARK)
        self._hung_until_us = None
        self._boot_at_us = max(now_us + off_us, parked_us)

    def hang(self, now_us: int, for_us: int) -> None:
        """The processor stands still; its watchdog cuts the power after `for_us`."""
        if self.device is not None:
            self._hung_until_us = now_us + for_us

    def break_nvm(self, *, erase: bool, torn_write: bool, fails: bool | None) -> None:
        """Lose the memory, tear the next write, or refuse all writes."""
        if erase:
            self.nvm.erase()
        if torn_write:
            self.nvm.cut_at[self.nvm.writes + 1] = self._rng.randrange(1, 200)
        if fails is not None:
            self.nvm.fails_always = fails

    def at_next_boot(self, *, drift_ppm: int | None, firmware: str | None) -> None:
        """Another crystal or another firmware from the next boot on."""
        if drift_ppm is not None:
            self.spec = msgspec.structs.replace(self.spec, tick_drift_ppm=drift_ppm)
        if firmware is not None:
            self.spec = msgspec.structs.replace(self.spec, firmware=firmware.encode("ascii"))

    def press(self, *, held: bool) -> None:
        """Somebody other than the simulated hand presses or lets go, now."""
        self.mechanism.press(self._now_us, held=held)
        self._run_device(self._now_us)

    def touch(self, *, touching: bool) -> None:
        """Somebody other than the simulated hand puts the pen down or lifts it, now."""
        self.mechanism.touch(self._now_us, touching=touching)
        self.mechanism.advance(self._now_us)
        self._run_device(self._now_us)


def new_mechanism(scenario: Scenario, seed: int) -> Mechanism:
    """The body of a new pen."""
    return Mechanism(scenario.body, scenario.chip(seed), stream(seed, "body"))
