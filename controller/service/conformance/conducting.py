"""A whole run on the pen at a port, from the first look to the sheet."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from types import ModuleType
from typing import NamedTuple

from controller.errors import MicropenError
from controller.record.opening import software_version
from controller.service.conformance.fitness import PenFound, greet, pen_sheet
from controller.service.conformance.running import Examiner, Found, Tell, offers_of
from controller.service.conformance.sheets import (
    SCHEMA_VERSION,
    RuleSheet,
    RunSheet,
    TimingSheet,
    Verdict,
)
from protocol.conformance.checks import MODULES
from protocol.conformance.rules import RULES, Needs, Run, checks_of
from protocol.conformance.tap import Tap
from protocol.conformance.timing import Timing, span_of
from protocol.limits import PROTOCOL_VERSION


class Conditions(NamedTuple):
    """Under which conditions a run is made, as the report has them."""

    port: str
    hand: str
    offers: Needs
    latency_ms: int


def chosen(rules: Iterable[str] = (), modules: Sequence[ModuleType] = MODULES) -> list[Run]:
    """Every run of these rules, of all when none is named, in the order in which they are made.

    Within a rule, those that begin and end in contact follow each other, so that a person lifts
    the pen less often.
    """
    wanted = set(rules) or set(RULES)
    runs = [
        run
        for module in modules
        for check in checks_of(module)
        if check.rule in wanted
        for run in check.runs
    ]
    order = list(RULES)
    return sorted(
        runs, key=lambda run: (order.index(run.check.rule), bool(run.needs & Needs.CONTACT))
    )


def conduct(
    tap: Tap, pen: PenFound, conditions: Conditions, runs: Sequence[Run], tell: Tell
) -> tuple[RunSheet, Found]:
    """Put the pen to the checks and write down what came of it."""
    started_wall, began_us = datetime.now(UTC), tap.now_us()
    examiner = Examiner(tap, offers_of(conditions.offers, tap, pen.envelope), tell)
    found = examiner.run(runs)
    after = None if found.ended_early else _seen_again(tap)
    latency_us = conditions.latency_ms * 1_000
    sheets = [_rule_sheet(rule, found, latency_us) for rule in RULES]
    rules = [sheet for sheet in sheets if sheet.checks or sheet.verdict is Verdict.FAILED]
    sheet = RunSheet(
        schema_version=SCHEMA_VERSION,
        micropen=software_version(),
        protocol_version=PROTOCOL_VERSION,
        started_wall=started_wall.isoformat(timespec="seconds"),
        duration_s=round((tap.now_us() - began_us) / 1e6, 1),
        port=conditions.port,
        hand=conditions.hand,
        latency_ms=conditions.latency_ms,
        computer_late_us=tap.worst_late_us,
        verdict=_verdict([rule.verdict for rule in rules]),
        complete=_is_complete(rules),
        ended_early=found.ended_early,
        pen=pen_sheet(pen, after),
        rules=rules,
    )
    return sheet, found


def _seen_again(tap: Tap) -> PenFound | None:
    tap.deadline_us = None
    try:
        return greet(tap)
    except MicropenError:  # the report says that it is not known
        return None


def _rule_sheet(rule: str, found: Found, latency_us: int) -> RuleSheet:
    checks = [sheet for run, sheet in found.sheets if run.check.rule == rule]
    timings = [
        _timing_sheet(timing, found, latency_us)
        for timing in Timing
        if timing.value.rule == rule and any(timing in each.values for _, each in found.timings)
    ]
    late = [Verdict.FAILED for timing in timings if timing.exceeded]
    return RuleSheet(
        rule=rule,
        title=RULES[rule].title,
        spec=RULES[rule].sections,
        verdict=_verdict([*(check.verdict for check in checks), *late]),
        checks=checks,
        timings=timings,
    )


def _timing_sheet(timing: Timing, found: Found, latency_us: int) -> TimingSheet:
    by_check = [(name, each.values.get(timing, ())) for name, each in found.timings]
    values = [value for _, some in by_check for value in some]
    span = span_of(timing, values, latency_us)
    worst_in = next(name for name, some in by_check if span.worst_us in some)
    return TimingSheet(
        what=timing.value.what,
        clock=timing.value.clock,
        count=span.count,
        median_us=span.median_us,
        worst_us=span.worst_us,
        worst_in=worst_in,
        limit_us=timing.value.limit_us,
        allowed_us=span.allowed_us,
        exceeded=span.is_exceeded,
    )


def _verdict(parts: Sequence[Verdict]) -> Verdict:
    """The worst of the parts; checks that this run left out do not count."""
    for each in (Verdict.FAILED, Verdict.UNFINISHED, Verdict.PASSED):
        if each in parts:
            return each
    return Verdict.NOT_RUN


def _is_complete(rules: Sequence[RuleSheet]) -> bool:
    done = {Verdict.PASSED, Verdict.FAILED}
    checks = [check for rule in rules for check in rule.checks]
    return len(rules) == len(RULES) and all(check.verdict in done for check in checks)
