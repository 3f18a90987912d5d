"""The account of a session: exact volumes from steps, zone by zone and syringe by syringe.

Volume = steps x the picolitres a step that were frozen at each arm (design section 5). Nothing is
rounded here; the account balances exactly: loaded = delivered + primed + purged + discarded +
unknown + still in the syringe.
"""

from collections.abc import Iterable
from fractions import Fraction

import msgspec

from controller.session.amounts import Amount
from controller.session.books import Books, SessionBook, Syringe
from controller.session.ledger import Interval

PICOLITRES_A_NANOLITRE = 1000


class Span(msgspec.Struct, frozen=True):
    """A volume in nanolitres that is known to lie between two exact values."""

    certain_nl: Fraction = Fraction(0)
    possible_nl: Fraction = Fraction(0)

    def plus(self, other: "Span") -> "Span":
        """Both ends added."""
        return Span(self.certain_nl + other.certain_nl, self.possible_nl + other.possible_nl)

    @property
    def unknown_nl(self) -> Fraction:
        """The width of the interval."""
        return self.possible_nl - self.certain_nl


class ZoneAccount(msgspec.Struct, frozen=True):
    """What a zone got."""

    zone: str
    punctures_certain: int
    punctures_possible: int
    dose: Span


class SyringeAccount(msgspec.Struct, frozen=True):
    """Where a syringe's fill went. `left_nl` is what must still be inside."""

    syringe: int
    loaded_nl: int
    delivered_nl: Fraction
    primed_nl: Fraction
    purged_nl: Fraction
    discarded_nl: Fraction
    unknown_nl: Fraction

    @property
    def left_nl(self) -> Fraction:
        """Fill minus all that left it, at its upper end."""
        pumped_nl = self.delivered_nl + self.primed_nl + self.purged_nl + self.unknown_nl
        return self.loaded_nl - pumped_nl - self.discarded_nl


class Account(msgspec.Struct, frozen=True):
    """A session's whole account."""

    zones: tuple[ZoneAccount, ...]
    syringes: tuple[SyringeAccount, ...]
    primed: Span
    purged: Span

    @property
    def dose(self) -> Span:
        """All zones together."""
        return _sum(zone.dose for zone in self.zones)


def volume_nl(steps: int, picolitres_a_step: int) -> Fraction:
    """The exact volume of `steps` in nanolitres."""
    return Fraction(steps * picolitres_a_step, PICOLITRES_A_NANOLITRE)


def _sum(spans: Iterable[Span]) -> Span:
    total = Span()
    for span in spans:
        total = total.plus(span)
    return total


def _span(interval: Interval, steps_of: str) -> Span:
    each = interval.opened.picolitres_a_step
    certain, possible = interval.certain, interval.possible
    return Span(_volume(certain, steps_of, each), _volume(possible, steps_of, each))


def _volume(amount: Amount, steps_of: str, picolitres_a_step: int) -> Fraction:
    if steps_of == "dose":
        return volume_nl(amount.dose_steps, picolitres_a_step)
    return volume_nl(amount.forward_steps - amount.dose_steps, picolitres_a_step)


def dose_span(intervals: Iterable[Interval]) -> Span:
    """What went to the patient in these arms."""
    return _sum(_span(interval, "dose") for interval in intervals)


def primed_span(intervals: Iterable[Interval]) -> Span:
    """What was primed, preloaded or benched in these arms."""
    return _sum(_span(each, "other") for each in intervals if each.opened.purpose != "purge")


def purged_span(intervals: Iterable[Interval]) -> Span:
    """What was discarded through the needle on purpose."""
    return _sum(_span(each, "other") for each in intervals if each.opened.purpose == "purge")


def zone_account(zone: str, intervals: Iterable[Interval]) -> ZoneAccount:
    """One zone's account from all intervals of a session."""
    mine = [interval for interval in intervals if interval.opened.zone == zone]
    return ZoneAccount(
        zone,
        sum(interval.certain.punctures for interval in mine),
        sum(interval.possible.punctures for interval in mine),
        dose_span(mine),
    )


def syringe_account(syringe: Syringe, intervals: Iterable[Interval]) -> SyringeAccount:
    """One syringe's account from the arms that drew from it."""
    arms = list(intervals)
    dose, primed, purged = dose_span(arms), primed_span(arms), purged_span(arms)
    removed = syringe.removed
    discarded = (
        Fraction(removed.discarded_nl_numerator, removed.discarded_nl_denominator)
        if removed is not None
        else Fraction(0)
    )
    return SyringeAccount(
        syringe.loaded.syringe,
        syringe.loaded.fill_nl,
        dose.certain_nl,
        primed.certain_nl,
        purged.certain_nl,
        discarded,
        dose.unknown_nl + primed.unknown_nl + purged.unknown_nl,
    )


def session_account(books: Books, book: SessionBook, zones: Iterable[str]) -> Account:
    """The account of a session, with `zones` in plan order."""
    intervals = books.ledger.of_session(book.session_id)
    return Account(
        tuple(zone_account(zone, intervals) for zone in zones),
        tuple(syringe_account(each, books.intervals_of(each)) for each in book.syringes),
        primed_span(intervals),
        purged_span(intervals),
    )
