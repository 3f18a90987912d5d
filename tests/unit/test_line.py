"""The hostile wire: each way in which it spoils bytes, and that it repeats itself for a seed."""

from functools import partial
from random import Random
from typing import Any

import pytest

from protocol.framing import Decoder, Frame, encode_frame
from simulator.line import (
    Effect,
    HostileLine,
    LineSettings,
    Window,
    Wire,
    WireSettings,
    split_frames,
)

FRAMES = [encode_frame(Frame(0x82, 9, number, bytes(20))) for number in range(200)]


def _through(settings: WireSettings, seed: int = 1, gap_us: int = 5_000) -> list[bytes]:
    """All pieces that arrive when one frame is sent every `gap_us`."""
    wire = Wire(settings, Random(seed))
    pieces: list[bytes] = []
    for number, frame in enumerate(FRAMES):
        wire.send(number * gap_us, frame)
        pieces += wire.take(number * gap_us)
    return pieces + wire.take(10**12)


def _sequences(pieces: list[bytes]) -> list[int]:
    found = Decoder().feed(b"".join(pieces))
    return [item.sequence for item in found if isinstance(item, Frame)]


def test_clean_wire_is_a_wire() -> None:
    assert _through(WireSettings()) == FRAMES


def test_frames_are_cut_at_their_delimiters() -> None:
    assert split_frames(FRAMES[0] + FRAMES[1]) == FRAMES[:2]
    assert split_frames(b"abc") == [b"abc"]
    assert split_frames(b"a\x00b") == [b"a\x00", b"\x00b"]


def test_baud_and_latency_delay_and_keep_order() -> None:
    wire = Wire(WireSettings(baud=115_200, latency_us=1_000), Random(1))
    wire.send(0, FRAMES[0])
    due_us = wire.next_due_us()
    assert due_us == 1_000 + round(len(FRAMES[0]) * 10e6 / 115_200)
    assert wire.take(due_us - 1) == []
    assert wire.take(due_us) == [FRAMES[0]]


def test_latency_jitter_keeps_the_order() -> None:
    pieces = _through(WireSettings(latency_us=1_000, latency_jitter_us=50_000))
    assert pieces == FRAMES


@pytest.mark.parametrize("field", ["lose_frame", "truncate_frame", "burst_frame"])
def test_losses_take_about_their_share(field: str) -> None:
    sequences = _sequences(_through(WireSettings(**{field: 0.2})))  # type: ignore[arg-type]  # one float
    assert 130 <= len(sequences) <= 190
    assert sequences == sorted(set(sequences))


def test_duplicates_arrive_twice() -> None:
    sequences = _sequences(_through(WireSettings(duplicate_frame=0.3)))
    assert set(sequences) == set(range(200))
    assert 230 <= len(sequences) <= 290


def test_reordered_frames_arrive_later_but_whole() -> None:
    sequences = _sequences(_through(WireSettings(reorder_frame=0.2)))
    assert sorted(sequences) == list(range(200))
    assert sequences != sorted(sequences)


def test_merged_frames_have_nothing_between_them() -> None:
    pieces = _through(WireSettings(merge_frame=1.0))
    assert b"\x00" not in b"".join(pieces)[1:]
    some = _through(WireSettings(merge_frame=0.1))
    whole = set(_sequences(some))
    assert 140 <= len(whole) <= 180  # both frames of each pair are gone


def test_garbage_costs_no_frame_that_has_its_own_delimiters() -> None:
    assert _sequences(_through(WireSettings(garbage_frame=1.0))) == list(range(200))


@pytest.mark.parametrize(("flip_bits", "lose"), [(1, 0.0), (3, 0.0), (1, 0.01)])
def test_spoiled_bytes_never_pass_as_another_frame(flip_bits: int, lose: float) -> None:
    settings = WireSettings(flip_byte=0.01, flip_bits=flip_bits, lose_byte=lose)
    decoder = Decoder()
    found = [item for piece in _through(settings) for item in decoder.feed(piece)]
    frames = [item for item in found if isinstance(item, Frame)]
    assert 0 < len(frames) < 200
    assert all(frame.payload == bytes(20) for frame in frames)


def test_byte_at_a_time_gives_single_bytes() -> None:
    pieces = _through(WireSettings(byte_at_a_time=True))
    assert {len(piece) for piece in pieces} == {1}
    assert b"".join(pieces) == b"".join(FRAMES)


def test_a_frame_delayed_for_seconds_arrives_after_all_others() -> None:
    wire = Wire(WireSettings(delay_frame=1.0, delay_us=2_000_000), Random(1))
    wire.send(0, FRAMES[0])
    assert wire.take(1_999_999) == []
    assert wire.take(2_000_000) == [FRAMES[0]]


