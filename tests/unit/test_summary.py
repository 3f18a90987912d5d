"""The account as plain data: exact beside rounded, units and components of the one product."""

import json
from fractions import Fraction

import pytest

from controller.session.account import Span, session_account
from controller.session.amounts import Amount
from controller.session.summary import account_dict, exact, rounded, span_dict
from tests.support import inputs
from tests.support.arms import closed, opened, priming
from tests.support.sessions import SESSION, opened_books


@pytest.mark.parametrize("value", [Fraction(1, 3), Fraction(-2711, 1000), Fraction(0)])
def test_exact_text_reads_back_exactly(value: Fraction) -> None:
    assert Fraction(exact(value)) == value
    assert exact(Fraction(5)) == "5/1"


def test_rounding_is_for_display_only() -> None:
    assert rounded(Fraction(27_109_499, 1_000_000)) == 27.109
    assert rounded(Fraction(1, 3)) == 0.333


def test_a_span_with_its_units_and_components() -> None:
    found = span_dict(Span(Fraction(10_000), Fraction(20_000)), inputs.product())
    assert (found["certain_nl"], found["possible_nl"]) == ("10000/1", "20000/1")
    assert found["unit"] == "ona_u"
    assert Fraction(found["certain_units"]) == Fraction(1, 5)  # 20 U/mL
    assert Fraction(found["possible_units"]) == Fraction(2, 5)
    assert found["components"] == {"saline": {"certain_nl": "5000/1", "possible_nl": "10000/1"}}


def test_without_a_product_there_is_only_volume() -> None:
    found = span_dict(Span(Fraction(1), Fraction(2)), None)
    assert set(found) == {
        "certain_nl",
        "possible_nl",
        "certain_nl_rounded",
        "possible_nl_rounded",
    }


@pytest.mark.hazard("H27")
def test_a_product_without_an_active_has_no_units() -> None:
    plain = inputs.recipe(
        active=None, components=({"name": "saline", "fraction": Fraction(1)},)
    ).with_vial(**inputs.product().vial.model_dump())
    found = span_dict(Span(Fraction(1), Fraction(2)), plain)
    assert "unit" not in found
    assert found["components"]["saline"]["possible_nl"] == "2/1"


def test_the_whole_account_is_plain_json() -> None:
    prime, purge, dose = priming(1), priming(2, purpose="purge"), opened(3)
    books = opened_books(
        None,
        prime,
        closed(prime, Amount(prime_steps=5_000)),
        purge,
        closed(purge, Amount(prime_steps=700)),
        dose,
        closed(dose, Amount(2, dose_steps=20), Amount(3, dose_steps=30)),
    )
    account = session_account(books, books.sessions[SESSION], ["one", "two"])
    found = account_dict(account, inputs.product())
    assert json.loads(json.dumps(found)) == found
    assert [(zone["zone"], zone["punctures_certain"]) for zone in found["zones"]] == [
        ("one", 2),
        ("two", 0),
    ]
    assert found["zones"][0]["punctures_possible"] == 3
    assert found["dose"]["certain_units"] == exact(Fraction(20 * 20, 10**6))
    assert (found["primed"]["certain_nl"], found["purged"]["certain_nl"]) == ("5000/1", "700/1")
    assert found["syringes"] == [
        {
            "syringe": 1,
            "loaded_nl": 1_000_000,
            "delivered_nl": "20/1",
            "primed_nl": "5000/1",
            "purged_nl": "700/1",
            "discarded_nl": "0/1",
            "unknown_nl": "10/1",
            "left_nl": "994270/1",
        }
    ]
