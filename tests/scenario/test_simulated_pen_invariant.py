"""proven <= what the steps really did <= reserved <= ceilings, for accidents at random moments.

The host here only grants; it is the pen's own half of the invariant, without the controller.
"""

from pathlib import Path
from random import Random

import msgspec
import pytest

from protocol.messages import Counters, StrokeSettings
from protocol.words import EndReason, RecordState, Result
from simulator.misbehaviour import FaultName, FaultSettings, Moment
from simulator.scenario import load
from simulator.world import World
from tests.support.world_host import DOSE, RUN, WorldHost, primed_host

DEFAULT = load(Path(__file__).parents[2] / "config" / "simulator" / "default.toml")
ACCIDENTS = (
    FaultName.REBOOT_MID_PUNCTURE,
    FaultName.REBOOT_BEFORE_NVM,
    FaultName.HANG,
    FaultName.NVM_TORN,
    FaultName.MOTOR_STALL,
    FaultName.OCCLUSION,
    FaultName.CONTACT_CHATTER,
    FaultName.PUMP_BLOCKED,
)


def _accident(rng: Random) -> FaultSettings:
    return FaultSettings(
        rng.choice(ACCIDENTS),
        after_strokes=rng.randint(1, 60),
        repeat=rng.choice((0, 1)),
        every_s=1.0,
        when=rng.choice((None, *Moment)),
    )


def _settings(rng: Random) -> StrokeSettings:
    if rng.random() < 0.5:
        return DOSE
    return msgspec.structs.replace(RUN, stroke_period_us=rng.choice((6_667, 10_000, 20_000)))


def _drive_badly(host: WorldHost, rng: Random, punctures: int, steps: int) -> Counters:
    """Grants with gaps, some long enough for the lease to lapse; returns the ceilings' base."""
    base, end_us = host.status.counters, host.now_us + 8_000_000
    while host.now_us < end_us and host.status.arm_id == 2:
        host.grant(2, base.punctures + punctures, base.forward_steps + steps)
        host.run(150_000 if rng.random() < 0.001 else 25_000)
    host.run(2_500_000)
    return base


@pytest.mark.parametrize("seed", range(40))
def test_truth_lies_between_proven_and_reserved_and_under_the_ceilings(seed: int) -> None:
    rng = Random(seed)
    world = World(msgspec.structs.replace(DEFAULT, fault=(_accident(rng),)), seed)
    host = primed_host(world)
    settings, cap = _settings(rng), rng.randint(1, 100)
    assert host.arm(2, settings).result is Result.OK
    base = _drive_badly(host, rng, cap, cap * settings.steps)
    host.connect(99)
    record, truth = host.disarm(2), world.mechanism.oracle.totals
    assert record.record_state is RecordState.FINAL
    assert record.proven.punctures <= truth.punctures <= record.reserved.punctures
    assert record.proven.forward_steps <= truth.forward_steps <= record.reserved.forward_steps
    assert record.reserved.punctures <= base.punctures + cap
    assert record.reserved.forward_steps <= base.forward_steps + cap * settings.steps
    assert record.end_reason is EndReason.BOOT or record.proven == record.reserved
