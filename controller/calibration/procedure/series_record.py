"""One series as the journal tells it: room, blanks, replicates; what it awaits next.

Pure and immutable: each reading gives a new record. The arithmetic is `weighing.Series`'s; this
adds what surrounds it and what may follow what.
"""

from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Literal, Self

from controller.calibration.certificate.building import Weighed
from controller.calibration.certificate.report import Stage
from controller.calibration.conditions import midway
from controller.calibration.curve import Point
from controller.calibration.density import Surroundings
from controller.calibration.errors import RedoneWithoutReason, SeriesIncomplete
from controller.calibration.statistics import spread_of
from controller.calibration.uncertainty import Balance, Sensors, dose_budget
from controller.calibration.weighing import Attempt, Blank, Series, Setting
from controller.record.calibration_events import CalibrationDiscarded, CalibrationWeighed

Awaited = Literal["room_start", "first", "blank_start", "weighing", "blank_end", "room_end"]
MOST_SHORT = 5
"""So many bursts in a row without their steps: the pen cannot give this dose. An estimate: a stop,
a pulled cable and an empty syringe may well meet at one replicate."""


@dataclass(frozen=True, slots=True)
class SeriesRecord:
    """A series of one stage. typed: (replicate, attempt) of readings that a person typed in."""

    stage: Stage
    setting: Setting
    replicates: int
    start: Surroundings | None = None
    first_ug: int | None = None
    series: Series | None = None
    end: Surroundings | None = None
    typed: frozenset[tuple[int, int]] = frozenset()

    @property
    def awaits(self) -> Awaited | None:
        """The reading that comes next; None when the series is complete."""
        if self.start is None:
            return "room_start"
        if self.first_ug is None:
            return "first"
        if self.series is None:
            return "blank_start"
        if self.series.next_place is not None:
            return "weighing"
        if self.series.end is None:
            return "blank_end"
        return "room_end" if self.end is None else None

    @property
    def is_begun(self) -> bool:
        """Whether anything was weighed in it."""
        return self.first_ug is not None

    @property
    def place(self) -> int:
        """The replicate that is weighed next; 0 when none is."""
        return 0 if self.series is None else self.series.next_place or 0

    @property
    def done(self) -> int:
        """How many of its `replicates` + 5 readings count by now."""
        if self.series is None:
            return (self.start is not None) + (self.first_ug is not None)
        counted = sum(each.counted is not None for each in self.series.replicates)
        return 3 + counted + (self.series.end is not None) + (self.end is not None)

    @property
    def blanks(self) -> tuple[Blank, ...]:
        """The dry cycles that count."""
        if self.series is None:
            return ()
        end = self.series.end
        return (self.series.start,) if end is None else (self.series.start, end)

    @property
    def shorts(self) -> int:
        """How many of the last bursts at the place that is due came without their steps."""
        if self.series is None or self.series.next_place is None:
            return 0
        wanted = self.setting.steps_a_weighing
        last = reversed(self.series.replicates[self.place].attempts)
        return sum(1 for _ in takewhile(lambda each: each.steps != wanted, last))

    @property
    def cannot_dose(self) -> str | None:
        """Why another try is of no use: the last attempts at this place were all short."""
        if self.series is None or self.shorts < MOST_SHORT:
            return None
        last = self.series.replicates[self.place].attempts[-1]
        return (
            f"{self.setting.dose_nl} nl, weighing {self.place + 1}: {MOST_SHORT} bursts in a row "
            f"came without their {self.setting.steps_a_weighing} steps, the last with {last.steps}."
        )

    # --- readings ---

    def weighed(self, body: CalibrationWeighed) -> Self:
        """The reading that is awaited. A blank in which the pen moved begins anew."""
        if body.step == "first":
            return replace(self, first_ug=body.reading_ug)
        if body.step == "blank_start":
            return self._begun(body)
        series = self._series()
        if body.step == "weighing":
            place = self.place
            attempt = (place, len(series.replicates[place].attempts))
            typed = self.typed | {attempt} if body.typed else self.typed
            found = series.weighed(body.reading_ug, body.steps, body.before_ug)
            return replace(self, series=found, typed=typed)
        if body.steps:
            return replace(self, series=replace(series, last_ug=body.reading_ug))
        return replace(self, series=series.closed(body.reading_ug, body.before_ug))

    def _begun(self, body: CalibrationWeighed) -> Self:
        if body.steps or self.first_ug is None:
            return replace(self, first_ug=body.reading_ug)
        first_ug = self.first_ug if body.before_ug is None else body.before_ug
        series = Series.begun(self.setting, self.replicates, first_ug, body.reading_ug)
        return replace(self, first_ug=first_ug, series=series)

    def discarded(self, body: CalibrationDiscarded) -> Self:
        """A reading that does not count any more; what was read after the last weighing goes too.

        Raises RedoneWithoutReason (E7011).
        """
        if not body.reason.strip() or (body.step != "weighing" and body.place):
            raise RedoneWithoutReason("A reading is taken again for a reason that is said.")
        if body.step == "blank_start":
            return self._without_start()
        if self.series is None or (body.step == "blank_end" and self.series.end is None):
            raise RedoneWithoutReason("There is no such reading yet.")
        opened = replace(self.series, end=None)
        if body.step == "weighing":
            opened = opened.redone(body.place, body.reason)
        return replace(self, series=opened, end=None)

    def _without_start(self) -> Self:
        attempts = self.attempts
        if self.first_ug is None or attempts:
            raise RedoneWithoutReason("The blank at the start stands once a dose was weighed.")
        return replace(self, first_ug=None, series=None)

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """All attempts at all places."""
        places = () if self.series is None else self.series.replicates
        return tuple(each for place in places for each in place.attempts)

    # --- result ---

    def result(self, balance: Balance, sensors: Sensors) -> Weighed:
        """The finished series with its point for the fit. Raises SeriesIncomplete (E7010)."""
        if self.start is None or self.end is None:
            raise SeriesIncomplete(f"The series of {self.setting.dose_nl} nl is not complete.")
        series, around = self._series(), midway(self.start, self.end)
        spread = spread_of(
            series.volumes_nl(around.z_ul_mg), self.setting.dose_nl, self.setting.doses_a_weighing
        )
        budget = dose_budget(series, spread, around, balance, sensors)
        point = Point(self.setting.stroke_period_us, self.setting.steps_a_dose, spread, budget)
        return Weighed(self.stage, series, point, self.start, self.end, self.typed)

    def _series(self) -> Series:
        if self.series is None:
            raise SeriesIncomplete(f"The series of {self.setting.dose_nl} nl has no blank yet.")
        return self.series
