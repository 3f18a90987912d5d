"""Pen, body, hand and wire together: truth equals counters, same seed same world, faults strike."""

from pathlib import Path

import msgspec
import pytest

from protocol.faults import describe_fault, fault_number
from protocol.words import EndReason, EventFlag, EventKind, RecordState, Result
from simulator.life import Keeper, LifeError, life_of, load_life, load_oracle, revive, save_oracle
from simulator.misbehaviour import FaultName, FaultSettings
from simulator.scenario import Scenario, load
from simulator.world import World
from tests.support.world_host import DOSE, RUN, WorldHost, primed_host, ready_host

CONFIG = Path(__file__).parents[2] / "config" / "simulator"
IDEAL = load(CONFIG / "ideal.toml")
DEFAULT = load(CONFIG / "default.toml")


def _with(*faults: FaultSettings) -> World:
    return World(msgspec.structs.replace(IDEAL, fault=faults))


def _dosed(world: World, seconds: int = 6, punctures: int = 8) -> WorldHost:
    host = primed_host(world)
    assert host.arm(2, DOSE).result is Result.OK
    host.drive(2, seconds * 1_000_000, punctures, punctures * DOSE.steps)
    return host


@pytest.mark.parametrize("scenario", [IDEAL, DEFAULT], ids=["ideal", "default"])
def test_doses_by_a_hand_are_what_the_oracle_saw(scenario: Scenario) -> None:
    world = World(scenario)
    host = _dosed(world, seconds=12)
    record = host.disarm(2)
    totals = world.mechanism.oracle.totals
    assert record.record_state is RecordState.FINAL
    assert record.proven == record.reserved
    assert record.proven.punctures == totals.punctures == 8
    assert record.proven.forward_steps == totals.forward_steps
    assert totals.backward_steps == 0
    doses = [row for row in host.events if row.kind is EventKind.PUNCTURE]
    assert [row.steps for row in doses] == [row.steps for row in world.mechanism.oracle.strokes]
    assert all(row.flags & EventFlag.CONTACT for row in doses)


def test_running_needles_are_counted_one_by_one() -> None:
    world = World(DEFAULT)
    host = ready_host(world)
    assert host.arm(1, RUN).result is Result.OK
    host.drive(1, 6_000_000, 300, 0)
    record = host.disarm(1)
    assert record.proven.punctures == world.mechanism.oracle.totals.punctures
    assert 270 <= record.proven.punctures <= 300


def test_same_seed_gives_the_same_world_and_another_seed_another() -> None:
    def story(seed: int) -> bytes:
        world = World(DEFAULT, seed)
        host = _dosed(world)
        return msgspec.json.encode(world.mechanism.oracle.report(0, host.now_us))

    assert story(3) == story(3)
    assert story(3) != story(4)


def test_lost_grants_stop_the_pen_within_lease_and_brake() -> None:
    world = World(IDEAL)
    host = ready_host(world)
    host.arm(1, RUN)
    host.drive(1, 1_500_000, 1_000, 0)
    host.run(350_000)
    made = world.mechanism.oracle.totals.punctures
    assert made > 20
    host.run(2_000_000)
    assert world.mechanism.oracle.totals.punctures == made == host.status.counters.punctures


@pytest.mark.parametrize(
    "name",
    [FaultName.REBOOT_MID_PUNCTURE, FaultName.REBOOT_BEFORE_NVM, FaultName.HANG],
)
@pytest.mark.parametrize("when", ["pumping", None])
def test_truth_stays_between_proven_and_reserved_over_a_reset(
    name: FaultName, when: str | None
) -> None:
    fault = FaultSettings(name, after_strokes=3)
    if when:
        fault = msgspec.convert({"name": name, "after_strokes": 3, "when": when}, FaultSettings)
    world = _with(fault)
    host = _dosed(world)
    host.run(2_000_000)
    host.connect(0x2_0000_0002)
    record = host.disarm(2)
    totals = world.mechanism.oracle.totals
    assert record.end_reason is EndReason.BOOT
    assert record.proven.forward_steps <= totals.forward_steps <= record.reserved.forward_steps
    assert record.proven.punctures <= totals.punctures <= record.reserved.punctures
    assert record.reserved.punctures - record.proven.punctures <= 1


