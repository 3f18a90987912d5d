"""Compares what a person confirmed on the page with what would be done (hazards H27, H28).

A page can be older than the session it acts on; then it is the page that is wrong.
"""

from fractions import Fraction

from controller.console.errors import NotConfirmed
from controller.console.requests import TreatRequest
from controller.session.plan import Plan
from controller.session.product import Recipe
from controller.session.progress import Progress

DISPLAYED = Fraction(1, 1_000)
"""A page shows three decimals: a total that differs by less is the same."""


def confirm_arm(progress: Progress, request: TreatRequest) -> None:
    """Raise NotConfirmed when the confirmed patient or zone is not the one of the next arm."""
    patient = progress.book.opened.patient
    if request.patient is not None and request.patient != patient:
        raise NotConfirmed("The confirmed patient is not the one of the open session.")
    zone = progress.next_zone()
    if request.zone is not None and (zone is None or request.zone != zone.name):
        raise NotConfirmed("The confirmed zone is not the next one of the plan.")


def confirm_total(plan: Plan, product: Recipe | None, confirmed: float | None) -> None:
    """Raise NotConfirmed when the confirmed total is not what the plan comes to.

    In the product's units, or in nanolitres where it has none.
    """
    if confirmed is None:
        return
    total = Fraction(plan.total_nl)
    if product is not None and product.unit is not None:
        total = product.units_of(total)
    if abs(Fraction(confirmed) - total) >= DISPLAYED:
        raise NotConfirmed("The confirmed total is not what the plan comes to.")
