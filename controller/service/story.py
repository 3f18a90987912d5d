"""One session as the journal tells it: account, arms and alarms, for `session show` and the end of
a run. Reads the journal's files and nothing else; heavy, so never in a process that drives a pen
while it does.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError

from controller.errors import UnknownSession
from controller.record.entry import Entry
from controller.record.events import AlarmCleared, AlarmRaised
from controller.record.reader import JournalReader, Realm
from controller.session.account import Account, session_account
from controller.session.books import Books, SessionBook
from controller.session.ledger import Interval
from controller.session.product import Product
from controller.session.summary import account_dict
from controller.session.terms import Terms, terms_of

REALM_WORDS = {"training": "SIMULATED pen, training: nobody was treated", "treatment": "treatment"}


class AlarmLine(msgspec.Struct):
    """One alarm of the session, from raised to cleared; `cleared_wall` is None while it stands."""

    alarm_id: str
    priority: str
    sentence: str
    raised_wall: str
    cleared_wall: str | None = None


class Story(msgspec.Struct, frozen=True):
    """A session. `product` and `planned` are empty when the plan is in a form not known here."""

    realm: Realm
    book: SessionBook
    product: Product | None
    planned: dict[str, int]
    account: Account
    arms: list[Interval]
    alarms: list[AlarmLine]


def read_story(path: Path, session_id: str) -> Story:
    """The story of one session of a journal.

    Raises UnknownSession E5020, or another JournalError when the journal cannot be trusted.
    """
    books, alarms = Books(), _Alarms(session_id)
    with closing(JournalReader(path)) as reader:
        realm = reader.realm
        for entry in reader.entries():
            books.apply_entry(entry)
            alarms.take(entry)
    if session_id not in books.sessions:
        raise UnknownSession(f"There is no session {session_id} in {path}.")
    return _story(realm, books, books.sessions[session_id], alarms.lines)


def _story(realm: Realm, books: Books, book: SessionBook, alarms: list[AlarmLine]) -> Story:
    terms = _terms(book)
    arms = books.ledger.of_session(book.session_id)
    planned = {} if terms is None else {zone.name: zone.punctures for zone in terms.plan.zones}
    zones = dict.fromkeys([*planned, *_zones(arms)])
    product = None if terms is None else terms.product
    account = session_account(books, book, zones)
    return Story(realm, book, product, planned, account, arms, alarms)


def _terms(book: SessionBook) -> Terms | None:
    """None for a session of another version, whose volumes are known all the same."""
    try:
        return terms_of(book.opened)
    except ValidationError:
        return None


def _zones(arms: list[Interval]) -> Iterator[str]:
    return (arm.opened.zone for arm in arms if arm.opened.zone is not None)


class _Alarms:
    """The alarms of one session, in the order in which they were raised."""

    def __init__(self, session_id: str) -> None:
        self._session_id = session_id
        self.lines: list[AlarmLine] = []

    def take(self, entry: Entry) -> None:
        """Take the journal's next entry."""
        if entry.session_id != self._session_id or not entry.kind.startswith("alarm_"):
            return
        match entry.body():
            case AlarmRaised() as raised:
                words = (raised.alarm_id, raised.priority, raised.sentence)
                self.lines.append(AlarmLine(*words, entry.wall))
            case AlarmCleared() as cleared:
                for line in self.lines:
                    if line.alarm_id == cleared.alarm_id and line.cleared_wall is None:
                        line.cleared_wall = entry.wall
            case _:
                pass


def how_closed(arm: Interval) -> str:
    """How far the arm's end is known, in a word or two."""
    if arm.closed is None:
        return "open: the pen's last word is missing"
    if arm.certain != arm.possible:
        return f"{arm.closed.how}, residual: counted at its upper end"
    return f"{arm.closed.how} ({arm.closed.end_reason.lower()})"


def story_dict(story: Story) -> dict[str, Any]:
    """The story for programs: plain data, exact volumes as "numerator/denominator"."""
    book = story.book
    return {
        "session_id": book.session_id,
        "realm": story.realm,
        "state": str(book.state),
        "outcome": None if book.closed is None else book.closed.outcome,
        "opened_wall": book.opened_wall,
        "plan_name": book.opened.plan_name,
        "plan_digest": book.opened.plan_digest,
        "patient": book.opened.patient,
        "operator": book.opened.operator.name,
        "account": account_dict(story.account, story.product),
        "arms": [_arm_dict(arm) for arm in story.arms],
        "alarms": [msgspec.to_builtins(line) for line in story.alarms],
    }


def _arm_dict(arm: Interval) -> dict[str, Any]:
    opened, certain, possible = arm.opened, arm.certain, arm.possible
    return {
        "arm_id": opened.arm_id,
        "pen_uid": opened.pen_uid,
        "mode": opened.mode,
        "purpose": opened.purpose,
        "zone": opened.zone,
        "is_open": arm.is_open,
        "end": how_closed(arm),
        "punctures_certain": certain.punctures,
        "punctures_possible": possible.punctures,
        "forward_steps_certain": certain.forward_steps,
        "forward_steps_possible": possible.forward_steps,
        "picolitres_a_step": opened.picolitres_a_step,
    }