def test_half_open_in_one_direction_only() -> None:
    dead = WireSettings(dead=(Window(0.2, 0.4),))
    line = HostileLine(LineSettings(to_host=dead), Random(1))
    for number, frame in enumerate(FRAMES):
        line.host_sends(number * 5_000, frame)
        line.pen_sends(number * 5_000, frame)
    assert line.to_pen.take(10**9) == FRAMES
    assert line.to_host.take(10**9) == FRAMES[:40] + FRAMES[80:]


def test_wrong_baud_is_noise() -> None:
    assert _sequences(_through(WireSettings(wrong_baud=(Window(0.0, 99.0),)))) == []


def test_echo_gives_the_host_its_own_bytes() -> None:
    line = HostileLine(LineSettings(echo=True), Random(1))
    line.host_sends(0, FRAMES[0])
    assert line.to_host.take(0) == line.to_pen.take(0) == [FRAMES[0]]


def test_cut_wire_and_pulled_cable_lose_everything() -> None:
    wire = Wire(WireSettings(latency_us=100), Random(1))
    wire.send(0, FRAMES[0])
    wire.drop_all()
    wire.settings = WireSettings(swallows=True)
    wire.send(0, FRAMES[1])
    assert wire.take(10**9) == []


def test_the_same_seed_spoils_alike_and_another_does_not() -> None:
    nasty = WireSettings(lose_frame=0.1, flip_byte=0.01, duplicate_frame=0.1, reorder_frame=0.1)
    assert _through(nasty, seed=5) == _through(nasty, seed=5)
    assert _through(nasty, seed=5) != _through(nasty, seed=6)


EFFECTS: dict[Effect, dict[str, Any]] = {
    Effect.LOST_FRAME: {"lose_frame": 0.1},
    Effect.LOST_BYTE: {"lose_byte": 0.01},
    Effect.ONE_BIT: {"flip_byte": 0.01},
    Effect.FEW_BITS: {"few_bits_frame": 0.1},
    Effect.BURST: {"burst_frame": 0.1},
    Effect.DUPLICATED: {"duplicate_frame": 0.1},
    Effect.REORDERED: {"reorder_frame": 0.1},
    Effect.DELAYED: {"delay_frame": 0.1},
    Effect.TRUNCATED: {"truncate_frame": 0.1},
    Effect.MERGED: {"merge_frame": 0.1},
    Effect.GARBAGE: {"garbage_frame": 0.1},
    Effect.BYTE_AT_A_TIME: {"byte_at_a_time": True},
    Effect.WRONG_BAUD: {"garbles": True},
    Effect.SWALLOWED: {"swallows": True},
}


@pytest.mark.parametrize("effect", EFFECTS)
def test_a_disturbance_is_told_as_often_as_it_happens_and_ends(effect: Effect) -> None:
    told: list[Effect] = []
    wire = Wire(WireSettings(), Random(1))
    for each in Effect:
        wire.ears.listen(each, partial(told.append, each))
    lift = wire.disturb(**EFFECTS[effect])
    for number, frame in enumerate(FRAMES):
        wire.send(number * 5_000, frame)
    spoiled = b"".join(wire.take(10**9))
    assert set(told) == {effect}
    assert (spoiled == b"".join(FRAMES)) == (effect is Effect.BYTE_AT_A_TIME)
    if not any(EFFECTS[effect][name] is True for name in EFFECTS[effect]):
        assert 5 <= len(told) <= 100
    lift()
    told.clear()
    wire.send(10**8, FRAMES[0])
    assert (wire.take(10**9), told) == ([FRAMES[0]], [])


def test_a_frame_that_nothing_overtakes_is_not_told_as_reordered() -> None:
    told: list[Effect] = []
    wire = Wire(WireSettings(reorder_frame=1.0, reorder_by_us=1_000), Random(1))
    wire.ears.listen(Effect.REORDERED, lambda: told.append(Effect.REORDERED))
    for number, frame in enumerate(FRAMES):
        wire.send(number * 5_000, frame)
    assert wire.take(10**9) == FRAMES
    assert told == []


def test_two_disturbances_lie_one_over_the_other() -> None:
    wire = Wire(WireSettings(latency_us=7), Random(1))
    first = wire.disturb(lose_frame=0.1)
    second = wire.disturb(lose_frame=0.2, flip_byte=0.3)
    first()
    assert wire.settings == WireSettings(latency_us=7, lose_frame=0.2, flip_byte=0.3)
    wire.settings = WireSettings(latency_us=8)
    second()
    assert wire.settings == WireSettings(latency_us=8)


def test_only_the_newest_listener_of_an_effect_is_told() -> None:
    told: list[str] = []
    wire = Wire(WireSettings(swallows=True), Random(1))
    forget_one = wire.ears.listen(Effect.SWALLOWED, lambda: told.append("one"))
    forget_two = wire.ears.listen(Effect.SWALLOWED, lambda: told.append("two"))
    wire.send(0, FRAMES[0])
    forget_two()
    wire.send(0, FRAMES[0])
    forget_one()
    wire.send(0, FRAMES[0])
    assert told == ["two", "one"]
