"""C3, C11: the pen answers with the digest of what it decoded and refuses what it must not do."""

import msgspec
import pytest

from protocol.codec import settings_digest
from protocol.limits import SLICE_US
from protocol.messages import Configure, Configured, StrokeSettings
from protocol.words import Mode, Result, StatusFlag
from tests.conformance.host import BENCH, DOSE, PRIME, RELOAD, RUN, RawHost

ALL = (DOSE, RUN, PRIME, RELOAD, BENCH)


@pytest.mark.parametrize("settings", ALL, ids=lambda settings: settings.mode.name)
def test_the_digest_is_that_of_the_settings(host: RawHost, settings: StrokeSettings) -> None:
    answer = host.configure(settings)
    assert (answer.result, answer.settings_digest) == (Result.OK, settings_digest(settings))
    host.wait_at_rest()


def test_the_depth_axis_moves_first_and_a_copy_is_answered_the_same(host: RawHost) -> None:
    request = Configure(host.request_id(), DOSE)
    first = host.ask(request, Configured)
    assert not host.fresh_status().flags & StatusFlag.AT_REST
    assert host.ask(request, Configured) == first
    assert host.configure(RUN).result is Result.NOT_AT_REST
    host.wait_at_rest()
    assert host.configure(RUN).result is Result.OK


def changed(settings: StrokeSettings, **fields: int) -> StrokeSettings:
    return msgspec.structs.replace(settings, **fields)


@pytest.mark.hazard("H05")
def test_no_command_raises_a_hard_ceiling(host: RawHost) -> None:
    envelope = host.envelope()
    cartridge = host.cartridge()
    ceiling_um = min(envelope.max_protrusion_um, cartridge.max_protrusion_um)
    cases = (
        (changed(DOSE, protrusion_um=ceiling_um), Result.OK),
        (changed(DOSE, protrusion_um=ceiling_um + 1), Result.PROTRUSION_OVER_CEILING),
        (
            changed(RUN, stroke_period_us=envelope.min_stroke_period_us - 1),
            Result.PERIOD_TOO_SHORT,
        ),
        (changed(RUN, stroke_period_us=envelope.min_stroke_period_us), Result.OK),
        (
            changed(DOSE, steps=envelope.max_steps + 1, stroke_period_us=9_000_000),
            Result.STEPS_OVER_CEILING,
        ),
        (changed(DOSE, steps=envelope.max_steps, stroke_period_us=9_000_000), Result.OK),
    )
    for settings, expected in cases:
        assert host.configure(settings).result is expected, settings
        host.wait_at_rest()


def test_a_dose_must_fit_its_period_to_the_microsecond(host: RawHost) -> None:
    envelope = host.envelope()
    pump_us = -(-DOSE.steps * 1_000_000 // envelope.max_flow_steps_s)
    needed_us = envelope.insertion_us + pump_us + DOSE.dwell_us + envelope.retraction_us
    short = changed(DOSE, stroke_period_us=needed_us - 1)
    assert host.configure(short).result is Result.STROKE_DOES_NOT_FIT
    assert host.configure(changed(DOSE, stroke_period_us=needed_us)).result is Result.OK


@pytest.mark.parametrize(
    "settings",
    [
        changed(DOSE, protrusion_um=0),
        changed(DOSE, steps=0),
        changed(RUN, protrusion_um=0),
        changed(RUN, steps=1),
        changed(RUN, dwell_us=1),
        changed(PRIME, protrusion_um=1),
        changed(PRIME, dwell_us=1),
        changed(PRIME, steps=0),
        changed(RELOAD, stroke_period_us=SLICE_US + 1),
    ],
    ids=repr,
)
def test_fields_must_suit_the_mode(host: RawHost, settings: StrokeSettings) -> None:
    assert host.configure(settings).result is Result.FIELD_NOT_FOR_MODE


def test_the_least_that_a_mode_allows(host: RawHost) -> None:
    least = (
        changed(DOSE, protrusion_um=1, steps=1, dwell_us=0),
        changed(RUN, protrusion_um=1),
        changed(PRIME, steps=1),
        changed(BENCH, protrusion_um=0, steps=0),
    )
    for settings in least:
        assert host.configure(settings).result is Result.OK
        host.wait_at_rest()


def test_a_slice_is_at_most_a_tenth_of_a_second_of_flow(host: RawHost) -> None:
    most = host.envelope().max_flow_steps_s * SLICE_US // 1_000_000
    assert host.configure(changed(PRIME, steps=most)).result is Result.OK
    over = changed(PRIME, steps=most + 1)
    assert host.configure(over).result is Result.STROKE_DOES_NOT_FIT


def test_a_refused_configuration_leaves_the_old_one(host: RawHost) -> None:
    assert host.configure(changed(DOSE, protrusion_um=3_000)).settings_digest == 0
    host.configure(PRIME)
    answer = host.configure(changed(DOSE, protrusion_um=3_000))
    assert answer.result is Result.PROTRUSION_OVER_CEILING
    assert answer.settings_digest == settings_digest(PRIME)


@pytest.mark.hazard("H40")
def test_no_configuration_while_armed(host: RawHost) -> None:
    arm_id = host.arm(PRIME)
    answer = host.configure(RELOAD)
    assert (answer.result, answer.settings_digest) == (Result.ARMED_NOW, settings_digest(PRIME))
    host.disarm(arm_id)
    assert host.configure(RELOAD).result is Result.OK


def test_every_mode_is_covered_here() -> None:
    assert {settings.mode for settings in ALL} == set(Mode)