def test_reset_while_running_stays_within_the_reservation() -> None:
    world = _with(FaultSettings(FaultName.REBOOT_MID_PUNCTURE, after_strokes=60))
    host = ready_host(world)
    host.arm(1, RUN)
    host.drive(1, 5_000_000, 300, 0)
    host.run(2_000_000)
    host.connect(0x2_0000_0002)
    record = host.disarm(1)
    assert record.end_reason is EndReason.BOOT
    made = world.mechanism.oracle.totals.punctures
    assert record.proven.punctures <= made <= record.reserved.punctures <= 300


def test_torn_memory_write_costs_power_not_memory() -> None:
    world = _with(FaultSettings(FaultName.NVM_TORN, after_strokes=2))
    host = _dosed(world)
    host.run(2_000_000)
    reply = host.connect(0x2_0000_0002)
    assert reply.boot_id == 2
    assert reply.highest_arm_id == 2
    assert host.status.fault != fault_number("NVM_FAULT")


@pytest.mark.parametrize(
    ("name", "value", "fault_name"),
    [
        (FaultName.MOTOR_STALL, 0.0, "MOTOR_JAM"),
        (FaultName.OVER_TEMPERATURE, 30.0, "OVER_TEMPERATURE"),
        (FaultName.OCCLUSION, 0.0, "OCCLUSION"),
        (FaultName.EMPTY, 0.0, "RESERVOIR_EMPTY"),
        (FaultName.PUMP_BLOCKED, 0.0, "PUMP_FAULT"),
        (FaultName.BATTERY_CLIFF, 1_500.0, "BATTERY_CRITICAL"),
        (FaultName.CARTRIDGE_CHANGED, 0.0, "CARTRIDGE_REMOVED"),
        (FaultName.NVM_FAILS, 0.0, "NVM_FAULT"),
    ],
)
def test_fault_of_the_body_is_found_by_the_firmware(
    name: FaultName, value: float, fault_name: str
) -> None:
    world = _with(FaultSettings(name, after_strokes=2, value=value))
    host = primed_host(world)
    big = msgspec.structs.replace(DOSE, steps=3_700, stroke_period_us=500_000)
    assert host.arm(2, big).result is Result.OK
    host.drive(2, 10_000_000, 20, 20 * big.steps)
    assert host.status.fault == fault_number(fault_name)
    assert host.status.counters.forward_steps <= world.mechanism.oracle.totals.forward_steps
    made = world.mechanism.oracle.totals.punctures
    host.run(2_000_000)
    assert world.mechanism.oracle.totals.punctures == made


def test_reboot_at_rest_and_brown_out_loop_count_their_boots() -> None:
    world = _with(
        FaultSettings(FaultName.REBOOT_IDLE, at_s=3.0),
        FaultSettings(FaultName.BROWN_OUT_LOOP, at_s=5.0, repeat=3, every_s=0.5),
    )
    host = WorldHost(world)
    host.run(10_000_000)
    assert host.connect(5).boot_id == 5
    host.run(1_000_000)
    assert describe_fault(host.status.fault).name == "BROWN_OUT"


def test_a_hang_ends_in_a_watchdog_reset_that_the_pen_reports() -> None:
    world = _with(FaultSettings(FaultName.HANG, at_s=2.0))
    host = WorldHost(world)
    host.run(4_000_000)
    host.connect(5)
    host.run(1_000_000)
    assert describe_fault(host.status.fault).name == "FIRMWARE"


def test_the_hand_lets_go_of_a_pen_that_went_dark() -> None:
    world = World(IDEAL)
    host = _dosed(world, seconds=1)
    assert world.mechanism.trigger()
    world.cut_power(host.now_us, 5_000_000)
    host.run(1_000_000)
    assert not world.mechanism.trigger()
    assert not world.mechanism.contact()


