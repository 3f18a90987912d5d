"""What balances say: each kind of line, by its maker's manual, and what no line may become."""

import pytest

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


def mt(line: str) -> Heard:
    return mt_sics.read_line(line.encode("latin-1"))


def sartorius(line: str) -> Heard:
    return sbi.read_line(line.encode("latin-1"))


@pytest.mark.parametrize(
    ("line", "mass_ug", "digit_ug", "stable"),
    [
        ("S S     100.00 g", 100_000_000, 10_000, True),
        ("S D     100.00 g", 100_000_000, 10_000, False),
        ("SI S     12.3456 g", 12_345_600, 100, True),
        ("S S     -0.00012 g", -120, 10, True),
        ("S S   12.345 mg", 12_345, 1, True),
        ("S S   12.3456 mg", 12_346, 1, True),
        ("S S   12.3445 mg", 12_344, 1, True),  # half a microgram: to the even one
        ("SIR D 5 g", 5_000_000, 1_000_000, False),
        ("SR S 5 g", 5_000_000, 1_000_000, True),
        ("SNR S 5 g", 5_000_000, 1_000_000, True),
        ("SU S 5 g", 5_000_000, 1_000_000, True),
        ("SIU S 5 g", 5_000_000, 1_000_000, True),
    ],
)
def test_mt_sics_masses(line: str, mass_ug: int, digit_ug: int, stable: bool) -> None:
    assert mt(line) == Reading(mass_ug, digit_ug, stable)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("S I", Why.BUSY),
        ("SI I", Why.BUSY),
        ("S +", Why.OVERLOAD),
        ("S -", Why.UNDERLOAD),
        ("S L", Why.ERROR),
        ("T I", Why.BUSY),
        ("Z +", Why.OVERLOAD),
        ("ES", Why.ERROR),
        ("ET", Why.ERROR),
        ("EL", Why.ERROR),
        ("S S Error 10b", Why.ERROR),
        ("S S  0.012 kg", Why.UNIT),
        ("S S  12.0 ct", Why.UNIT),
        ("S S  12 PCS", Why.UNIT),
        ("S S", Why.GARBLED),
        ("S", Why.GARBLED),
        ("S S 12.0", Why.GARBLED),
        ("S S 12.0 g g", Why.GARBLED),
        ("S X 12.0 g", Why.GARBLED),
        ("S S 1e3 g", Why.GARBLED),
        ("S S nan g", Why.GARBLED),
        ("S S 1.2.3 g", Why.GARBLED),
        ("s s 1.2 g", Why.GARBLED),
        ("S S 1\xb2.0 g", Why.GARBLED),
        ("S S 12345678901 g", Why.GARBLED),
        ("T Q 1 g", Why.GARBLED),
        ("12.0 g", Why.GARBLED),
    ],
)
def test_mt_sics_lines_that_are_no_reading(line: str, why: Why) -> None:
    assert mt(line) == Discard(why, line.encode("latin-1"))


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ('I4 A "B021002593"', Answer("I4", ("B021002593",))),
        ('I1 A "01" "2.30" "2.22"', Answer("I1", ("01", "2.30", "2.22"))),
        ('@ A "B021002593"', Answer("@", ("B021002593",))),
        ("Z A", Answer("Z", ())),
        ("T S    100.00 g", Answer("T", ("100.00", "g"))),
    ],
)
def test_mt_sics_answers_are_no_readings(line: str, answer: Answer) -> None:
    assert mt(line) == answer


@pytest.mark.parametrize(
    ("line", "mass_ug", "digit_ug"),
    [
        ("+   123.56 g  ", 123_560_000, 10_000),
        ("   111.255 g  ", 111_255_000, 1_000),
        ("-     0.12 mg ", -120, 10),
        ("+  123.5[6]g  ", 123_560_000, 10_000),
        ("N     +   123.56 g  ", 123_560_000, 10_000),
        ("G#    +   123.56 g  ", 123_560_000, 10_000),
    ],
)
def test_sbi_masses(line: str, mass_ug: int, digit_ug: int) -> None:
    assert sartorius(line) == Reading(mass_ug, digit_ug, stable=True)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("+   123.56    ", Why.UNSTABLE),
        ("N     +   123.56    ", Why.UNSTABLE),
        ("      High    ", Why.OVERLOAD),
        ("Stat        High    ", Why.OVERLOAD),
        ("      H       ", Why.OVERLOAD),
        ("      Low     ", Why.UNDERLOAD),
        ("       L      ", Why.UNDERLOAD),
        ("      --      ", Why.BUSY),
        ("       C      ", Why.BUSY),
        ("      L L     ", Why.UNDERLOAD),
        ("      H H     ", Why.OVERLOAD),
        ("Stat        Cal.Ext.", Why.BUSY),
        ("              ", Why.BUSY),
        ("   Err 054    ", Why.ERROR),
        ("Stat     ERR  054   ", Why.ERROR),
        ("Stat     APP.ER     ", Why.ERROR),
        ("+   253    pcs", Why.UNIT),
        ("+    0.123 kg ", Why.UNIT),
        ("+   12.34  ct ", Why.UNIT),
        ("+   1.2.3  g  ", Why.GARBLED),
        ("+   123.56 g ", Why.GARBLED),  # 13 columns
        ("+    123.56 g  ", Why.GARBLED),  # 15
        ("+   123.56 \x07  ", Why.GARBLED),
        ("+   123.5\xb2 g  ", Why.GARBLED),
        ("", Why.GARBLED),
    ],
)
def test_sbi_lines_that_are_no_reading(line: str, why: Why) -> None:
    assert sartorius(line) == Discard(why, line.encode("latin-1"))


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("   Entris II  ", Answer("", ("Entris II",))),
        ("T1    +    12.00 g  ", Answer("T1", ("+    12.00 g",))),
        ("Qnt   +      253 pcs", Answer("Qnt", ("+      253 pcs",))),
    ],
)
def test_sbi_lines_about_something_else_are_no_readings(line: str, answer: Answer) -> None:
    assert sartorius(line) == answer


