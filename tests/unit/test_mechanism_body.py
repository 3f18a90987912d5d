"""The whole body: doses against domain.md 4.5, skin and surface, oracle against encoder, power."""

from random import Random
from statistics import fmean, pstdev

import pytest

from simulator.body import BodySettings, NoiseSettings
from simulator.mechanism import Mechanism
from simulator.motor import NeedleSettings
from simulator.plunger import PlungerSettings
from simulator.ports import Chip
from simulator.power import PowerSettings
from simulator.skin import SkinSettings
from simulator.syringe import FluidSettings

CHIP = Chip(7, 1, 12, 2_500, used=False)
STEP_NL = 2.7109375
FLOW_STEPS_S = 3_700
ORDINARY = BodySettings(
    fluid=FluidSettings(skin_kpa=15.0, skin_kpa_ul=0.15),
    noise=NoiseSettings(tip_nl=50.0, share=0.02),
)
IDEAL = BodySettings(plunger=PlungerSettings(backlash_um=0))


def _ready(settings: BodySettings, protrusion_um: int = 1_000) -> tuple[Mechanism, int]:
    body = Mechanism(settings, CHIP, Random(3))
    now_us = body.set_protrusion(body.home(0), protrusion_um)
    now_us = body.pump(now_us, 200, FLOW_STEPS_S) + 1_000_000
    body.advance(now_us)
    return body, now_us


def _dose(body: Mechanism, now_us: int, steps: int, *, dwell_us: int = 80_000) -> int:
    out_us = body.insert(now_us)
    body.advance(out_us)
    done_us = body.pump(out_us, steps, FLOW_STEPS_S)
    body.advance(done_us + dwell_us)
    rest_us = body.retract(done_us + dwell_us)
    body.advance(rest_us)
    return rest_us


def _doses(body: Mechanism, now_us: int, steps: int, count: int) -> list[float]:
    """Volumes of `count` doses on the skin, each with what dripped after it."""
    for _ in range(count):
        body.touch(now_us, touching=True)
        rest_us = _dose(body, now_us, steps)
        body.touch(rest_us, touching=False)
        now_us = rest_us + 250_000
    body.advance(now_us)
    return [row.skin_nl + row.surface_nl + row.after_nl for row in body.oracle.strokes]


@pytest.mark.parametrize(
    ("dose_nl", "bias", "cv"),
    [(2_000, 0.10, 0.10), (5_000, 0.06, 0.05), (10_000, 0.05, 0.04), (20_000, 0.04, 0.03)],
)
@pytest.mark.parametrize("settings", [IDEAL, ORDINARY])
def test_doses_after_preload_lie_within_the_acceptance(
    settings: BodySettings, dose_nl: int, bias: float, cv: float
) -> None:
    body, now_us = _ready(settings)
    volumes = _doses(body, now_us, round(dose_nl / STEP_NL), 30)
    assert fmean(volumes) == pytest.approx(dose_nl, rel=bias)
    assert pstdev(volumes) <= cv * fmean(volumes)


def test_first_dose_without_preload_falls_short_by_the_backlash() -> None:
    body = Mechanism(BodySettings(), CHIP, Random(3))
    now_us = body.set_protrusion(body.home(0), 1_000)
    volumes = _doses(body, now_us, 738, 2)
    assert 738 * STEP_NL - volumes[0] == pytest.approx(520.5, abs=1.0)
    assert volumes[1] == pytest.approx(738 * STEP_NL, abs=1.0)


def test_ideal_dose_is_in_the_skin_but_for_the_lag() -> None:
    body, now_us = _ready(IDEAL)
    _doses(body, now_us, 738, 1)
    stroke = body.oracle.strokes[-1]
    assert stroke.skin_nl > 0.98 * 738 * STEP_NL
    assert stroke.steps == 738
    assert stroke.depth_um == 500


def test_dose_off_the_skin_is_all_on_the_surface() -> None:
    body, now_us = _ready(ORDINARY)
    _dose(body, now_us, 738)
    stroke = body.oracle.strokes[-1]
    assert stroke.skin_nl == 0.0
    assert stroke.surface_nl > 1_500.0
    assert stroke.depth_um == 0