def test_late_telemetry_is_late() -> None:
    world = _with(FaultSettings(FaultName.LATE_TELEMETRY, at_s=2.0, lasts_s=1.0, value=700.0))
    host = WorldHost(world)
    host.run(2_500_000)
    assert host.now_us - host.status.pen_ticks >= 500_000
    host.run(2_000_000)
    assert host.now_us - host.status.pen_ticks <= 100_000


def test_other_crystal_and_other_firmware_come_with_a_boot() -> None:
    world = _with(
        FaultSettings(FaultName.TICK_DRIFT, value=50_000.0),
        FaultSettings(FaultName.OTHER_FIRMWARE, at_s=1.0),
    )
    host = WorldHost(world)
    host.run(11_050_000)
    assert host.status.pen_ticks == pytest.approx(10_500_000, rel=0.01)
    assert world.spec.firmware == b"9.9.9-SIM"


def test_hostile_wire_never_makes_counters_differ_from_the_truth() -> None:
    world = World(load(CONFIG / "hostile_wire.toml"))
    host = ready_host_through_noise(world)
    for _ in range(400):
        host.grant(1, 500, 0)
        host.run(25_000)
    host.run(1_000_000)
    assert host.status.counters.punctures == world.mechanism.oracle.totals.punctures


def ready_host_through_noise(world: World) -> WorldHost:
    """Ask again until it gets through; arm id 1 is tried until the pen says it is open."""
    host = WorldHost(world)
    host.run(2_000_000)
    for nonce in range(1, 10):
        try:
            host.connect(nonce)
            host.arm(1, RUN)
        except AssertionError:
            continue
        return host
    raise AssertionError("no way through the noise")


def test_counters_and_ticks_pass_32_bits_without_a_wrap() -> None:
    near = (1 << 32) - 100
    pen = msgspec.structs.replace(IDEAL.pen, lifetime_counts=near, tick_at_boot=near)
    host = _dosed(World(msgspec.structs.replace(IDEAL, pen=pen)))
    record = host.disarm(2)
    assert host.status.pen_ticks > 1 << 32
    assert record.proven.dose_steps == near + 8 * DOSE.steps > 1 << 32
    assert record.proven.punctures == near + 8


# --- what outlives the process ---


def test_life_goes_on_in_another_process(tmp_path: Path) -> None:
    world = World(DEFAULT)
    host = _dosed(world)
    host.disarm(2)
    keeper = Keeper(tmp_path / "pen.json", world)
    keeper.keep()
    life = load_life(tmp_path / "pen.json")
    assert life == life_of(world)
    assert life is not None
    again = WorldHost(revive(DEFAULT, DEFAULT.seed, life))
    again.run(2_000_000)
    reply = again.connect(9)
    again.run(200_000)
    assert (reply.boot_id, reply.highest_arm_id, reply.uid) == (2, 2, world.spec.uid)
    totals = again.world.mechanism.oracle.totals
    assert again.status.counters.forward_steps == totals.forward_steps
    assert totals == world.mechanism.oracle.totals
    assert again.world.mechanism.chip_fitted == world.mechanism.chip_fitted


def test_keeper_writes_only_after_a_change(tmp_path: Path) -> None:
    world = World(IDEAL)
    path = tmp_path / "pen.json"
    keeper = Keeper(path, world)
    world.advance(2_000_000)
    keeper.keep()
    path.unlink()
    world.advance(2_500_000)
    keeper.keep()
    assert not path.exists()


def test_life_of_another_pen_is_refused() -> None:
    world = World(IDEAL)
    with pytest.raises(LifeError, match="the state is that of pen f"):
        revive(IDEAL, IDEAL.seed + 1, life_of(world))


def test_spoiled_life_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "pen.json"
    assert load_life(path) is None
    path.write_text("{}")
    with pytest.raises(LifeError, match=r"pen\.json"):
        load_life(path)


def test_oracle_file_reads_back(tmp_path: Path) -> None:
    world = World(IDEAL)
    host = _dosed(world)
    report = world.mechanism.oracle.report(world.spec.uid, host.now_us)
    save_oracle(tmp_path / "oracle.json", report)
    assert load_oracle(tmp_path / "oracle.json") == report
    assert [path.name for path in tmp_path.iterdir()] == ["oracle.json"]
