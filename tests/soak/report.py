"""What a soak came to, in plain sentences and as JSON."""

from io import StringIO
from pathlib import Path

import msgspec
from rich.console import Console

from tests.soak.coverage import Coverage, unreachable
from tests.soak.runner import Soak
from tests.soak.tally import Tally, Verdict

SHOWN = 12
MOST_LINES = 12


def verdict_lines(soak: Soak) -> list[str]:
    """Everything for which the soak fails; empty when it passes."""
    lines = [f"seed {each.seed}: {each.problems[0].splitlines()[0]}" for each in soak.failures]
    told = {each.seed for each in soak.failures}
    lines += [f"seed {seed}: earlier" for seed in soak.tally.failed_seeds if seed not in told]
    coverage = Coverage(soak.tally.cells)
    lines += [
        f"hit, though it was said to be unreachable: {cell}" for cell in coverage.impossible()
    ]
    if soak.wanted.hits:
        lines += [f"never took effect: {fault}" for fault in coverage.silent()]
        short = coverage.missing(soak.wanted.hits)
        lines += [f"fewer than {soak.wanted.hits} hits: {cell}" for cell in short]
    return lines


def show(soak: Soak, console: Console) -> None:
    """Totals, counts by fault, maxima, coverage."""
    coverage = Coverage(soak.tally.cells)
    console.print(coverage.table())
    console.print(coverage.totals(soak.wanted.hits), soft_wrap=True)
    for line in unreachable():
        console.print(f"  not reachable: {line}.", soft_wrap=True, markup=False)
    for line in sentences(soak):
        console.print(line, soft_wrap=True)
    lines = verdict_lines(soak)
    for line in lines[:SHOWN]:
        console.print(f"FAILED {line}", soft_wrap=True, markup=False)
    if len(lines) > SHOWN:
        console.print(f"... and {len(lines) - SHOWN} more")
    console.print("The soak failed." if lines else "The soak passed.")


def sentences(soak: Soak) -> list[str]:
    """The summary."""
    tally = soak.tally
    by_fault = tally.by_fault()
    return [
        f"{tally.trials:,} trials from seed {soak.wanted.seed} on made {tally.punctures:,} "
        f"punctures in {tally.arms:,} arms, in {tally.virtual_s / 3600:.1f} hours of virtual time "
        f"({_rate(tally)}).",
        f"{tally.injected:,} faults of {len(by_fault)} kinds took effect.",
        f"Nothing ever ran over a ceiling in {tally.ceiling_looks:,} looks."
        if not tally.failed_seeds
        else f"{len(tally.failed_seeds)} trials failed.",
        f"Unaccounted: {tally.unaccounted_nl:g} nl in {tally.unaccounted_steps} steps. "
        f"Booked twice: {tally.repeats} strokes. Residuals: {tally.residuals}.",
        f"At most {tally.longest_after_grant_us / 1e3:.1f} ms of motion after the last grant was "
        f"written; worst lease overrun {tally.lease_overrun_us / 1e3:.1f} ms.",
        f"Once no fault was left, everything was back within {tally.back_after_s:.2f} s: "
        + ", ".join(f"{count} {name}" for name, count in sorted(tally.stands.items()) if name)
        + ".",
        "Pen, disk and broker were simulated, and time was virtual: this says nothing about a "
        "real pen, a real disk or a real broker.",
    ]


def as_json(soak: Soak) -> bytes:
    """Everything that is known so far."""
    found = {
        "wanted": msgspec.to_builtins(msgspec.structs.replace(soak.wanted, first=None)),
        "simulated": ["pen", "disk", "broker", "time"],
        "elapsed_s": round(soak.elapsed_s, 1),
        "tally": msgspec.to_builtins(soak.tally),
        "by_fault": soak.tally.by_fault(),
        "failures": [msgspec.to_builtins(each) for each in soak.failures],
        "failed": verdict_lines(soak),
        "coverage": Coverage(soak.tally.cells).as_json(),
    }
    return msgspec.json.format(msgspec.json.encode(found), indent=1)


class _Saved(msgspec.Struct):
    tally: Tally


def tally_of(path: Path) -> Tally:
    """The sums of a soak that `save` wrote. Raises OSError, msgspec.ValidationError."""
    return msgspec.json.decode(path.read_bytes(), type=_Saved).tally


def save(soak: Soak, path: Path) -> None:
    """Write the JSON, and what `show` says beside it; an interruption never leaves half of it."""
    said = StringIO()
    show(soak, Console(file=said, width=200))
    _write(path, as_json(soak))
    _write(path.with_suffix(".txt"), said.getvalue().encode())


def _write(path: Path, data: bytes) -> None:
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(data)
    beside.replace(path)


def told(verdict: Verdict) -> list[str]:
    """A failing trial: seed, digest, what is wrong, and how to see it again."""
    return [
        f"seed {verdict.seed} FAILED, trace {verdict.sha256}",
        *(
            f"  {line}"
            for problem in verdict.problems
            for line in problem.splitlines()[-MOST_LINES:]
        ),
        f"  replay: python -m tests.soak --replay {verdict.seed}",
    ]


def _rate(tally: Tally) -> str:
    cpu_s = max(tally.cpu_s, 0.001)
    return (
        f"{tally.virtual_s / cpu_s:.1f} x real time and {tally.punctures / cpu_s:,.0f} punctures "
        "a second of one core"
    )
