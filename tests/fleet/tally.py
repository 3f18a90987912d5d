"""What a fleet comes to: how many kept what their certificate says, and who was let through."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.fleet.draw import BAD, Kind
from tests.fleet.trial import BETWEEN_NL, DOSES_NL, DoseTruth, Found

LEAST_COVERED = 0.93
"""95 % is promised; with 1,000 values a chance of 0.95 gives fewer than 93 % once in 500 times."""
_NORMAL_95 = 1.959964


@dataclass(frozen=True, slots=True)
class Share:
    """Hits of so many."""

    hits: int
    of: int

    @classmethod
    def counted(cls, hits: Iterable[bool]) -> "Share":
        """Of a list of yes and no."""
        each = list(hits)
        return cls(sum(each), len(each))

    @property
    def value(self) -> float:
        """0 to 1; 0 of nothing."""
        return self.hits / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true share lies with 95 % (Wilson)."""
        if not self.of:
            return 0.0, 1.0
        n, p, z = self.of, self.value, _NORMAL_95
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return middle - half, middle + half

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.hits} of {self.of} = {self.value:.1%} ({low:.1%} to {high:.1%})"


@dataclass(frozen=True, slots=True)
class Tally:
    """A fleet's figures.

    False fail: a good pen that was refused although its true mean would have been within the pass
    limits, or before it had any. False pass: a pen drawn as bad that was not refused; or any pen
    that passed with a true mean outside of the pass limits (`outside`).
    """

    fleet: tuple[Found, ...]

    def of(self, kind: Kind) -> tuple[Found, ...]:
        """The pens of one kind."""
        return tuple(each for each in self.fleet if each.kind is kind)

    @property
    def good(self) -> tuple[Found, ...]:
        """The pens that nothing is wrong with."""
        return self.of(Kind.GOOD)

    @property
    def truths(self) -> tuple[DoseTruth, ...]:
        """Every dose of every good pen that was weighed as left, refused or not."""
        return tuple(truth for each in self.good for truth in each.doses)

    @property
    def covered(self) -> Share:
        """How often the stated uncertainty of a mean dose holds the oracle's truth."""
        return Share.counted(each.is_covered for each in self.truths)

    def covered_at(self, dose_nl: int) -> Share:
        """The same, at one dose."""
        return Share.counted(each.is_covered for each in self.truths if each.dose_nl == dose_nl)

    def covered_by(self, resolution_ug: int) -> Share:
        """The same, for the balances of one resolution."""
        return Share.counted(
            truth.is_covered
            for each in self.good
            if each.drawn["resolution_ug"] == resolution_ug
            for truth in each.doses
        )

    @property
    def in_interval(self) -> Share:
        """How often the certificate's interval of a step holds the true value."""
        return Share.counted(each.is_in_interval for each in self.truths)

    @property
    def axis_covered(self) -> Share:
        """How often the stated uncertainty of the protrusion holds the truth."""
        return Share.counted(point.is_covered for each in self.good for point in each.points)

    @property
    def outside(self) -> tuple[Found, ...]:
        """Pens with a verdict better than their true means allow."""
        return tuple(each for each in self.fleet if _is_outside(each))

    @property
    def false_fails(self) -> tuple[Found, ...]:
        """Good pens that were refused."""
        return tuple(each for each in self.good if each.is_refused)

    @property
    def false_passes(self) -> tuple[Found, ...]:
        """Bad pens that were not refused."""
        return tuple(each for each in self.fleet if each.kind in BAD and not each.is_refused)

    def worst_share(self, dose_nl: int) -> float:
        """The largest true error of a certified good pen, against the pass limit of its dose."""
        return max(
            (
                abs(truth.error_nl) / truth.pass_nl
                for each in self.good
                if each.is_certified
                for truth in each.doses
                if truth.dose_nl == dose_nl
            ),
            default=0.0,
        )

    def worst_between(self, dose_nl: int) -> float:
        """The same of a dose that was not weighed, on pens that passed."""
        return max(
            (
                abs(truth.error_nl) / truth.pass_nl
                for each in self.good
                if each.is_certified
                for truth in each.between
                if truth.dose_nl == dose_nl
            ),
            default=0.0,
        )

    @property
    def problems(self) -> list[str]:
        """What must not be; empty when all holds."""
        lapsed = [each for each in self.false_passes if each.kind is not Kind.JUST_OVER]
        found = [f"{each.seed}: {each.kind} was not refused" for each in lapsed]
        found += [f"{each.seed}: certified outside of the table" for each in self.outside]
        shares = {"doses": self.covered, "intervals": self.in_interval, "axis": self.axis_covered}
        for name, share in shares.items():
            if share.of and share.interval[1] < 0.95 and share.value < LEAST_COVERED:
                found.append(f"{name}: covered are {share}")
        return found


