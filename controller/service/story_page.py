"""How a session's story looks on a terminal: plain tables, every volume with its unit."""

from collections.abc import Iterator
from fractions import Fraction

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from controller.service.story import REALM_WORDS, Story, how_closed
from controller.session.account import Span, SyringeAccount, ZoneAccount
from controller.session.units import microlitres, rounded


def story_page(story: Story) -> RenderableType:
    """Head, what each zone got, where each syringe went, arms and alarms."""
    parts: list[RenderableType] = [_head(story), _zones(story)]
    if story.account.syringes:
        parts.append(_syringes(story))
    parts += [_arms(story), _alarms(story)]
    return Group(*parts)


def between(certain: str, possible: str) -> str:
    """One value when it is certain, otherwise both ends."""
    return certain if certain == possible else f"{certain} to {possible}"


def _head(story: Story) -> str:
    book, opened = story.book, story.book.opened
    state = f"closed, {book.closed.outcome}" if book.closed else str(book.state)
    return (
        f"[bold]Session {book.session_id}[/]: {state}   [bold]{REALM_WORDS[story.realm]}[/]\n"
        f"plan {escape(opened.plan_name)}, patient {escape(opened.patient)}, "
        f"operator {escape(opened.operator.name)}\n"
        f"product {escape(_product(story))}\n"
        f"opened {book.opened_wall}"
    )


def _product(story: Story) -> str:
    product = story.product
    if product is None:
        return "none"
    return f"{product.title}, lot {product.lot}, expires {product.expiry_wall}"


def _zones(story: Story) -> Table:
    table = Table(title="What each zone got (certain, or certain to possible)")
    product = story.product
    names = [] if product is None else [part.name for part in product.components]
    unit = (product.unit if product is not None else None) or "units"
    for heading in ("zone", "planned", "punctures", "uL", unit, *[f"{name} uL" for name in names]):
        table.add_column(heading, justify="left" if heading == "zone" else "right")
    for zone in story.account.zones:
        table.add_row(zone.zone, *_zone_cells(story, zone), *_shares(story, zone.dose))
    table.add_section()
    table.add_row("all", "", *_total_cells(story), *_shares(story, story.account.dose))
    return table


def _zone_cells(story: Story, zone: ZoneAccount) -> tuple[str, ...]:
    return (
        str(story.planned.get(zone.zone, "-")),
        between(str(zone.punctures_certain), str(zone.punctures_possible)),
        _volume(zone.dose),
        _units(story, zone.dose),
    )


def _total_cells(story: Story) -> tuple[str, ...]:
    zones, dose = story.account.zones, story.account.dose
    certain = sum(zone.punctures_certain for zone in zones)
    possible = sum(zone.punctures_possible for zone in zones)
    return between(str(certain), str(possible)), _volume(dose), _units(story, dose)


def _volume(span: Span) -> str:
    return between(microlitres(span.certain_nl), microlitres(span.possible_nl))


def _units(story: Story, span: Span) -> str:
    product = story.product
    if product is None or product.unit is None:
        return "-"
    ends = (product.units_of(span.certain_nl), product.units_of(span.possible_nl))
    return between(rounded(ends[0], 2), rounded(ends[1], 2))


def _shares(story: Story, span: Span) -> Iterator[str]:
    if story.product is not None:
        certain = story.product.components_of(span.certain_nl)
        possible = story.product.components_of(span.possible_nl)
        for name, nl in certain.items():
            yield between(microlitres(nl), microlitres(possible[name]))


def _syringes(story: Story) -> Table:
    table = Table(title="Where each syringe went (uL): loaded = all the others")
    headings = ("syringe", "loaded", "delivered", "primed", "discarded", "unknown", "still inside")
    for heading in headings:
        table.add_column(heading, justify="right")
    for syringe in story.account.syringes:
        table.add_row(*_syringe_cells(syringe))
    return table


def _syringe_cells(syringe: SyringeAccount) -> tuple[str, ...]:
    amounts = (
        Fraction(syringe.loaded_nl),
        syringe.delivered_nl,
        syringe.primed_nl,
        syringe.discarded_nl,
        syringe.unknown_nl,
        syringe.left_nl,
    )
    return str(syringe.syringe), *(microlitres(amount) for amount in amounts)


def _arms(story: Story) -> Table:
    table = Table(title="Arms: one authorisation to move each")
    for heading in ("arm", "for", "punctures", "steps", "end"):
        table.add_column(heading, justify="right" if heading in ("punctures", "steps") else "left")
    for arm in story.arms:
        certain, possible = arm.certain, arm.possible
        table.add_row(
            str(arm.opened.arm_id),
            arm.opened.zone or arm.opened.purpose,
            between(str(certain.punctures), str(possible.punctures)),
            between(str(certain.forward_steps), str(possible.forward_steps)),
            how_closed(arm),
        )
    return table


def _alarms(story: Story) -> RenderableType:
    if not story.alarms:
        return "No alarms."
    table = Table(title="Alarms")
    for heading in ("raised (UTC)", "cleared (UTC)", "priority", "what"):
        table.add_column(heading)
    for line in story.alarms:
        cleared = line.cleared_wall or "still active"
        table.add_row(line.raised_wall, cleared, line.priority, escape(line.sentence))
    return table
