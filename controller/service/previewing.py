"""A plan against every limit before anything is armed: what the screen shows at "prepare"."""

from fractions import Fraction

from controller.clock import Clock
from controller.console.requests import (
    FindingView,
    MeasureView,
    PlannedZone,
    PlanView,
    Preview,
    ProductView,
)
from controller.pen.driver import Pen
from controller.service.opening import (
    Wish,
    bench_and_findings,
    certificate_findings,
    planned_findings,
)
from controller.session.books import Books
from controller.session.certificates import certificate_by_id, planned_certificate
from controller.session.findings import Finding
from controller.session.measures import Measure, measure_plan
from controller.session.plan import Plan, Zone
from controller.session.product import Recipe
from controller.session.units import NANOLITRES_A_MILLILITRE

NO_VIAL = FindingView(
    code="NO_VIAL",
    blocks=True,
    sentence="Lot, expiry and time of reconstitution of the vial are not entered yet.",
)


def preview_of(wish: Wish, books: Books, clock: Clock, pen: Pen | None) -> Preview:
    """Every measure with its bound and every finding. Raises InputError when a file is at fault.

    With a pen attached its own envelope and certificate count, otherwise those planned for.
    """
    catalogue = wish.catalogue
    if pen is not None:
        envelope = pen.envelope
        certificate = certificate_by_id(books, catalogue, pen.identity.certificate_id)
        of_certificate = certificate_findings(wish, certificate, books, clock, pen)
    else:
        envelope = catalogue.pen(catalogue.settings.planning.pen).envelope()
        certificate = planned_certificate(books, catalogue)
        of_certificate = planned_findings(wish.plan, catalogue, certificate, books, clock)
    bench, found = bench_and_findings(wish, books, clock, envelope, certificate)
    findings = [_finding(each) for each in (*found, *of_certificate)]
    if wish.plan.product is not None and wish.product is None:
        findings.append(NO_VIAL)
    return Preview(
        plan=plan_view(wish.plan, bench.product),
        measures=[_measure(each) for each in measure_plan(bench)],
        findings=findings,
        possible=all(not each.blocks for each in findings),
    )


def plan_view(plan: Plan, product: Recipe | None) -> PlanView:
    """A plan as it is written."""
    return PlanView(
        name=plan.name,
        title=plan.name,
        kind=plan.kind,
        patient=plan.patient,
        product=plan.product,
        cartridge=plan.cartridge,
        syringe_fill_nl=float(plan.syringe_fill_nl) if plan.syringe_fill_nl else None,
        prime_nl=float(plan.prime_nl),
        unit=None if product is None else product.unit,
        zones=[_zone(zone, product) for zone in plan.zones],
    )


def product_view(recipe: Recipe) -> ProductView:
    """A product as it is written."""
    a_nl = recipe.units_a_nl
    return ProductView(
        name=recipe.name,
        title=recipe.title,
        unit=recipe.unit,
        units_a_ml=None if a_nl is None else float(a_nl * NANOLITRES_A_MILLILITRE),
        use_within_hours=float(recipe.use_by_h),
    )


def _zone(zone: Zone, product: Recipe | None) -> PlannedZone:
    total_nl = Fraction(zone.total_nl)
    has_unit = product is not None and product.unit is not None
    return PlannedZone(
        name=zone.name,
        region=zone.region,
        title=zone.name,
        punctures=zone.punctures,
        dose_nl=float(zone.dose_nl),
        total_nl=float(total_nl),
        total_units=float(product.units_of(total_nl)) if product and has_unit else None,
        protrusion_um=zone.protrusion_um,
        cadence_hz=float(zone.cadence_hz),
    )


def _measure(measure: Measure) -> MeasureView:
    return MeasureView(
        subject=measure.subject,
        name=measure.name,
        value=float(measure.value),
        limit=float(measure.limit),
        unit=measure.unit,
        at_least=measure.at_least,
        holds=measure.holds,
    )


def _finding(finding: Finding) -> FindingView:
    blocks = finding.severity == "block"
    return FindingView(code=finding.code, blocks=blocks, sentence=finding.sentence)
