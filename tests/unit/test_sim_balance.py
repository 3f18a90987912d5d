"""The simulated balance: the drop it shares with the pen, its troubles, and what it says."""

from random import Random

import pytest
from mtsics.core.state import ScaleState
from mtsics.profiles import load as load_profile
from mtsics.protocol.engine import MTSICSEngine

from controller.calibration.balance import (
    QUESTIONS,
    Answer,
    Discard,
    Heard,
    Identity,
    Make,
    Parser,
    Reading,
    Why,
    identify,
    mt_sics,
    sbi,
)
from controller.calibration.density import Air, Surroundings, Water
from simulator.balance import Balance, BalanceSettings, Shown, State, shown_ug_per_nl
from simulator.balance_talk import BalanceTalk
from simulator.scenario import parse

QUIET = {"noise_ug": 0.0, "evaporation_ug_h": 0.0, "vessel_ug": 0, "water_ug": 0}
S = 1_000_000


class Drop:
    """What left the needle."""

    def __init__(self) -> None:
        self.nl = 0.0

    def __call__(self) -> float:
        return self.nl


def a_balance(**given: object) -> tuple[Balance, Drop]:
    drop = Drop()
    text = "\n".join(f"{key} = {_toml(value)}" for key, value in ({**QUIET, **given}).items())
    settings = parse(f"[balance]\n{text}", "test").balance
    return Balance(settings, drop, Random(1)), drop


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def talk_to(balance: Balance, command: bytes, at_us: int, for_us: int = 0) -> list[Heard]:
    """Everything that is heard of one command until `for_us` later."""
    read_line = sbi.read_line if balance.settings.speaks == "sbi" else mt_sics.read_line
    return Parser(read_line).feed(raw(balance, command, at_us, for_us))


def raw(balance: Balance, command: bytes, at_us: int, for_us: int = 0) -> bytes:
    talk = BalanceTalk(balance)
    talk.receive(command, at_us)
    end_us, said = at_us + for_us + balance.settings.answer_us, b""
    while (wake_us := talk.next_wake_us()) <= end_us:
        talk.advance(wake_us)
        said += talk.take_output(wake_us)
    return said


# --- what it weighs ---


def test_a_nanolitre_weighs_what_the_factor_z_takes_back() -> None:
    for celsius in (15.0, 20.0, 27.5):
        settings = BalanceSettings(liquid_c=celsius, air_c=celsius)
        milli = round(celsius * 1000)
        z = Surroundings(Water(), milli, Air(milli, 101_300, 500)).z_ul_mg
        assert shown_ug_per_nl(settings) * z == pytest.approx(1.0, abs=1e-5)
    saline = BalanceSettings(liquid_kg_m3=1_004.6)
    assert shown_ug_per_nl(saline) / shown_ug_per_nl(BalanceSettings()) > 1.006


def test_a_drop_is_seen_moving_and_then_settles() -> None:
    balance, drop = a_balance()
    assert balance.reading(2 * S) == Shown(0, State.STABLE)
    drop.nl = 40_000
    just_after = balance.reading(2 * S + 100_000)
    assert just_after.state is State.DYNAMIC
    assert 0 < just_after.mass_ug < 39_000
    settled = balance.reading(7 * S)
    assert settled.state is State.STABLE
    assert settled.mass_ug == pytest.approx(40_000 * shown_ug_per_nl(balance.settings), abs=100)
    assert settled.mass_ug % 100 == 0


def test_who_looks_late_has_to_wait_for_it_to_settle() -> None:
    balance, drop = a_balance()
    drop.nl = 40_000
    assert balance.reading(600 * S).state is State.DYNAMIC
    assert balance.reading(604 * S).state is State.STABLE


def test_the_same_seed_and_calls_show_the_same() -> None:
    shown = []
    for _ in range(2):
        balance, _drop = a_balance(noise_ug=300.0, draught_h=600.0, static_h=600.0)
        shown.append([balance.reading(at * S) for at in range(100)])
    assert shown[0] == shown[1]
    assert len({each.mass_ug for each in shown[0]}) > 10


def test_water_evaporates_until_there_is_none() -> None:
    balance, drop = a_balance(evaporation_ug_h=3_600_000.0, vessel_ug=2_000_000, resolution_ug=1)
    drop.nl = 10_000
    full = balance.reading(100_000)
    assert full.state is State.DYNAMIC
    ten_s = balance.reading(5 * S).mass_ug - balance.reading(8 * S).mass_ug
    assert ten_s == pytest.approx(3_000, abs=20)
    assert balance.reading(60 * S).mass_ug == 2_000_000


