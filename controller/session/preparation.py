"""Brings a plan together with everything it names, ready for the interlocks. Reads files only."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction

from controller.errors import UnknownName
from controller.session.catalogue import Catalogue
from controller.session.certificate import Certificate
from controller.session.limits import merge
from controller.session.measures import Bench
from controller.session.plan import Plan
from controller.session.product import Recipe
from protocol.messages import Envelope


@contextmanager
def named_in(plan: Plan, key: str) -> Iterator[None]:
    """Say at which line of the plan an unknown name stands. Raises UnknownName."""
    try:
        yield
    except UnknownName as error:
        raise UnknownName(f"{plan.where(key)}: {error.what}") from error


def prepare(
    plan: Plan,
    catalogue: Catalogue,
    envelope: Envelope,
    certificate: Certificate,
    *,
    product: Recipe | None = None,
    course_possible_nl: Fraction = Fraction(0),
    course_possible_units: Fraction = Fraction(0),
) -> Bench:
    """Look up cartridge, recipe and limits, merge them, and freeze the picolitres a step.

    envelope: the attached pen's, or a pen model's. product: with the vial's facts, when they are
    known; otherwise the recipe is read. Raises E1001-E1009.
    """
    with named_in(plan, "cartridge"):
        cartridge = catalogue.cartridge(plan.cartridge)
    if product is None and plan.product is not None:
        with named_in(plan, "product"):
            product = catalogue.recipe(plan.product)
    unit = product.unit if product is not None else None
    limits = merge(envelope, cartridge, catalogue.limits_for(plan.kind), plan, unit=unit)
    return Bench(
        plan,
        limits,
        product,
        envelope,
        cartridge,
        certificate.picolitres_by_zone(plan),
        course_possible_nl,
        course_possible_units,
        certificate.protrusion_offset_um,
    )
