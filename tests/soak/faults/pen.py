"""P1-P17: what happens to the pen. Each strikes by the simulator's own catalogue of misbehaviour.

Where a class has several ways, `value` picks one, counted from 1; 0 = drawn.
"""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

import msgspec

from simulator.device import PenDevice
from simulator.firmware.nvm import Nvm
from simulator.line import Effect
from simulator.misbehaviour import FaultName, Moment
from simulator.scenario import Scenario
from tests.soak.catalogue import FaultId
from tests.soak.faults.common import BaseFault
from tests.support.stage import Stage
from tests.support.virtual import advance

MOMENT_WITHIN_S = 2.0
"""For how long a fault waits for the moment at which alone it can strike."""
DRIFT_PPM = 50_000
LOOK_S = 0.1
BOOT_LOOK_S = 0.005
WRAP = 1 << 32


class Strike(BaseFault):
    """One row of the simulator's catalogue, from `begin` until `end`."""

    ways: ClassVar[tuple[FaultName, ...]]
    waits: ClassVar[bool] = False

    async def begin(self) -> None:
        name, told = self.way(), self.told()
        self.later(self.world.trouble.ears.listen(name, told.tell))
        self.strike(name, **self.settings(name))
        if self.waits:
            await told.wait(MOMENT_WITHIN_S)

    def way(self) -> FaultName:
        """Which of the ways it is this time."""
        given = int(self.row.value)
        return self.ways[given - 1] if given else self.room.rng.choice(self.ways)

    def settings(self, name: FaultName) -> dict[str, Any]:
        """What the simulator is told besides the name."""
        return {}

    def strike(self, name: FaultName, **settings: Any) -> None:
        """Order it; taken back at the end."""
        stage = self.theatre.stage
        row = stage.strike(name, **settings)
        self.later(lambda: stage.take_back(row))


class Reboot(Strike):
    """The supply is gone for 10 ms to 1 s."""

    waits = True

    def settings(self, name: FaultName) -> dict[str, Any]:
        return {"lasts_s": self.room.rng.uniform(0.01, 1.0)}


class RebootIdle(Reboot):
    """At rest."""

    id, ways = FaultId.P1, (FaultName.REBOOT_IDLE,)


class RebootMidPuncture(Reboot):
    """With the needle out."""

    id, ways = FaultId.P2, (FaultName.REBOOT_MID_PUNCTURE,)


class RebootBeforeNvmWrite(Reboot):
    """At the end of a stroke: it is done, and not yet in the pen's memory."""

    id, ways = FaultId.P3, (FaultName.REBOOT_BEFORE_NVM,)


class BrownOutLoop(Strike):
    """The supply breaks down again and again until the end."""

    id, ways = FaultId.P4, (FaultName.BROWN_OUT_LOOP,)

    def settings(self, name: FaultName) -> dict[str, Any]:
        return {"repeat": 0, "every_s": self.room.rng.uniform(0.06, 0.5)}


class _Memory(BaseFault):
    def listen(self, nvm: Nvm, told: Callable[[], None]) -> None:
        """Hear of each write that fails or is torn, until the end."""
        before, nvm.on_spoiled = nvm.on_spoiled, told
        self.later(lambda: setattr(nvm, "on_spoiled", before))


class NvmTorn(_Memory):
    """The next write to the pen's memory is torn by a power cut."""

    id = FaultId.P5

    async def begin(self) -> None:
        nvm, told = self.world.nvm, self.told()
        self.listen(nvm, told.tell)
        self.later(nvm.cut_at.clear)
        self.theatre.stage.strike(FaultName.NVM_TORN)
        await told.wait(MOMENT_WITHIN_S)


class NvmCorrupt(_Memory, Strike):
    """The pen's memory is erased (1), or takes no write until the end (2)."""

    id, ways = FaultId.P6, (FaultName.NVM_ERASED, FaultName.NVM_FAILS)

    async def begin(self) -> None:
        name = self.way()
        if name is FaultName.NVM_FAILS:
            self.listen(self.world.nvm, self.happened)
        else:
            self.later(self.world.trouble.ears.listen(name, self.happened))
        self.strike(name)


class Hang(Strike):
    """The processor stands still until its watchdog resets it."""

    id, ways = FaultId.P7, (FaultName.HANG,)

    async def begin(self) -> None:
        """A pen without power has no processor that could hang."""
        if self.theatre.stage.phase != "off":
            await super().begin()


class TickDrift(BaseFault):
    """From a reset on the pen's crystal is 5 % off, or `value` ppm; looked at while it is."""

    id = FaultId.P8

    async def begin(self) -> None:
        ppm = int(self.row.value) or self.room.rng.choice((-DRIFT_PPM, DRIFT_PPM))
        stage = self.theatre.stage
        stage.strike(FaultName.TICK_DRIFT, value=ppm)
        stage.strike(FaultName.REBOOT_IDLE, when=Moment.AT_ONCE)
        self.later(lambda: _with_spec(stage, tick_drift_ppm=0))
        self._look(stage)

    def _look(self, stage: Stage) -> None:
        if stage.phase != "off":
            self.happened()
        timer = asyncio.get_running_loop().call_later(LOOK_S, self._look, stage)
        self.later(timer.cancel)


