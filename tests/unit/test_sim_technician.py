"""The simulated technician: puts the check weight on once, when the balance is being watched."""

from random import Random

from simulator.balance import Balance, BalanceSettings
from simulator.technician import Technician, TechnicianSettings

S = 1_000_000
HANDS = TechnicianSettings(check_weight_ug=20_000_000, after_us=10 * S, for_us=5 * S)


def watched(
    hands: TechnicianSettings, asked_s: list[float], seconds: int, pumped_steps: int = 1
) -> list[int]:
    """What is on the pan at each second, when the balance is asked at those times."""
    balance = Balance(BalanceSettings(), lambda: 0.0, Random(1))
    person = Technician(hands, balance, lambda: pumped_steps)
    person.connected()
    on_pan = []
    for tenth in range(10 * seconds):
        if tenth / 10 in asked_s:
            person.asked(tenth * S // 10)
        person.advance(tenth * S // 10)
        if tenth % 10 == 0:
            on_pan.append(balance.weights_ug)
    return on_pan


def test_the_weight_goes_on_after_a_while_of_asking_and_off_again_once() -> None:
    on_pan = watched(HANDS, [tenth / 10 for tenth in range(1_000)], 60)
    assert [second for second, mass in enumerate(on_pan) if mass] == list(range(10, 15))
    assert set(on_pan) == {0, 20_000_000}


def test_it_goes_on_again_as_long_as_the_pen_has_not_pumped() -> None:
    on_pan = watched(HANDS, [tenth / 10 for tenth in range(1_000)], 95, pumped_steps=0)
    seconds = [second for second, mass in enumerate(on_pan) if mass]
    assert seconds == [*range(10, 15), *range(45, 50), *range(80, 85)]


def test_a_pause_begins_the_watching_anew() -> None:
    asked = [tenth / 10 for tenth in range(1_000) if not 80 <= tenth < 110]
    on_pan = watched(HANDS, asked, 60)
    assert next(second for second, mass in enumerate(on_pan) if mass) == 21


def test_nobody_puts_a_weight_on_that_is_not_there_or_not_asked_for() -> None:
    asked = [tenth / 10 for tenth in range(1_000)]
    assert set(watched(TechnicianSettings(), asked, 60)) == {0}
    assert set(watched(HANDS, [0.0], 60)) == {0}
