"""The fault catalogue: numbers that fit the wire, sentences that help, a row for the unknown."""

import re

import pytest

from protocol.faults import FAULTS, NO_FAULT, Fault, Priority, describe_fault, fault_number


def test_numbers_are_unique_and_fit_the_wire() -> None:
    names = [fault.name for fault in FAULTS.values()]
    assert len(set(names)) == len(names)
    assert all(number == fault.number for number, fault in FAULTS.items())
    assert all(NO_FAULT < number <= 255 for number in FAULTS)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=lambda fault: fault.name)
def test_each_fault_says_what_happened_and_what_to_do(fault: Fault) -> None:
    assert re.fullmatch(r"[A-Z][A-Z_]+", fault.name)
    assert re.fullmatch(r"[A-Z].+\.", fault.sentence)
    assert re.fullmatch(r"[A-Z].+\.", fault.action)
    assert fault_number(fault.name) == fault.number
    assert describe_fault(fault.number) is fault


def test_unknown_number_is_high_and_keeps_its_number() -> None:
    unknown = describe_fault(200)
    assert (unknown.number, unknown.priority) == (200, Priority.HIGH)
    assert "200" in unknown.sentence
    assert unknown.action


def test_unknown_name_raises() -> None:
    with pytest.raises(KeyError):
        fault_number("NOT_A_FAULT")