def test_lifting_in_mid_dose_splits_the_volume() -> None:
    body, now_us = _ready(IDEAL)
    body.touch(now_us, touching=True)
    out_us = body.insert(now_us)
    done_us = body.pump(out_us, 3_700, FLOW_STEPS_S)
    body.touch((out_us + done_us) // 2, touching=False)
    body.advance(body.retract(done_us + 200_000))
    stroke = body.oracle.strokes[-1]
    assert stroke.skin_nl == pytest.approx(stroke.surface_nl, rel=0.1)


def test_oracle_counts_the_steps_that_the_encoder_counts() -> None:
    body, now_us = _ready(ORDINARY)
    now_us = _dose(body, now_us, 500)
    body.pump(now_us, 10_000, FLOW_STEPS_S)
    body.pump_stop(now_us + 100_000)
    body.advance(body.pump(now_us + 100_000, -300, FLOW_STEPS_S))
    totals = body.oracle.totals
    assert totals.forward_steps == 200 + 500 + 370
    assert totals.backward_steps == 300
    assert body.pump_position_steps() == totals.forward_steps - totals.backward_steps


def test_volume_out_never_passes_what_the_steps_displaced() -> None:
    body, now_us = _ready(BodySettings(fluid=FluidSettings(skin_kpa=15.0)))
    _doses(body, now_us, 738, 20)
    assert body.oracle.volume_nl() <= body.oracle.totals.forward_steps * STEP_NL + 0.01


def test_running_strokes_are_counted_with_their_depth() -> None:
    body, now_us = _ready(BodySettings(needle=NeedleSettings(jitter=0.01, droop=0.04)))
    body.touch(now_us, touching=True)
    body.spin(now_us, 10_000)
    body.advance(now_us + 2_000_000)
    body.brake(now_us + 2_000_000)
    body.advance(now_us + 3_000_000)
    strokes = list(body.oracle.strokes)
    assert 165 <= len(strokes) <= 200
    assert body.oracle.totals.punctures == len(strokes)
    assert {row.depth_um for row in strokes} == {500}
    assert all(row.end_us > row.start_us for row in strokes)
    assert body.reading().protrusion_um == 1_000
    assert body.reading().peak_load_dn == 12
    assert body.stroke_end_us() is None


def test_effective_depth_grows_from_half_to_85_percent() -> None:
    body, now_us = _ready(BodySettings(), protrusion_um=2_500)
    body.touch(now_us, touching=True)
    _dose(body, now_us, 10)
    assert body.oracle.strokes[-1].depth_um == pytest.approx(2_125, abs=1)


def test_contact_bounces_and_settles() -> None:
    body = Mechanism(BodySettings(skin=SkinSettings(bounce_us=15_000)), CHIP, Random(1))
    for at_us, touching in ((100_000, True), (200_000, False), (300_000, True)):
        body.touch(at_us, touching=touching)
        flips = []
        while (flip_us := body.next_input_us()) is not None:
            body.advance(flip_us)
            flips.append(flip_us)
        assert flips
        assert all(at_us <= flip < at_us + 15_000 for flip in flips)
        assert body.contact() is touching


def test_a_touch_during_bounce_still_settles_on_the_truth() -> None:
    for seed in range(50):
        rng = Random(seed)
        body = Mechanism(BodySettings(skin=SkinSettings(bounce_us=15_000)), CHIP, rng)
        now_us = 0
        for _ in range(6):
            body.touch(now_us, touching=not body.skin.touching)
            now_us += rng.randrange(1, 20_000)
        body.advance(now_us + 20_000)
        assert body.contact() is body.skin.touching


def test_power_cut_stops_the_pump_parks_the_needle_and_loses_home() -> None:
    body, now_us = _ready(IDEAL)
    assert body.is_homed()
    out_us = body.insert(now_us)
    body.pump(out_us, 5_000, FLOW_STEPS_S)
    parked_us = body.cut_power(out_us + 100_000)
    assert parked_us == out_us + 102_500
    body.advance(parked_us + 1_000_000)
    assert body.oracle.strokes[-1].steps == 370
    assert body.oracle.strokes[-1].end_us == parked_us
    assert body.pump_position_steps() == 0
    assert not body.is_homed()


def test_grip_warms_to_the_rise_of_its_cadence() -> None:
    body, now_us = _ready(BodySettings())
    assert body.grip_temperature_dc() == 220
    body.spin(now_us, 6_667)
    body.advance(now_us + 200_000_000)
    assert body.grip_temperature_dc() == pytest.approx(220 + 180 * 0.632, abs=2)
    body.brake(now_us + 200_000_000)
    body.advance(now_us + 2_200_000_000)
    assert body.grip_temperature_dc() == pytest.approx(220, abs=1)


def test_battery_lasts_about_three_hours_and_sags_under_load() -> None:
    body, now_us = _ready(BodySettings(power=PowerSettings(charge_percent=60.0)))
    resting_mv = body.battery_mv()
    body.spin(now_us, 10_000)
    assert 3_820 < body.battery_mv() < resting_mv < 3_870
    body.advance(now_us + 3_600_000_000)
    assert body.battery_mv() > 3_000
    assert body.battery_percent() == pytest.approx(60 - 34, abs=1)


def test_stuck_axis_and_lying_sensor() -> None:
    body, now_us = _ready(BodySettings())
    body.depth.stuck = True
    body.set_protrusion(now_us, 2_000)
    _dose(body, now_us + 1_000_000, 10)
    assert body.reading().protrusion_um == 1_000
    body.depth.sensor_reads_um = 2_000
    assert body.reading().protrusion_um == 2_000


def test_cartridge_chip_takes_the_used_flag() -> None:
    body, _ = _ready(BodySettings())
    body.mark_cartridge_used()
    chip = body.chip()
    assert chip is not None
    assert chip.used
    assert chip.cartridge_uid == CHIP.cartridge_uid
