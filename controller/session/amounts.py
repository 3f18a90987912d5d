"""Amounts in the pen's own units: punctures and pump steps by category. Never negative."""

from collections.abc import Iterable

import msgspec

from controller.errors import SessionError
from controller.record.events import CounterSet, Stroke
from protocol.messages import Counters


class NegativeDifference(SessionError):
    """A counter that only ever rises has fallen."""

    number = 4011
    cause = "The pen's memory was lost, rolled back or exchanged."
    action = (
        "Stop using this pen; a technician must enrol it again (`micropen pen enrol`). "
        "Nothing was booked."
    )


class Amount(msgspec.Struct, frozen=True):
    """What was done: differences of the pen's lifetime counters."""

    punctures: int = 0
    dose_steps: int = 0
    prime_steps: int = 0
    bench_steps: int = 0
    preload_steps: int = 0
    reverse_steps: int = 0

    @property
    def forward_steps(self) -> int:
        """All forward categories summed."""
        return self.dose_steps + self.prime_steps + self.bench_steps + self.preload_steps

    def plus(self, other: "Amount") -> "Amount":
        """The sum, category by category."""
        return Amount(
            self.punctures + other.punctures,
            self.dose_steps + other.dose_steps,
            self.prime_steps + other.prime_steps,
            self.bench_steps + other.bench_steps,
            self.preload_steps + other.preload_steps,
            self.reverse_steps + other.reverse_steps,
        )

    def within(self, bound: "Amount") -> bool:
        """Whether this could have happened under `bound`.

        Forward steps are compared as a sum, because a prime arm's ceiling does not know how much
        of it the pen books as preload.
        """
        return (
            self.punctures <= bound.punctures
            and self.forward_steps <= bound.forward_steps
            and self.reverse_steps <= bound.reverse_steps
        )

    def raised_to(self, mode: str, *, punctures: int, steps: int) -> "Amount":
        """This amount with the mode's own categories raised to the totals that ceilings allow."""
        field = MODE_FIELD[mode]
        total = self.reverse_steps if mode == "reload" else self.forward_steps
        extra = max(0, steps - total)
        raised = {field: getattr(self, field) + extra, "punctures": max(self.punctures, punctures)}
        return msgspec.structs.replace(self, **raised)


NOTHING = Amount()

MODE_FIELD = {
    "dose": "dose_steps",
    "no_dispense": "dose_steps",
    "prime": "prime_steps",
    "reload": "reverse_steps",
    "bench": "bench_steps",
}

_STROKE_FIELD = {
    "puncture": "dose_steps",
    "prime": "prime_steps",
    "bench": "bench_steps",
    "preload": "preload_steps",
    "reverse": "reverse_steps",
}
_COUNTS_PUNCTURE = frozenset({"puncture", "bench"})


def of_strokes(strokes: Iterable[Stroke]) -> Amount:
    """The amount that a run of events adds up to."""
    steps = dict.fromkeys(_STROKE_FIELD.values(), 0)
    punctures = 0
    for stroke in strokes:
        steps[_STROKE_FIELD[stroke.kind]] += stroke.steps
        punctures += stroke.kind in _COUNTS_PUNCTURE
    return Amount(punctures, **steps)


def difference(first: CounterSet, last: CounterSet) -> Amount:
    """`last - first`. Raises NegativeDifference, naming every counter that fell."""
    before, now = first.model_dump(), last.model_dump()
    fallen = [f"{name} {old} -> {now[name]}" for name, old in before.items() if now[name] < old]
    if fallen:
        raise NegativeDifference("The pen's counters fell: " + ", ".join(fallen) + ".")
    return Amount(**{name: now[name] - before[name] for name in before})


def counters_with(first: CounterSet, amount: Amount) -> CounterSet:
    """The counters after `amount` was done from `first` on."""
    base = first.model_dump()
    return CounterSet(**{name: base[name] + getattr(amount, name) for name in base})


def counter_set(counters: Counters) -> CounterSet:
    """The wire's counters in the journal's form."""
    return CounterSet(**msgspec.structs.asdict(counters))


def wire_counters(counters: CounterSet) -> Counters:
    """The journal's counters in the wire's form."""
    return Counters(**counters.model_dump())


def higher(one: CounterSet, other: CounterSet) -> CounterSet:
    """Category by category the higher of two: the proven end of an interval (C9)."""
    left, right = one.model_dump(), other.model_dump()
    return CounterSet(**{name: max(left[name], right[name]) for name in left})