def test_noise_is_within_a_digit_and_drift_is_slow() -> None:
    still, _ = a_balance(noise_ug=40.0)
    assert all(abs(still.reading(at * S).mass_ug) <= 200 for at in range(2, 60))
    drifting, _ = a_balance(drift_ug_h=36_000.0)
    assert drifting.reading(3_600 * S).mass_ug == 36_000
    cold, _ = a_balance(warm_up_ug=10_000.0)
    assert cold.reading(60 * S).mass_ug < 500
    assert cold.reading(7_200 * S).mass_ug == pytest.approx(10_000, abs=300)


def test_a_draught_keeps_it_from_being_stable() -> None:
    balance, _ = a_balance()
    balance.advance(5 * S)
    balance.blow(10 * S)
    assert {balance.reading(at * S).state for at in range(6, 15)} == {State.DYNAMIC}
    assert balance.reading(20 * S) == Shown(0, State.STABLE)


def test_a_charge_makes_it_jump_and_come_back() -> None:
    balance, _ = a_balance(static_us=60 * S)
    balance.advance(5 * S)
    balance.charge(5_000)
    assert balance.reading(5 * S + 100_000).mass_ug == 5_000
    later = balance.reading(65 * S)
    assert later.mass_ug == pytest.approx(5_000 / 2.718, abs=100)
    assert later.state is State.STABLE  # which is what makes static dangerous


def test_what_falls_beside_the_vessel_is_lost() -> None:
    balance, drop = a_balance()
    balance.vessel_on = False
    drop.nl = 5_000
    balance.advance(1 * S)
    balance.vessel_on = True
    assert balance.reading(9 * S).mass_ug == 0


def test_overload_underload_and_a_lifted_pan() -> None:
    balance, _ = a_balance()
    balance.weights_ug = 220_000_000
    assert balance.reading(20 * S).state is State.STABLE
    balance.weights_ug += 2_000
    assert balance.reading(40 * S).state is State.OVERLOAD
    balance.weights_ug = 0
    balance.pan_on = False
    assert balance.reading(60 * S).state is State.UNDERLOAD


# --- what it says ---


@pytest.mark.parametrize("mass_ug", [0, 100, 40_000, 123_456_700, 219_999_900])
@pytest.mark.parametrize("command", [b"S", b"SI"])
def test_it_says_to_the_byte_what_another_maker_s_emulator_says(
    mass_ug: int, command: bytes
) -> None:
    balance, _ = a_balance()
    balance.weights_ug = mass_ug
    balance.advance(30 * S)
    state = ScaleState(config=load_profile("mt-xs204"))
    state.set_weight(mass_ug / 1e6)
    theirs = MTSICSEngine(state).handle("S\r\n").encode()
    assert raw(balance, command + b"\r\n", 30 * S) == theirs


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (mt_sics.ASK_SERIAL, Answer("I4", ("B200000001",))),
        (mt_sics.CANCEL, Answer("I4", ("B200000001",))),
        (b"I2\r\n", Answer("I2", ("SIMBAL 220.0000 g",))),
        (mt_sics.ZERO, Answer("Z")),
        (mt_sics.TARE, Answer("T", ("0.0000", "g"))),
        (b"XYZ\r\n", Discard(Why.ERROR, b"ES")),
    ],
)
def test_mt_sics_answers(command: bytes, answer: Heard) -> None:
    balance, _ = a_balance()
    assert talk_to(balance, command, 5 * S) == [answer]


def test_s_waits_until_stable_and_si_does_not() -> None:
    balance, drop = a_balance()
    balance.advance(5 * S)
    drop.nl = 40_000
    (now,) = talk_to(balance, b"SI\r\n", 5 * S + 100_000)
    assert isinstance(now, Reading)
    assert not now.stable
    (later,) = talk_to(balance, b"S\r\n", 5 * S + 200_000, 10 * S)
    assert isinstance(later, Reading)
    assert later.stable
    assert later.mass_ug == pytest.approx(39_880, abs=100)


@pytest.mark.parametrize("command", [b"S", b"T", b"Z"])
def test_what_does_not_become_stable_in_time_is_answered_so(command: bytes) -> None:
    balance, _ = a_balance()
    balance.advance(5 * S)
    balance.blow(60 * S)
    balance.advance(6 * S)
    said = raw(balance, command + b"\r\n", 6 * S, 11 * S)
    assert said == command + b" I\r\n"
    balance.adjust()
    assert raw(balance, command + b"\r\n", 18 * S) == command + b" I\r\n"


