"""The simulated hand: what it does at the light, at a stroke, when nothing comes, at a slip."""

from random import Random

from protocol.words import Mode
from simulator.ports import Indicator
from simulator.practitioner import HandSettings, Practitioner

SETTINGS = HandSettings(reaction_us=200, zone_pause_us=800, touch_to_press_us=100, travel_us=70)


class Recorder:
    """Hands that note what they do."""

    def __init__(self) -> None:
        self.acts: list[tuple[int, str]] = []

    def press(self, now_us: int, *, held: bool) -> None:
        self.acts.append((now_us, "press" if held else "release"))

    def touch(self, now_us: int, *, touching: bool) -> None:
        self.acts.append((now_us, "touch" if touching else "lift"))


def _hand(settings: HandSettings = SETTINGS, seed: int = 1) -> tuple[Practitioner, Recorder]:
    hands = Recorder()
    return Practitioner(settings, hands, Random(seed)), hands


def _seen(
    mode: Mode | None, felt: int = 0, *, moving: bool = False, holding: bool = False
) -> Indicator:
    return Indicator(mode, holding, False, felt, moving)


def _run(hand: Practitioner, until_us: int) -> None:
    while (at_us := hand.next_wake_us()) is not None and at_us <= until_us:
        hand.wake(at_us)


def test_hand_rests_while_the_light_is_off() -> None:
    hand, hands = _hand()
    hand.notice(0, _seen(None))
    assert hand.next_wake_us() is None
    assert hands.acts == []


def test_armed_light_makes_it_touch_then_press() -> None:
    hand, hands = _hand()
    hand.notice(0, _seen(Mode.DOSE))
    _run(hand, 1_200)
    assert hands.acts == [(1_000, "touch"), (1_100, "press")]


def test_priming_is_done_off_the_skin() -> None:
    for mode in (Mode.PRIME, Mode.RELOAD, Mode.BENCH):
        hand, hands = _hand()
        hand.notice(0, _seen(mode))
        _run(hand, 1_200)
        assert hands.acts == [(1_100, "press")]


def test_after_a_dose_it_lifts_and_lands_with_the_trigger_held() -> None:
    hand, hands = _hand()
    hand.notice(0, _seen(Mode.DOSE))
    _run(hand, 1_200)
    hand.notice(1_300, _seen(Mode.DOSE, 1, moving=True))
    assert hands.acts[2:] == []
    hand.notice(1_400, _seen(Mode.DOSE, 1))
    _run(hand, 1_500)
    assert hands.acts[2:] == [(1_400, "lift"), (1_470, "touch")]


def test_a_stroke_felt_only_when_it_is_over_counts_too() -> None:
    hand, hands = _hand()
    hand.notice(0, _seen(Mode.DOSE))
    _run(hand, 1_200)
    hand.notice(1_400, _seen(Mode.DOSE, 1))
    assert hands.acts[-1] == (1_400, "lift")


def test_running_needles_are_glided_not_stamped() -> None:
    hand, hands = _hand()
    hand.notice(0, _seen(Mode.NO_DISPENSE))
    _run(hand, 1_200)
    for felt in range(1, 100):
        hand.notice(1_200 + felt, _seen(Mode.NO_DISPENSE, felt, moving=True))
    assert len(hands.acts) == 2


def test_glide_is_interrupted_by_lifts() -> None:
    hand, hands = _hand(HandSettings(zone_pause_us=0, glide_us=1_000_000, glide_lift_us=10_000))
    hand.notice(0, _seen(Mode.NO_DISPENSE))
    start_us = 350_000
    _run(hand, start_us + 2_500_000)
    marks = [at - start_us for at, act in hands.acts if act == "lift"]
    assert marks == [1_000_000, 2_010_000]
    assert [act for _, act in hands.acts].count("press") == 1


def test_light_going_off_makes_it_let_go() -> None:
    hand, hands = _hand()
    hand.notice(0, _seen(Mode.DOSE))
    _run(hand, 1_200)
    hand.notice(2_000, _seen(None))
    _run(hand, 9_000)
    assert hands.acts[2:] == [(2_200, "release"), (2_200, "lift")]


def test_light_off_and_on_at_once_still_gives_a_new_press() -> None:
    hand, hands = _hand()
    hand.notice(0, _seen(Mode.DOSE))
    _run(hand, 1_200)
    hand.notice(2_000, _seen(None))
    hand.notice(2_050, _seen(Mode.DOSE))
    _run(hand, 9_000)
    assert [act for _, act in hands.acts[2:]] == ["release", "lift", "touch", "press"]


def test_impatience_presses_again_but_not_while_holding() -> None:
    hand, hands = _hand()
    hand.notice(0, _seen(Mode.DOSE))
    _run(hand, 1_200)
    hand.notice(1_400_000, _seen(Mode.DOSE, holding=True))
    _run(hand, 2_800_000)
    assert len(hands.acts) == 2
    _run(hand, 3_200_000)
    assert hands.acts[2:] == [(2_900_000, "release"), (3_050_000, "press")]


def test_slip_lifts_in_mid_dose_and_begins_again_with_a_new_press() -> None:
    hand, hands = _hand(HandSettings(zone_pause_us=0, slip_share=1.0))
    hand.notice(0, _seen(Mode.DOSE))
    _run(hand, 400_000)
    hand.notice(500_000, _seen(Mode.DOSE, moving=True))
    hand.notice(510_000, _seen(Mode.DOSE, moving=True))
    _run(hand, 1_000_000)
    assert hands.acts[2:] == [
        (530_000, "lift"),
        (530_000, "release"),
        (680_000, "touch"),
        (780_000, "press"),
    ]


def test_disabled_hand_does_nothing() -> None:
    hand, hands = _hand(HandSettings(enabled=False))
    hand.notice(0, _seen(Mode.DOSE))
    assert hand.next_wake_us() is None
    assert hands.acts == []


def test_scatter_repeats_for_a_seed() -> None:
    def first_press(seed: int) -> tuple[int, str]:
        hand, hands = _hand(HandSettings(scatter=0.2), seed)
        hand.notice(0, _seen(Mode.DOSE))
        _run(hand, 2_000_000)
        return hands.acts[1]

    assert first_press(1) == first_press(1) != first_press(2)


def test_a_reboot_that_forgets_the_strokes_does_not_confuse_it() -> None:
    hand, hands = _hand()
    hand.notice(0, _seen(Mode.DOSE, 40))
    _run(hand, 1_200)
    hand.notice(1_300, _seen(None))
    hand.notice(90_000, _seen(Mode.DOSE, 0))
    _run(hand, 95_000)
    hand.notice(95_100, _seen(Mode.DOSE, 1))
    assert hands.acts[-1] == (95_100, "lift")
