"""`micropen session seal`: only an authorised person, only an open arm, for ever."""

from pathlib import Path

import pytest

from controller.record.events import ArmClosed
from controller.record.reader import JournalReader
from controller.service.app import read_books
from tests.support.command_line import Said, in_process
from tests.support.inputs import CONFIG
from tests.support.journals import armed, changed, open_journal, opened, pen_seen, strokes


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder as a crash leaves it: arm 1 is open, two of its punctures are recorded."""
    journal = open_journal(tmp_path / "state" / "journal")
    for drafts in (pen_seen(), [opened()], [armed(1)], [strokes(1, 0, 2)], [changed("running")]):
        journal.append(drafts)
    journal.close()
    return tmp_path / "state"


def seal(state: Path, arm: str, role: str = "technician") -> Said:
    who = ("--by", "T. Echnician", "--role", role, "--reason", "pen crushed")
    return in_process("session", "seal", arm, *who, "--config", CONFIG, "--state", state)


@pytest.mark.hazard("H13")
def test_a_sealed_arm_counts_at_its_upper_bound_for_ever(state: Path) -> None:
    (interval,) = read_books(state / "journal").ledger.open_intervals()
    certain, possible = interval.certain, interval.possible
    assert certain != possible
    assert seal(state, "1").code == 0
    books = read_books(state / "journal")
    assert books.ledger.open_intervals() == []
    sealed = next(iter(books.ledger.intervals.values()))
    assert (sealed.certain, sealed.possible) == (certain, possible)
    reader = JournalReader(state / "journal")
    bodies = [entry.body() for entry in reader.entries()]
    reader.close()
    (closed,) = [body for body in bodies if isinstance(body, ArmClosed)]
    assert closed.actor is not None
    assert (closed.how, closed.actor.name, closed.reason) == (
        "sealed",
        "T. Echnician",
        "pen crushed",
    )


def test_nothing_is_sealed_twice_or_by_a_wrong_number(state: Path) -> None:
    assert seal(state, "7").code == 40
    assert seal(state, "1").code == 0
    assert seal(state, "1").code == 40


def test_an_operator_may_not_seal(state: Path) -> None:
    assert seal(state, "1", role="operator").code == 2
    assert len(read_books(state / "journal").ledger.open_intervals()) == 1
