"""C3: the pen answers with the digest of what it decoded and refuses what it must not do."""

import msgspec

from protocol.codec import settings_digest
from protocol.conformance.host import BENCH, DOSE, PRIME, RELOAD, RUN, RawHost
from protocol.conformance.rules import Case, Needs, check
from protocol.conformance.settings import least_period_us, steps_in
from protocol.limits import SLICE_US
from protocol.messages import Configure, Configured, StrokeSettings
from protocol.words import Result, StatusFlag

ALL = (DOSE, RUN, PRIME, RELOAD, BENCH)


@check("C3", cases=[Case(settings.mode.name, settings) for settings in ALL])
def the_digest_is_that_of_the_settings(host: RawHost, settings: StrokeSettings) -> None:
    settings = host.fit(settings)
    answer = host.configure(settings)
    assert (answer.result, answer.settings_digest) == (Result.OK, settings_digest(settings))
    host.wait_at_rest()


@check("C3")
def the_depth_axis_moves_first_and_a_copy_is_answered_the_same(host: RawHost) -> None:
    host.configure(changed(host.bench, protrusion_um=0))
    host.wait_at_rest()
    request = Configure(host.request_id(), host.dose)
    first = host.ask(request, Configured)
    assert host.ask(request, Configured) == first
    early = host.configure(host.run).result
    assert early is Result.NOT_AT_REST or host.fresh_status().flags & StatusFlag.AT_REST
    host.wait_at_rest()
    assert host.configure(host.run).result is Result.OK


def changed(settings: StrokeSettings, **fields: int) -> StrokeSettings:
    return msgspec.structs.replace(settings, **fields)


@check("C3")
def a_dose_must_fit_its_period_to_the_microsecond(host: RawHost) -> None:
    envelope = host.envelope()
    # A dwell this long keeps the stroke over the shortest cadence, which would refuse first.
    dwell_us = host.dose.dwell_us + envelope.min_stroke_period_us
    settings = changed(host.dose, dwell_us=dwell_us)
    needed_us = least_period_us(settings, envelope)
    short = changed(settings, stroke_period_us=needed_us - 1)
    assert host.configure(short).result is Result.STROKE_DOES_NOT_FIT
    assert host.configure(changed(settings, stroke_period_us=needed_us)).result is Result.OK


MISFITS = (
    changed(DOSE, protrusion_um=0),
    changed(DOSE, steps=0),
    changed(RUN, protrusion_um=0),
    changed(RUN, steps=1),
    changed(RUN, dwell_us=1),
    changed(PRIME, protrusion_um=1),
    changed(PRIME, dwell_us=1),
    changed(PRIME, steps=0),
    changed(RELOAD, stroke_period_us=SLICE_US + 1),
)


@check("C3", cases=[Case(repr(settings), settings) for settings in MISFITS])
def fields_must_suit_the_mode(host: RawHost, settings: StrokeSettings) -> None:
    assert host.configure(host.fit(settings)).result is Result.FIELD_NOT_FOR_MODE


@check("C3")
def the_least_that_a_mode_allows(host: RawHost) -> None:
    least = (
        changed(host.dose, protrusion_um=1, steps=1, dwell_us=0),
        changed(host.run, protrusion_um=1),
        changed(host.prime, steps=1),
        changed(host.bench, protrusion_um=0, steps=0),
    )
    for settings in least:
        assert host.configure(settings).result is Result.OK
        host.wait_at_rest()


@check("C3")
def a_slice_is_at_most_a_tenth_of_a_second_of_flow(host: RawHost) -> None:
    most = steps_in(SLICE_US, host.envelope())
    assert host.configure(changed(host.prime, steps=most)).result is Result.OK
    over = changed(host.prime, steps=most + 1)
    ceiling = Result.STEPS_OVER_CEILING
    expected = ceiling if most == host.envelope().max_steps else Result.STROKE_DOES_NOT_FIT
    assert host.configure(over).result is expected


@check("C3", needs=Needs.POWER)
def a_refused_configuration_leaves_the_old_one(host: RawHost) -> None:
    host.reboot()
    least_us = host.envelope().min_stroke_period_us
    fast = changed(host.run, stroke_period_us=least_us - 1)
    assert host.configure(fast).settings_digest == 0
    host.configure(host.prime)
    answer = host.configure(fast)
    assert answer.result is Result.PERIOD_TOO_SHORT
    assert answer.settings_digest == settings_digest(host.prime)


@check("C3", hazards=("H40",))
def no_configuration_while_armed(host: RawHost) -> None:
    arm_id = host.arm(host.prime)
    answer = host.configure(host.reload)
    assert (answer.result, answer.settings_digest) == (
        Result.ARMED_NOW,
        settings_digest(host.prime),
    )
    host.disarm(arm_id)
    assert host.configure(host.reload).result is Result.OK
