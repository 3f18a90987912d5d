"""Volumes are exact, every nanolitre has one line, and each syringe's account balances."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.record.events import SyringeRemoved
from controller.session.account import (
    Span,
    SyringeAccount,
    dose_span,
    primed_span,
    purged_span,
    session_account,
    syringe_account,
    volume_nl,
    zone_account,
)
from controller.session.amounts import Amount
from tests.support.arms import PERSON, batch, closed, event, opened, priming
from tests.support.sessions import SESSION, book, loaded, opened_books, progress_of

PRIME = priming(1)
PURGE = priming(2, purpose="purge")
DOSE = opened(3, picolitres_a_step=2_711)
HISTORY = (
    PRIME,
    closed(PRIME, Amount(prime_steps=4_000, preload_steps=200)),
    PURGE,
    closed(PURGE, Amount(prime_steps=300)),
    DOSE,
    batch(event(0), arm_id=3, ceilings=(3, 30)),
)


def test_volume_is_steps_times_the_frozen_picolitres() -> None:
    assert volume_nl(738, 2_711) == Fraction(738 * 2_711, 1_000)


def test_each_category_has_its_own_line() -> None:
    books = opened_books(None, *HISTORY)
    arms = books.ledger.of_session(SESSION)
    assert primed_span(arms) == Span(Fraction(4_200), Fraction(4_200))
    assert purged_span(arms) == Span(Fraction(300), Fraction(300))
    assert dose_span(arms) == Span(Fraction(27_110, 1_000), Fraction(81_330, 1_000))
    assert dose_span(arms).unknown_nl == Fraction(54_220, 1_000)


def test_a_zone_counts_its_own_arms_only() -> None:
    other = opened(4, zone="two")
    books = opened_books(
        None, *HISTORY, other, closed(other, Amount(2, dose_steps=20), Amount(3, dose_steps=30))
    )
    arms = books.ledger.of_session(SESSION)
    one, two = zone_account("one", arms), zone_account("two", arms)
    assert (one.punctures_certain, one.punctures_possible) == (1, 3)
    assert (two.punctures_certain, two.punctures_possible) == (2, 3)
    assert two.dose == Span(Fraction(20), Fraction(30))


def test_the_syringes_account_balances_and_knows_what_is_left() -> None:
    books = opened_books(None, *HISTORY)
    progress = progress_of(books)
    syringe = progress.book.syringe
    assert syringe is not None
    account = syringe_account(syringe, books.intervals_of(syringe))
    assert account == SyringeAccount(
        1,
        1_000_000,
        delivered_nl=Fraction(2_711, 100),
        primed_nl=Fraction(4_200),
        purged_nl=Fraction(300),
        discarded_nl=Fraction(0),
        unknown_nl=Fraction(5_422, 100),
    )
    assert account.left_nl == 1_000_000 - 4_500 - Fraction(8_133, 100)
    assert progress.syringe_left_nl() == account.left_nl


def test_a_syringe_taken_out_has_nothing_left_and_the_next_one_starts_full() -> None:
    books = opened_books(None, *HISTORY)
    left_nl = progress_of(books).syringe_left_nl()
    removed = SyringeRemoved(
        syringe=1,
        discarded_nl_numerator=left_nl.numerator,
        discarded_nl_denominator=left_nl.denominator,
        reason="swapped",
        actor=PERSON,
    )
    book(books, removed)
    assert progress_of(books).syringe_left_nl() == 0
    book(books, loaded(500_000, 2))
    assert progress_of(books).syringe_left_nl() == 500_000
    account = session_account(books, books.sessions[SESSION], ["one"])
    assert [each.left_nl for each in account.syringes] == [0, 500_000]
    assert account.dose == account.zones[0].dose
    assert (int(account.primed.certain_nl), int(account.purged.certain_nl)) == (4_200, 300)


@pytest.mark.hazard("H30")
@given(
    steps=st.tuples(*[st.integers(0, 10**6)] * 4),
    extra=st.integers(0, 10**5),
    picolitres=st.integers(1_000, 20_000),
)
def test_what_was_loaded_is_always_accounted_for(
    steps: tuple[int, int, int, int], extra: int, picolitres: int
) -> None:
    prime = priming(1, picolitres_a_step=picolitres)
    purge = priming(2, purpose="purge", picolitres_a_step=picolitres)
    dose = opened(3, picolitres_a_step=picolitres)
    books = opened_books(
        None,
        prime,
        closed(prime, Amount(prime_steps=steps[0], preload_steps=steps[1])),
        purge,
        closed(purge, Amount(prime_steps=steps[2])),
        dose,
        closed(dose, Amount(1, dose_steps=steps[3]), Amount(2, dose_steps=steps[3] + extra)),
    )
    account = session_account(books, books.sessions[SESSION], ["one"])
    (syringe,) = account.syringes
    parts = (
        syringe.delivered_nl
        + syringe.primed_nl
        + syringe.purged_nl
        + syringe.discarded_nl
        + syringe.unknown_nl
        + syringe.left_nl
    )
    assert parts == syringe.loaded_nl
    assert syringe.left_nl == 1_000_000 - volume_nl(sum(steps) + extra, picolitres)
