"""What a check is: a plain function that puts one pen to one rule, and what it needs for that.

`@check` registers nothing anywhere: `checks_of` finds the checks of a module in their order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Flag, auto
from types import ModuleType
from typing import NamedTuple

from protocol.conformance.host import RawHost

Function = Callable[..., None]


class Rule(NamedTuple):
    """One rule of the contract, and where SPEC.md has it."""

    title: str
    sections: str


RULES = {
    "C1": Rule("framing", "2"),
    "C2": Rule("handshake", "3"),
    "C3": Rule("configure", "6.2"),
    "C4": Rule("arm and disarm", "6.3, 6.4"),
    "C5": Rule("grants, lease and status", "6.5, 11.1"),
    "C6": Rule("motion", "6.6"),
    "C7": Rule("partial strokes", "6.3, 6.6"),
    "C8": Rule("events", "6.7"),
    "C9": Rule("counters and memory", "6.8, 7, 8"),
    "C10": Rule("stop and clear", "6.9, 6.10"),
    "C11": Rule("hard ceilings", "6.2, ENVELOPE"),
    "C12": Rule("prime, reload, bench", "6.6"),
    "C13": Rule("queries", "6.11"),
}


class Needs(Flag):
    """What a check takes beside a pen at rest on a line."""

    NOTHING = 0
    HAND = auto()
    """Trigger and contact, in the hand's own time: the check goes on granting meanwhile."""
    CONTACT = auto()
    """A hand, and the pen may be on the dummy skin already when the check begins."""
    QUICK_HAND = auto()
    """Trigger and contact within 10 ms: the check acts in the middle of one stroke."""
    POWER = auto()
    """The supply off and on again, while the pen rests."""
    QUICK_POWER = auto()
    """The supply cut at once, while the pen moves."""
    CADENCE = auto()
    """A running needle at 100 Hz."""
    LONG_STROKE = auto()
    """A stroke whose pump runs as long as `long_pump_us` says."""
    DOSE_ON_CONTACT = auto()
    """A metered dose on contact: simulated pens only."""


@dataclass(frozen=True)
class Case:
    """One value that a check is run with; the check's needs and these are added up."""

    name: str
    value: object
    needs: Needs = Needs.NOTHING


@dataclass(frozen=True)
class Check:
    """One check of one rule. `preloaded`: it starts with the plunger's play taken up."""

    rule: str
    function: Function
    needs: Needs = Needs.NOTHING
    hazards: tuple[str, ...] = ()
    preloaded: bool = False
    cases: tuple[Case, ...] = ()

    @property
    def name(self) -> str:
        """The function's name, which is the sentence that it proves."""
        return self.function.__name__

    @property
    def runs(self) -> tuple["Run", ...]:
        """The check once for each case, or just once."""
        return tuple(Run(self, case) for case in self.cases) or (Run(self),)


@dataclass(frozen=True)
class Run:
    """A check with one of its cases."""

    check: Check
    case: Case | None = None

    @property
    def name(self) -> str:
        """Such as `nothing_moves_while_the_pen_touches[PRIME]`."""
        return f"{self.check.name}[{self.case.name}]" if self.case else self.check.name

    @property
    def needs(self) -> Needs:
        """All that this run takes."""
        return self.check.needs | (self.case.needs if self.case else Needs.NOTHING)

    def __call__(self, host: RawHost) -> None:
        """Put the pen to it. Raises AssertionError when the pen does not keep the rule."""
        if self.check.preloaded:
            host.preload()
        arguments = () if self.case is None else (self.case.value,)
        self.check.function(host, *arguments)


def check(
    rule: str,
    *,
    needs: Needs = Needs.NOTHING,
    hazards: tuple[str, ...] = (),
    preloaded: bool = False,
    cases: Sequence[Case] = (),
) -> Callable[[Function], Check]:
    """Make a check of a function `(host)`, or `(host, value)` when there are cases."""
    made = Check(rule, _nothing, needs, hazards, preloaded, tuple(cases))
    return lambda function: replace(made, function=function)


def _nothing(host: RawHost) -> None:
    del host


def checks_of(module: ModuleType) -> list[Check]:
    """The checks that a module defines, in their order."""
    return [value for value in vars(module).values() if isinstance(value, Check)]