def test_bytes_come_in_any_pieces() -> None:
    parser = Parser(mt_sics.read_line)
    assert parser.feed(b"S S     100") == []
    assert parser.feed(b".00 g\r") == [Reading(100_000_000, 10_000, stable=True)]
    assert parser.feed(b"\nS I\r\nS D 1 g\r\n") == [
        Discard(Why.BUSY, b"S I"),
        Reading(1_000_000, 1_000_000, stable=False),
    ]


def test_a_line_without_end_is_dropped_whole_and_once() -> None:
    parser = Parser(mt_sics.read_line)
    heard = parser.feed(b"x" * 81)
    assert heard == [Discard(Why.GARBLED, b"x" * 80)]
    assert parser.feed(b"x" * 200) == []
    # What follows up to the next end belongs to it, however much it looks like a reading.
    assert parser.feed(b"S S 9 g\r\nS S 1 g\r\n") == [Reading(1_000_000, 1_000_000, stable=True)]


def test_a_long_line_with_its_end_is_dropped_alone() -> None:
    parser = Parser(mt_sics.read_line)
    assert parser.feed(b"y" * 500 + b"\r\nS S 1 g\r\n") == [
        Discard(Why.GARBLED, b"y" * 80),
        Reading(1_000_000, 1_000_000, stable=True),
    ]


MT, SBI = QUESTIONS


def test_commands_are_those_of_the_manuals() -> None:
    assert (mt_sics.ASK_STABLE, mt_sics.ASK_NOW) == (b"S\r\n", b"SI\r\n")
    assert (mt_sics.TARE, mt_sics.ZERO, mt_sics.CANCEL) == (b"T\r\n", b"Z\r\n", b"@\r\n")
    assert (sbi.ASK, sbi.TARE, sbi.ZERO) == (b"\x1bP\r\n", b"\x1bU\r\n", b"\x1bV\r\n")
    assert sbi.ASK_MODEL == b"\x1bx1_\r\n"


def test_each_make_is_asked_for_its_serial_number() -> None:
    assert (MT.make, MT.ask) == (Make.MT_SICS, b"I4\r\n")
    assert (SBI.make, SBI.ask) == (Make.SBI, b"\x1bx2_\r\n")
    assert [each.read_line for each in QUESTIONS] == [mt_sics.read_line, sbi.read_line]


@pytest.mark.parametrize(
    ("answer", "serial"),
    [
        (b'I4 A "B021002593"\r\n', "B021002593"),
        (b'S D 1.0 g\r\nI4 A "B021002593"\r\n', "B021002593"),
        (b'I4 A "B0210', None),
        (b'I4 A ""\r\n', None),
        (b'I2 A "B021002593"\r\n', None),
        (b"I4 I\r\n", None),
        (b'I4 A "B021002593" "2"\r\n', None),
        (b"ES\r\n", None),
        (b"", None),
        (b"\x00\x11\x9f I4 \xff\r\n", None),
    ],
)
def test_mt_sics_is_known_by_its_serial_number(answer: bytes, serial: str | None) -> None:
    expected = Identity(Make.MT_SICS, serial) if serial else None
    assert identify(MT, answer) == expected


@pytest.mark.parametrize(
    ("answer", "serial"),
    [
        (b"   23456789   \r\n", "23456789"),
        (b"   SN0456A    \r\n", "SN0456A"),
        (b"   LABORATORY \r\n", None),
        (b"Ser.no.    0027405512\r\n", None),
        (b"Ser.no   0027405512 \r\n", "0027405512"),
        (b"+   123.56 g  \r\n", None),
        (b"+   123.56    \r\n", None),
        (b"      High    \r\n", None),
        (b"ES\r\n", None),
        (b'I4 A "B021002593"\r\n', None),
        (b"\x1bx2_\r\n", None),
        (b"", None),
    ],
)
def test_sbi_is_known_by_its_serial_number(answer: bytes, serial: str | None) -> None:
    expected = Identity(Make.SBI, serial) if serial else None
    assert identify(SBI, answer) == expected
