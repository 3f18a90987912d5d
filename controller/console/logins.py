"""Who is logged in on which screen: PIN, lock-out, time-out, and what of it is recorded.

Lives on the controller's loop. A login is known by a random token in the page's cookie; only the
token's hash is kept. In training nobody needs to log in as long as no people are entered.
"""

import hashlib
import secrets
from collections.abc import Callable
from datetime import timedelta

import msgspec

from controller.clock import Clock
from controller.console.errors import LoginRefused as PinRefused
from controller.console.errors import NotLoggedIn, PersonLocked
from controller.console.people import NOBODY, People, Person
from controller.console.views import LoginView, Role
from controller.record.console_events import LockedOut, LoggedIn, LoggedOut, LoginRefused
from controller.record.events import Actor, Body
from controller.session.act_errors import NotAllowed
from controller.settings.service import Realm

TIME_OUT_S = 900.0
"""A login ends after so long without an act, but not while an arm is open (engineering
estimate: a treatment's longest pause; gloves make a PIN a burden)."""
WRONG_PINS = 5
LOCKED_S = 300.0
"""So many wrong PINs in a row lock a person out for so long (engineering estimate: 10,000 PINs of
four digits would take a week)."""
TRAINEE = Actor(name="trainee", role="operator")
"""Who acts in training before any people are entered; what this person does treats nobody."""
MOST_LOGINS = 32

TREATING: frozenset[Role] = frozenset({"operator", "administrator"})
EVERYBODY: frozenset[Role] = frozenset({"operator", "technician", "administrator"})


class Login(msgspec.Struct):
    """One login on one screen."""

    actor: Actor
    until_mono_s: float


class Failures(msgspec.Struct):
    """Wrong PINs of one person in a row."""

    count: int = 0
    locked_until_mono_s: float = float("-inf")


class Logins:
    """`note` records; `may_end` says whether a login may time out now."""

    def __init__(
        self, clock: Clock, note: Callable[[Body], None], may_end: Callable[[], bool]
    ) -> None:
        self._clock = clock
        self._note = note
        self._may_end = may_end
        self._logins: dict[str, Login] = {}
        self._failures: dict[str, Failures] = {}
        self.people = People()
        self.realm: Realm = "treatment"

    # --- coming ------------------------------------------------------------------------------

    def candidate(self, name: str) -> Person:
        """Whose PIN is to be compared, which is slow and done elsewhere. Raises PersonLocked."""
        person = self.people.named(name)
        if person is None:
            return NOBODY
        left_s = self._failed(name).locked_until_mono_s - self._clock.mono_s()
        if left_s > 0:
            self._note(LoginRefused(person=name, reason="locked"))
            raise PersonLocked(f"Logins of this person are locked for {left_s:.0f} s.")
        return person

    def enter(self, person: Person, old_token: str | None, *, pin_is_right: bool) -> str:
        """Log in; returns the token for the cookie. Raises PinRefused."""
        actor = self.vouch(person, pin_is_right=pin_is_right)
        self._end(old_token, "replaced")
        self._forget_oldest()
        token = secrets.token_urlsafe(32)
        self._logins[_key(token)] = Login(actor, self._clock.mono_s() + TIME_OUT_S)
        self._note(LoggedIn(actor=actor))
        return token

    def vouch(self, person: Person, *, pin_is_right: bool) -> Actor:
        """Somebody answers for one act with the own PIN, and is logged in nowhere by it.

        Raises PinRefused; a wrong PIN counts as at a login.
        """
        if person is NOBODY:
            self._note(LoginRefused(person=None, reason="unknown"))
            raise PinRefused("Name and PIN do not belong together.")
        if not pin_is_right:
            self._wrong(person)
            raise PinRefused("Name and PIN do not belong together.")
        self._failures.pop(person.name, None)
        return Actor(name=person.name, role=person.role)

    # --- staying and going -------------------------------------------------------------------

    def who(self, token: str | None) -> Actor | None:
        """Who acts with this token; readable from any thread, and never raises."""
        login = self._logins.get(_key(token)) if token else None
        return login.actor if login is not None else self._nobody()

    def view(self, token: str | None) -> LoginView | None:
        """What the page shows of it."""
        actor = self.who(token)
        if actor is None or actor.role == "program":
            return None
        login = self._logins.get(_key(token)) if token else None
        left_s = TIME_OUT_S if login is None else login.until_mono_s - self._clock.mono_s()
        expires_wall = self._clock.now_wall() + timedelta(seconds=max(0.0, left_s))
        return LoginView(person=actor.name, role=actor.role, expires_wall=expires_wall.isoformat())

    def require(self, token: str | None, roles: frozenset[Role]) -> Actor:
        """Who acts, with the time-out put off. Raises NotLoggedIn, NotAllowed."""
        self.expire()
        actor = self.who(token)
        if actor is None:
            raise NotLoggedIn("Nobody is logged in on this screen.")
        if actor.role not in roles and self.realm != "training":
            raise NotAllowed(f"'{actor.role}' may not do this.")
        if token and (login := self._logins.get(_key(token))) is not None:
            login.until_mono_s = self._clock.mono_s() + TIME_OUT_S
        return actor

    def leave(self, token: str | None) -> None:
        """Log out."""
        self._end(token, "logout")

    def expire(self) -> bool:
        """End what has timed out; whether anything did. While an arm is open nothing does."""
        now_mono_s = self._clock.mono_s()
        gone = [key for key, login in self._logins.items() if login.until_mono_s <= now_mono_s]
        if not gone or not self._may_end():
            return False
        for key in gone:
            self._note(LoggedOut(actor=self._logins.pop(key).actor, reason="time_out"))
        return True

    # --- inside --------------------------------------------------------------------------------

    def _nobody(self) -> Actor | None:
        return TRAINEE if self.realm == "training" and not self.people.people else None

    def _end(self, token: str | None, reason: str) -> None:
        login = self._logins.pop(_key(token), None) if token else None
        if login is not None:
            why = "replaced" if reason == "replaced" else "logout"
            self._note(LoggedOut(actor=login.actor, reason=why))

    def _forget_oldest(self) -> None:
        while len(self._logins) >= MOST_LOGINS:
            login = self._logins.pop(next(iter(self._logins)))
            self._note(LoggedOut(actor=login.actor, reason="replaced"))

    def _failed(self, name: str) -> Failures:
        return self._failures.setdefault(name, Failures())

    def _wrong(self, person: Person) -> None:
        self._note(LoginRefused(person=person.name, reason="wrong_pin"))
        failed = self._failed(person.name)
        failed.count += 1
        if failed.count >= WRONG_PINS:
            failed.count = 0
            failed.locked_until_mono_s = self._clock.mono_s() + LOCKED_S
            self._note(LockedOut(person=person.name, seconds=round(LOCKED_S)))


def _key(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
