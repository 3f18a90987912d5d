"""The account of a session as plain data, for the closing entry and for people.

Fractions are written exactly, as "numerator/denominator" text beside a rounded number.
"""

from fractions import Fraction
from typing import Any

from controller.session.account import Account, Span, SyringeAccount, ZoneAccount
from controller.session.product import Product

DISPLAY_DIGITS = 3


def exact(value: Fraction) -> str:
    """A fraction as text that reads back exactly."""
    return f"{value.numerator}/{value.denominator}"


def rounded(value: Fraction) -> float:
    """For display only: three decimals."""
    return round(float(value), DISPLAY_DIGITS)


def span_dict(span: Span, product: Product | None) -> dict[str, Any]:
    """A volume span with the units and components that it holds."""
    found: dict[str, Any] = {
        "certain_nl": exact(span.certain_nl),
        "possible_nl": exact(span.possible_nl),
        "certain_nl_rounded": rounded(span.certain_nl),
        "possible_nl_rounded": rounded(span.possible_nl),
    }
    if product is None:
        return found
    if product.unit is not None:
        found["unit"] = product.unit
        found["certain_units"] = exact(product.units_of(span.certain_nl))
        found["possible_units"] = exact(product.units_of(span.possible_nl))
    certain, possible = (
        product.components_of(span.certain_nl),
        product.components_of(span.possible_nl),
    )
    found["components"] = {
        name: {"certain_nl": exact(certain[name]), "possible_nl": exact(possible[name])}
        for name in certain
    }
    return found


def _zone_dict(zone: ZoneAccount, product: Product | None) -> dict[str, Any]:
    return {
        "zone": zone.zone,
        "punctures_certain": zone.punctures_certain,
        "punctures_possible": zone.punctures_possible,
        **span_dict(zone.dose, product),
    }


def _syringe_dict(syringe: SyringeAccount) -> dict[str, Any]:
    return {
        "syringe": syringe.syringe,
        "loaded_nl": syringe.loaded_nl,
        "delivered_nl": exact(syringe.delivered_nl),
        "primed_nl": exact(syringe.primed_nl),
        "purged_nl": exact(syringe.purged_nl),
        "discarded_nl": exact(syringe.discarded_nl),
        "unknown_nl": exact(syringe.unknown_nl),
        "left_nl": exact(syringe.left_nl),
    }


def account_dict(account: Account, product: Product | None) -> dict[str, Any]:
    """The whole account; the closing entry of a session carries it."""
    return {
        "zones": [_zone_dict(zone, product) for zone in account.zones],
        "dose": span_dict(account.dose, product),
        "primed": span_dict(account.primed, None),
        "purged": span_dict(account.purged, None),
        "syringes": [_syringe_dict(syringe) for syringe in account.syringes],
    }