def test_commands_are_done_one_after_the_other_until_cancelled() -> None:
    balance, _ = a_balance()
    balance.advance(5 * S)
    balance.blow(3 * S)
    balance.advance(6 * S)
    assert raw(balance, b"T\r\nSI\r\n", 6 * S, 5 * S).count(b"\r\n") == 2
    balance.blow(30 * S)
    balance.advance(13 * S)
    assert raw(balance, b"T\r\n@\r\nXX\r\n", 13 * S) == b'I4 A "B200000001"\r\nES\r\n'


def test_sir_repeats_until_the_next_weighing() -> None:
    balance, _ = a_balance()
    heard = talk_to(balance, b"SIR\r\n", 5 * S, 1 * S)
    assert len(heard) == 11
    talk = BalanceTalk(balance)
    talk.receive(b"SIR\r\nSI\r\n", 7 * S)
    talk.advance(9 * S)
    assert talk.take_output(9 * S).count(b"\n") == 2


@pytest.mark.parametrize(("speaks", "ask"), [("mt_sics", mt_sics.ASK_STABLE), ("sbi", sbi.ASK)])
@pytest.mark.parametrize("with_word", [False, True])
@pytest.mark.parametrize(
    ("weights_ug", "pan_on", "unit", "told"),
    [
        (40_000, True, "g", Reading(40_000, 100, stable=True)),
        (40_000, True, "mg", Reading(40_000, 100, stable=True)),
        (0, True, "g", Reading(0, 100, stable=True)),
        (230_000_000, True, "g", Why.OVERLOAD),
        (0, False, "g", Why.UNDERLOAD),
        (40_000, True, "kg", Why.UNIT),
        (40_000, True, "ct", Why.UNIT),
    ],
)
def test_the_parsers_read_what_it_says(
    speaks: str, ask: bytes, with_word: bool, weights_ug: int, pan_on: bool, unit: str,
    told: Reading | Why,
) -> None:  # fmt: skip
    balance, _ = a_balance(speaks=speaks, with_word=with_word, unit=unit)
    balance.weights_ug, balance.pan_on = weights_ug, pan_on
    balance.advance(30 * S)
    (heard,) = talk_to(balance, ask, 30 * S)
    assert (heard.why if isinstance(heard, Discard) else heard) == told


def test_sbi_leaves_the_unit_out_until_stable_and_keeps_still_about_taring() -> None:
    balance, drop = a_balance(speaks="sbi")
    balance.advance(5 * S)
    drop.nl = 40_000
    (moving,) = talk_to(balance, sbi.ASK, 5 * S + 100_000)
    assert isinstance(moving, Discard)
    assert moving.why is Why.UNSTABLE
    assert raw(balance, sbi.TARE, 6 * S, 5 * S) == b""
    assert balance.reading(12 * S) == Shown(0, State.STABLE)
    balance.weights_ug = -100_000
    assert talk_to(balance, sbi.ASK, 20 * S) == [Reading(-100_000, 100, stable=True)]
    balance.adjust()
    assert talk_to(balance, sbi.ASK, 30 * S) == [Discard(Why.BUSY, b"      C       ")]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda each: each.make.name)
@pytest.mark.parametrize("make", list(Make))
def test_it_is_known_by_its_serial_number_and_by_no_other_s(question: object, make: Make) -> None:
    asked = next(each for each in QUESTIONS if each is question)
    balance, _ = a_balance(speaks=make.name.lower())
    found = identify(asked, raw(balance, asked.ask, 5 * S))
    assert found == (Identity(make, "B200000001") if asked.make is make else None)


def test_zero_is_set_near_zero_only_and_tare_anywhere() -> None:
    balance, _ = a_balance()
    balance.weights_ug = 1_000_000
    assert raw(balance, b"Z\r\n", 10 * S) == b"Z A\r\n"
    assert balance.reading(11 * S).mass_ug == 0
    balance.weights_ug = 5_000_000
    balance.advance(20 * S)
    assert raw(balance, b"Z\r\n", 20 * S) == b"Z +\r\n"
    assert raw(balance, b"T\r\n", 21 * S) == b"T S     4.0000 g\r\n"
    assert balance.reading(22 * S).mass_ug == 0


def test_a_deaf_balance_says_nothing() -> None:
    talk = BalanceTalk(a_balance()[0])
    talk.deaf = True
    talk.receive(b"SI\r\n", 5 * S)
    talk.advance(9 * S)
    assert talk.take_output(9 * S) == b""
