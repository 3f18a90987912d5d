"""What a balance is believed: answers in a row that agree, each to a question of its own."""

import asyncio
from collections.abc import Callable, Iterator
from itertools import repeat

import pytest

from controller.calibration.balance import Answer, Discard, Heard, Reading, Why, mt_sics
from controller.calibration.balance.reader import AGREEING, Agreement, Balance
from controller.calibration.errors import (
    BalanceDoubtful,
    BalanceGarbled,
    BalanceOverloaded,
    BalanceReportsError,
    BalanceSilent,
    BalanceTrouble,
    BalanceUnderloaded,
    BalanceUnit,
    BalanceUnknown,
    BalanceUnstable,
)
from tests.support.virtual import VirtualClock


def stable(mass_ug: int, digit_ug: int = 100) -> Reading:
    return Reading(mass_ug, digit_ug, stable=True)


def discard(why: Why) -> Discard:
    return Discard(why, b"S x")


def feed(*heard: Heard) -> Reading | None:
    agreement = Agreement()
    found = [agreement.add(each) for each in heard]
    assert all(each is None for each in found[:-1])
    return found[-1]


@pytest.mark.parametrize(
    "between",
    [
        discard(Why.GARBLED),
        discard(Why.UNSTABLE),
        Reading(40_000, 100, stable=False),
        stable(40_300),
        stable(40_000, 10),
        Answer("Z"),
    ],
)
def test_readings_agree_in_a_row_with_nothing_between(between: Heard) -> None:
    good = [stable(40_000)] * (AGREEING - 1)
    assert feed(*good, stable(40_000)) == stable(40_000)
    assert feed(*good, between, *good) is None
    assert feed(*good, between, *good, stable(40_100)) is not None


def test_of_readings_that_differ_by_a_digit_the_middle_one_counts() -> None:
    assert feed(stable(100), stable(300), stable(200), stable(200)) == stable(200)


@pytest.mark.parametrize(
    ("why", "error"),
    [
        (Why.OVERLOAD, BalanceOverloaded),
        (Why.UNDERLOAD, BalanceUnderloaded),
        (Why.UNIT, BalanceUnit),
        (Why.ERROR, BalanceReportsError),
    ],
)
def test_a_trouble_counts_when_told_as_often_as_a_weight(
    why: Why, error: type[BalanceTrouble]
) -> None:
    agreement = Agreement()
    for _ in range(AGREEING - 1):
        agreement.add(discard(why))
        agreement.check()
    agreement.add(stable(0))
    agreement.check()
    for _ in range(AGREEING):
        agreement.check()
        agreement.add(discard(why))
    with pytest.raises(error, match="'S x'"):
        agreement.check()


@pytest.mark.parametrize(
    ("heard", "error"),
    [
        (None, BalanceSilent),
        (discard(Why.BUSY), BalanceUnstable),
        (discard(Why.UNSTABLE), BalanceUnstable),
        (stable(0), BalanceUnstable),
        (discard(Why.GARBLED), BalanceGarbled),
    ],
)
def test_the_deadline_says_what_was_last_heard(
    heard: Heard | None, error: type[BalanceTrouble]
) -> None:
    agreement = Agreement()
    if heard is not None:
        agreement.add(heard)
    agreement.check()
    assert type(agreement.late()) is error


class ScriptedPort:
    """A line whose other end answers what the test says."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self.asked: list[bytes] = []
        self.serials: Iterator[int] = repeat(1234)
        self.tell: Callable[[bytes], None] = lambda _data: None
        self._answer = answer

    def start(self, on_bytes: Callable[[bytes], None], on_lost: Callable[[str], None]) -> None:
        del on_lost
        self.tell = on_bytes

    def write(self, data: bytes) -> None:
        self.asked.append(data)
        named = data == mt_sics.ASK_SERIAL
        said = f'I4 A "B{next(self.serials)}"\r\n'.encode() if named else self._answer(data)
        asyncio.get_running_loop().call_soon(self.tell, said)

    def close(self) -> None:
        self.tell = lambda _data: None


async def test_what_was_said_before_the_question_does_not_count() -> None:
    port = ScriptedPort(lambda _asked: b"S S     2.0000 g\r\n")
    reader = Balance(port, clock := VirtualClock.running())
    await reader.identify()
    port.tell(b"S S     1.0000 g\r\n" * 10)
    port.asked.clear()
    assert (await reader.stable_reading(clock.mono_s() + 5)).mass_ug == 2_000_000
    assert port.asked == [mt_sics.ASK_NOW] * AGREEING
    reader.close()


async def test_a_flood_of_equal_lines_counts_once_an_answer() -> None:
    port = ScriptedPort(lambda _asked: b"S S     2.0000 g\r\n" * AGREEING)
    reader = Balance(port, clock := VirtualClock.running())
    await reader.identify()
    port.asked.clear()
    began_s = clock.mono_s()
    await reader.stable_reading(began_s + 5)
    assert clock.mono_s() - began_s >= 0.1 * (AGREEING - 1)
    assert len(port.asked) == AGREEING
    reader.close()


async def test_errors_that_last_are_told() -> None:
    port = ScriptedPort(lambda _asked: b"ES\r\n")
    reader = Balance(port, clock := VirtualClock.running())
    await reader.identify()
    with pytest.raises(BalanceReportsError, match="'ES'"):
        await reader.stable_reading(clock.mono_s() + 5)
    reader.close()


async def test_a_name_that_changes_is_no_balance() -> None:
    port = ScriptedPort(lambda _asked: b"")
    port.serials = iter(range(1000, 2000))
    reader = Balance(port, VirtualClock.running())
    with pytest.raises(BalanceUnknown):
        await reader.identify()
    assert port.asked.count(mt_sics.ASK_SERIAL) >= 2
    reader.close()


@pytest.mark.parametrize("line", [b"T S     2.0000 g\r\n", b"T\x00S     2.0000 g\r\n"])
async def test_a_question_that_tared_the_balance_makes_no_mass(line: bytes) -> None:
    said = iter([line])
    port = ScriptedPort(lambda _asked: next(said, b"S S     0.0000 g\r\n"))
    reader = Balance(port, clock := VirtualClock.running())
    await reader.identify()
    with pytest.raises(BalanceDoubtful):
        await reader.stable_reading(clock.mono_s() + 5)
    assert (await reader.stable_reading(clock.mono_s() + 5)).mass_ug == 0
    reader.close()