def _is_outside(one: Found) -> bool:
    if one.is_refused:
        return False
    if one.doses_verdict == "pass" and any(abs(b.error_nl) > b.pass_nl for b in one.between):
        return True
    return any(
        abs(each.error_nl) > (each.pass_nl if one.doses_verdict == "pass" else each.fail_nl)
        for each in one.doses
    )


def lines_of(tally: Tally) -> list[str]:
    """The report, for people."""
    good = tally.good
    verdicts = Counter(_word(each) for each in good)
    told = ", ".join(f"{count} {word}" for word, count in sorted(verdicts.items()))
    lines = [
        f"good pens: {len(good)}: {told}",
        f"  as found outside of the table: {sum(each.was_outside for each in good)}",
        f"  true mean outside of what was certified: {len(tally.outside)} (of all kinds)",
        f"  uncertainty of a mean covers the truth: {tally.covered}",
    ]
    lines += [
        f"    {dose_nl / 1_000:g} ul: {tally.covered_at(dose_nl)}; "
        f"largest true error {tally.worst_share(dose_nl):.0%} of the pass limit"
        for dose_nl in DOSES_NL
    ]
    lines += [
        f"    {dose_nl / 1_000:g} ul, not weighed: "
        f"largest true error {tally.worst_between(dose_nl):.0%} of the pass limit"
        for dose_nl in BETWEEN_NL
    ]
    lines += [
        f"    balance of {digit / 1_000:g} mg: {tally.covered_by(digit)}" for digit in (1, 10, 100)
    ]
    lines += [
        f"  interval of a step covers the truth: {tally.in_interval}",
        f"  uncertainty of the protrusion covers the truth: {tally.axis_covered}",
        f"false fails: {len(tally.false_fails)} of {len(good)}",
        *_reasons(tally.false_fails),
        f"false passes: {len(tally.false_passes)} of {len(tally.fleet) - len(good)}",
    ]
    for kind in BAD:
        here = tally.of(kind)
        if here:
            refused = sum(each.is_refused for each in here)
            lines.append(f"  {kind}: {refused} of {len(here)} refused")
            lines += _reasons([each for each in here if each.is_refused])
    cpu_s = sum(each.cpu_s for each in tally.fleet)
    lines.append(f"CPU: {cpu_s:.1f} s, {cpu_s / max(1, len(tally.fleet)):.2f} s a pen")
    return lines


def _word(one: Found) -> str:
    if one.is_refused:
        return "refused"
    return "passed" if one.is_certified else "conditional"


def _reasons(fleet: Sequence[Found]) -> list[str]:
    found = Counter(_reason(each) for each in fleet)
    return [f"      {count} x {reason}" for reason, count in sorted(found.items())]


def _reason(one: Found) -> str:
    if one.doses_verdict != "refused":
        return "axis"
    first = one.reason.split()[0]
    if first.startswith("E"):
        return first
    return "no stable weight" if first == "no" else "bursts without their steps"
