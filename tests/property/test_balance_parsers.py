"""Parsers of balances: any bytes in any pieces, and a real mass comes through all of it."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from controller.calibration.balance import (
    QUESTIONS,
    Discard,
    Heard,
    Parser,
    Reading,
    identify,
    mt_sics,
    sbi,
)

READERS = [mt_sics.read_line, sbi.read_line]
ReadLine = Callable[[bytes], Heard]
# Bytes that look like what a balance says get deeper than random ones.
NEARLY = st.lists(
    st.sampled_from(
        [b"S", b"SI", b" ", b"  ", b"D", b"I", b"+", b"-", b"12.3", b"0", b".", b"g", b"mg", b"kg",
         b"\r\n", b"\n", b'I4 A "', b'"', b"Stat", b"High", b"[", b"]", b"Error", b"\xff", b"\x1b"]
    ),
    max_size=60,
).map(b"".join)  # fmt: skip
ANYTHING = st.one_of(st.binary(max_size=300), NEARLY)


@pytest.mark.parametrize("read_line", READERS)
@given(data=ANYTHING)
@example(data=b"S S " + b"9" * 70 + b" g\r\n")
def test_no_bytes_raise_and_none_is_counted_twice(read_line: ReadLine, data: bytes) -> None:
    heard = Parser(read_line).feed(data)
    assert len(heard) <= data.count(b"\r") + data.count(b"\n") + 1
    for each in heard:
        if isinstance(each, Reading):
            assert each.digit_ug >= 1
            assert abs(each.mass_ug) < 10**15
        if isinstance(each, Discard):
            assert each.line in data


@pytest.mark.parametrize("read_line", READERS)
@given(data=ANYTHING, cuts=st.lists(st.integers(0, 300), max_size=8))
def test_pieces_make_no_difference(read_line: ReadLine, data: bytes, cuts: list[int]) -> None:
    ends = sorted({min(cut, len(data)) for cut in cuts} | {len(data)})
    parser, start, pieces = Parser(read_line), 0, []
    for end in ends:
        pieces += parser.feed(data[start:end])
        start = end
    assert pieces == Parser(read_line).feed(data)


@given(
    mass_ug=st.integers(-(10**9), 10**9),
    decimals=st.integers(0, 6),
    stable=st.booleans(),
    noise=ANYTHING,
)
def test_a_mass_in_grams_comes_through_mt_sics(
    mass_ug: int, decimals: int, stable: bool, noise: bytes
) -> None:
    digit_ug = 10 ** (6 - decimals)
    mass_ug -= mass_ug % digit_ug
    status = "S" if stable else "D"
    line = f"S {status} {Decimal(mass_ug).scaleb(-6):12.{decimals}f} g\r\n".encode()
    heard = Parser(mt_sics.read_line).feed(noise + b"\r\n" + line)
    assert heard[-1] == Reading(mass_ug, digit_ug, stable)


@given(mass_ug=st.integers(-999_999, 999_999), stable=st.booleans(), noise=ANYTHING)
def test_a_mass_in_milligrams_comes_through_sbi(mass_ug: int, stable: bool, noise: bytes) -> None:
    sign, unit = "-" if mass_ug < 0 else "+", "mg" if stable else ""
    number = f"{Decimal(abs(mass_ug)).scaleb(-3):.3f}"
    line = f"{sign}{number:>9} {unit:<3}\r\n".encode()
    heard = Parser(sbi.read_line).feed(noise + b"\r\n" + line)
    if stable:
        assert heard[-1] == Reading(mass_ug, 1, stable=True)
    else:
        assert isinstance(heard[-1], Discard)


@given(data=ANYTHING)
def test_no_answer_makes_detection_fail(data: bytes) -> None:
    for question in QUESTIONS:
        found = identify(question, data)
        assert found is None or found.serial.encode() in data