class MotorStall(Strike):
    """Something holds the needle in mid-stroke until the end."""

    id, ways, waits = FaultId.P9, (FaultName.MOTOR_STALL,), True


class SensorStuck(Strike):
    """Depth axis (1), depth sensor (2), contact off (3) or on (4), chatter (5), trigger on (6)."""

    id = FaultId.P10
    ways = (
        FaultName.DEPTH_STUCK,
        FaultName.DEPTH_SENSOR_STUCK,
        FaultName.CONTACT_STUCK,
        FaultName.CONTACT_STUCK,
        FaultName.CONTACT_CHATTER,
        FaultName.TRIGGER_STUCK,
    )
    values: ClassVar[tuple[float, ...]] = (0, 100, 0, 1, 300, 1)

    async def begin(self) -> None:
        at = int(self.row.value) or self.room.rng.randint(1, len(self.ways))
        name = self.ways[at - 1]
        self.later(self.world.trouble.ears.listen(name, self.happened))
        self.strike(name, value=self.values[at - 1])


class LateTelemetry(Strike):
    """All that the pen says comes `value` ms late; 0 = drawn from 50 to 900."""

    id = FaultId.P11

    async def begin(self) -> None:
        late_ms = self.row.value or self.room.rng.randint(50, 900)
        self.later(self.world.line.to_host.ears.listen(Effect.LATE, self._late))
        self.strike(FaultName.LATE_TELEMETRY, value=late_ms)

    def _late(self) -> None:
        if self.theatre.cable.is_open:
            self.happened()


class CounterWrap(BaseFault):
    """From a reset on the pen's ticks stand just before 2**32 us and pass it, `value` s later.

    `dressed` gives a pen whose lifetime counters stand just before 2**32, too.
    """

    id = FaultId.P12

    @staticmethod
    def dressed(scenario: Scenario, below: int = 5) -> Scenario:
        """A pen that counts past 2**32 after `below` punctures or steps."""
        pen = msgspec.structs.replace(scenario.pen, lifetime_counts=WRAP - below)
        return msgspec.structs.replace(scenario, pen=pen)

    async def begin(self) -> None:
        stage = self.theatre.stage
        after_s = self.row.value or self.room.rng.uniform(0.5, 4.0)
        self.later(lambda: _with_spec(stage, tick_at_boot=0))
        _with_spec(stage, tick_at_boot=WRAP - round(after_s * 1e6))
        before = stage.world.device
        stage.strike(FaultName.REBOOT_IDLE, when=Moment.AT_ONCE)
        for _ in range(round(MOMENT_WITHIN_S / BOOT_LOOK_S)):
            await advance(BOOT_LOOK_S)
            if (device := stage.world.device) not in (None, before):
                asyncio.get_running_loop().call_later(after_s, self._passed, stage, device)
                return

    def _passed(self, stage: Stage, device: PenDevice) -> None:
        if stage.world.device is device:
            self.happened()


class OtherFirmware(Strike):
    """The pen comes back with another firmware; after the end, at its next boot, with the old."""

    id, ways = FaultId.P13, (FaultName.OTHER_FIRMWARE,)

    async def begin(self) -> None:
        stage, before = self.theatre.stage, self.world.spec.firmware
        self.later(lambda: _with_spec(stage, firmware=before))
        await super().begin()


class OverTemperature(Strike):
    """The grip is 30 K hotter, or `value` K."""

    id, ways = FaultId.P14, (FaultName.OVER_TEMPERATURE,)

    def way(self) -> FaultName:
        return self.ways[0]

    def settings(self, name: FaultName) -> dict[str, Any]:
        return {"value": self.row.value or 30.0}


class Occlusion(Strike):
    """The line is blocked, or with `value` that much narrower."""

    id, ways = FaultId.P15, (FaultName.OCCLUSION,)

    def way(self) -> FaultName:
        return self.ways[0]

    def settings(self, name: FaultName) -> dict[str, Any]:
        return {"value": self.row.value}


class AirOrEmpty(Strike):
    """A bubble of 200 nl (1), or the syringe is empty until a full one is fitted (2)."""

    id, ways = FaultId.P16, (FaultName.AIR, FaultName.EMPTY)

    def settings(self, name: FaultName) -> dict[str, Any]:
        if name is FaultName.EMPTY:
            self.later(self.theatre.stage.fit_syringe)
        return {"value": 200.0 if name is FaultName.AIR else 0.0}


class CartridgeChanged(Strike):
    """Another cartridge (1), or none until the end (2)."""

    id, ways = FaultId.P17, (FaultName.CARTRIDGE_CHANGED, FaultName.CARTRIDGE_REMOVED)


PEN: dict[FaultId, type[BaseFault]] = {
    fault.id: fault
    for fault in (
        RebootIdle,
        RebootMidPuncture,
        RebootBeforeNvmWrite,
        BrownOutLoop,
        NvmTorn,
        NvmCorrupt,
        Hang,
        TickDrift,
        MotorStall,
        SensorStuck,
        LateTelemetry,
        CounterWrap,
        OtherFirmware,
        OverTemperature,
        Occlusion,
        AirOrEmpty,
        CartridgeChanged,
    )
}


def _with_spec(stage: Stage, **changes: Any) -> None:
    """Another crystal, firmware or tick from the next boot on."""
    stage.world.spec = msgspec.structs.replace(stage.world.spec, **changes)
