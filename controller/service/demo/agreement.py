"""Does everything agree? Ledger, pen, oracle, journal, archive and account, pair by pair.

Each check names both sides; the demo ends well only when all hold.
"""

import json
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import msgspec

from controller.record.verify import verify
from controller.service.demo.follow import Follower
from controller.session.account import dose_span, session_account
from controller.session.amounts import Amount
from controller.session.books import SessionBook
from controller.session.terms import terms_of
from protocol.messages import Counters

# domain.md 4.5: an accumulated dose of 200 uL and more passes within 5 %.
VOLUME_TOLERANCE = Fraction(5, 100)


class Check(msgspec.Struct, frozen=True):
    """One comparison."""

    what: str
    one: str
    other: str
    holds: bool


class Truth(msgspec.Struct, frozen=True):
    """What the simulator's oracle says really happened in the pen's life."""

    punctures: int
    forward_steps: int
    backward_steps: int
    skin_nl: float
    surface_nl: float
    leaked_nl: float


def read_truth(path: Path) -> Truth:
    """The oracle's totals, from the file that the simulator left."""
    return msgspec.convert(json.loads(path.read_bytes())["totals"], Truth)


def archived(folder: Path) -> set[tuple[int, str]]:
    """Sequence number and hash of every entry that an archive has kept."""
    found = set()
    for path in folder.glob("*.jsonl"):
        for line in path.read_bytes().splitlines():
            entry = json.loads(line)["entry"]
            found.add((int(entry["seq"]), str(entry["hash"])))
    return found


def checks(
    follower: Follower, pen: Counters, truth: Truth, journal: Path, archive: Path
) -> list[Check]:
    """All comparisons for the newest session of a pen whose whole life is in this journal."""
    book = follower.book
    if book is None:
        return [Check("session", "none", "one", holds=False)]
    arms = list(follower.books.ledger.intervals.values())
    certain, possible = _sum(arm.certain for arm in arms), _sum(arm.possible for arm in arms)
    report = verify(journal)
    sent = archived(archive)
    return [
        _equal("session closed as complete", _outcome(book), "complete"),
        _equal("ledger: certain = possible", _text(certain), _text(possible)),
        _equal("ledger = pen: punctures", certain.punctures, pen.punctures),
        _equal("ledger = pen: steps", certain.forward_steps, pen.forward_steps),
        _equal("ledger = oracle: punctures", certain.punctures, truth.punctures),
        _equal("ledger = oracle: steps", certain.forward_steps, truth.forward_steps),
        _volume(follower, book, truth),
        _syringes(follower, book),
        _equal("journal verified", report.problem or "every hash", "every hash"),
        _equal("archive = journal: entries", len(sent), follower.entries),
        Check("archive = journal: hashes", "as sent", "as kept", holds=sent == follower.seen),
    ]


def _equal(what: str, one: object, other: object) -> Check:
    return Check(what, str(one), str(other), holds=one == other)


def _outcome(book: SessionBook) -> str:
    return "open" if book.closed is None else book.closed.outcome


def _text(amount: Amount) -> str:
    return f"{amount.punctures} punctures, {amount.forward_steps} steps"


def _sum(amounts: Iterable[Amount]) -> Amount:
    total = Amount()
    for amount in amounts:
        total = total.plus(amount)
    return total


def _volume(follower: Follower, book: SessionBook, truth: Truth) -> Check:
    booked = dose_span(follower.books.ledger.of_session(book.session_id)).certain_nl
    left_needle_nl = truth.skin_nl
    tolerance = float(booked * VOLUME_TOLERANCE)
    return Check(
        "volume in skin, within 5 %",
        f"{float(booked) / 1000:.1f} uL booked",
        f"{left_needle_nl / 1000:.1f} uL by the oracle",
        holds=abs(float(booked) - left_needle_nl) <= tolerance,
    )


def _syringes(follower: Follower, book: SessionBook) -> Check:
    zones = [zone.name for zone in terms_of(book.opened).plan.zones]
    account = session_account(follower.books, book, zones)
    left = sum((syringe.left_nl for syringe in account.syringes), start=Fraction(0))
    return _equal("syringe = delivered + primed + discarded", f"{left} nl left", "0 nl left")
