"""The run as a person reads it: rule by rule, what failed, what was not run, what was measured."""

from collections import Counter
from collections.abc import Iterable, Iterator

from controller.service.conformance.running import LATE_US
from controller.service.conformance.sheets import (
    CheckSheet,
    RuleSheet,
    RunSheet,
    TimingSheet,
    Verdict,
)
from protocol.words import Mode

WORDS = {Verdict.PASSED: "pass", Verdict.FAILED: "FAIL"}
IN_ALL = {
    Verdict.PASSED: "every check that was run has passed",
    Verdict.FAILED: "FAILED: this pen does not keep the contract",
    Verdict.UNFINISHED: "NOT FINISHED: some checks came to no verdict",
    Verdict.NOT_RUN: "nothing was run",
}


def text_of_run(run: RunSheet) -> str:
    """The whole report."""
    return "\n".join(_lines(run)) + "\n"


def _lines(run: RunSheet) -> Iterator[str]:
    pen = run.pen
    yield f"Conformance of pen {pen.uid} ({pen.realm}): {pen.model}, firmware {pen.firmware}"
    yield f"{run.started_wall}, {run.duration_s:.0f} s, {run.port}, hand: {run.hand}"
    yield f"micropen {run.micropen}, protocol version {run.protocol_version}"
    yield ""
    for rule in run.rules:
        yield from _rule(rule)
    yield ""
    yield from _used(run)
    if run.computer_late_us > LATE_US:
        yield (
            f"This computer was up to {run.computer_late_us / 1e3:.0f} ms late itself; checks that "
            "failed then were made again. Better run it on a quiet one."
        )
    if run.ended_early:
        yield f"The run ended early: {run.ended_early}."
    yield f"In all: {IN_ALL[run.verdict]}."
    if not run.complete:
        yield "Not every check of every rule was run: by itself this is no full acceptance."


def _rule(rule: RuleSheet) -> Iterator[str]:
    word = WORDS.get(rule.verdict, rule.verdict.value)
    counts = ", ".join(f"{rule.count(each)} {each}" for each in Verdict if rule.count(each))
    yield f"{rule.rule:4} {rule.title:22} {word:10} {counts}   (SPEC {rule.spec})"
    for check in rule.checks:
        if check.verdict is Verdict.FAILED:
            yield from _failure(check)
    yield from _left_out(rule.checks)
    for timing in rule.timings:
        late = f"  TOO LATE, in {timing.worst_in}" if timing.exceeded else ""
        yield f"     {timing_line(timing)}{late}"


def _failure(check: CheckSheet) -> Iterator[str]:
    yield f"     FAIL {check.name}"
    yield f"          {check.reason}"
    failure = check.failure
    if failure is None:
        return
    for place in failure.places:
        yield f"          {place.where}:  {place.source}"
        for name, value in place.values.items():
            yield f"            {name} = {value}"
    if failure.wire:
        yield "          the last messages on the wire:"
    for line in failure.wire:
        yield f"            {line}"


def _left_out(checks: Iterable[CheckSheet]) -> Iterator[str]:
    """One line for each reason, however many checks share it."""
    out = [check for check in checks if check.verdict in {Verdict.NOT_RUN, Verdict.UNFINISHED}]
    counts = Counter((check.verdict, check.reason) for check in out)
    for (verdict, reason), count in counts.items():
        yield f"     {count} {verdict}: {reason}"


def timing_line(timing: TimingSheet) -> str:
    """Such as `request to reply: 41, median 0.9 ms, worst 1.3 ms, limit 10.0 ms (60.0 ms)`."""
    limit = "" if timing.limit_us is None else f", limit {timing.limit_us / 1e3:.1f} ms"
    if timing.allowed_us is not None and timing.allowed_us != timing.limit_us:
        limit += f" (allowed here {timing.allowed_us / 1e3:.1f} ms)"
    return (
        f"{timing.what}: {timing.count} x, median {timing.median_us / 1e3:.1f} ms, "
        f"worst {timing.worst_us / 1e3:.1f} ms{limit}"
    )


def _used(run: RunSheet) -> Iterator[str]:
    """What the run took out of the pen, which a service that knows it will show."""
    before, after = run.pen.before, run.pen.after
    if not after:
        yield "What the run used is not known: the pen did not tell in the end."
        return
    spent = {name: after[name] - before[name] for name in before}
    steps = sum(spent[f"{mode.name.lower()}_steps"] for mode in (Mode.DOSE, Mode.PRIME, Mode.BENCH))
    steps += spent["preload_steps"]
    yield (
        f"The run used {spent['highest_arm_id']} arm ids, {spent['punctures']} punctures, {steps} "
        f"steps forward, {spent['reverse_steps']} back and {spent['boot_id']} boots of this pen."
    )
    yield "A service that knows the pen will book them as foreign movement, and say so."
