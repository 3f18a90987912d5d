"""The operator of a replay: does again what the record says that a person did, at the same time.

What cannot be done again (nobody knows the syringe of then) is only told.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from pydantic import ValidationError

from controller.clock import Clock
from controller.errors import MicropenError
from controller.pen.driver import PenLine
from controller.record.calibration_events import CalibrationClosed, CalibrationOpened
from controller.record.events import (
    ArmOpened,
    Body,
    LatchCleared,
    SessionClosed,
    SessionOpened,
    StateChanged,
    Strokes,
)
from controller.service.replay.books import Recorded
from controller.service.replay.port import Chance
from controller.session.act_errors import NoPen
from controller.session.acting import Acting
from controller.session.acts import Acts
from controller.session.allowance import Allowance
from controller.session.arming import MODE_NAMES, Request
from controller.session.bench import Bench
from controller.session.books import SessionBook
from controller.session.ledger import base_steps
from controller.session.plan import Zone
from controller.session.states import WrongState
from controller.session.terms import terms_of
from protocol.messages import StrokeSettings

ARM_AHEAD_S: Final = 0.05
"""An arm is asked for before its entry: cartridge and configuration come first."""
AHEAD_S: Final = 0.005
PATIENCE_S: Final = 1.0
"""So long an act waits for a replay that is behind the recording, and is asked again each 5 ms."""
OWN_STOP_S: Final = 0.5
"""A STOP that the controller sends by itself, as it once did, is not sent again by hand."""

Act = Callable[[], Awaitable[None]]
_MODES: Final = {name: mode for mode, name in MODE_NAMES.items()}


class Operator:
    """Plays acts and stops. `told` says what could not be done, and why.

    clears: when each CLEAR left in the recording; its entry came after the pen's answer.
    """

    def __init__(
        self, acting: Acting, acts: Acts, line: PenLine, chance: Chance, clock: Clock
    ) -> None:
        self._acting = acting
        self._acts = acts
        self._bench = Bench(acting)
        self._line = line
        self._chance = chance
        self._clock = clock
        self.clears: Sequence[float] = ()
        self.told: list[str] = []

    async def run(self, entries: Sequence[Recorded], stops: Sequence[tuple[float, int]]) -> None:
        """Do everything at its time; ends after the last of it."""
        doing = [asyncio.create_task(self._stop_at(*stop)) for stop in stops]
        try:
            for entry in entries:
                await self._play(entry, entries)
            await asyncio.gather(*doing)
        finally:
            for task in doing:
                task.cancel()
            await asyncio.gather(*doing, return_exceptions=True)

    async def _play(self, entry: Recorded, entries: Sequence[Recorded]) -> None:
        try:
            act = self._act_of(entry.typed(), entry, entries)
        except (LookupError, ValidationError) as error:
            self.told.append(f"{entry.kind} (entry {entry.seq}) is not played: {error}")
            return
        if act is None:
            return
        await asyncio.sleep(max(0.0, self._begins_mono_s(entry) - self._clock.mono_s()))
        try:
            await self._patiently(act, entry.mono_s + PATIENCE_S)
        except MicropenError as error:
            self.told.append(f"{entry.kind} (entry {entry.seq}): E{error.number} {error.what}")

    def _begins_mono_s(self, entry: Recorded) -> float:
        if entry.kind == LatchCleared.kind:
            return max((each for each in self.clears if each < entry.mono_s), default=entry.mono_s)
        return entry.mono_s - (ARM_AHEAD_S if entry.kind == ArmOpened.kind else AHEAD_S)

    async def _patiently(self, act: Act, until_mono_s: float) -> None:
        while True:
            try:
                return await act()
            except (WrongState, NoPen):
                if self._clock.mono_s() >= until_mono_s:
                    raise
            await asyncio.sleep(AHEAD_S)

    def _act_of(self, body: Body, entry: Recorded, entries: Sequence[Recorded]) -> Act | None:
        match body:
            case SessionOpened():
                session_id, terms = entry.session_id or "replay", terms_of(body)
                return lambda: self._acts.open(session_id, terms, body.operator)
            case ArmOpened():
                return lambda: self._arm(body, entries)
            case StateChanged() if body.act == "pause" and body.actor is not None:
                actor = body.actor
                return lambda: self._acts.pause(actor)
            case LatchCleared():
                return lambda: self._acts.clear(body.actor)
            case SessionClosed():
                return lambda: self._acts.close(body.actor)
            case _:
                return self._act_of_calibration(body, entry)

    def _act_of_calibration(self, body: Body, entry: Recorded) -> Act | None:
        match body:
            case CalibrationOpened():
                calibration_id = entry.session_id or "replay"
                return lambda: self._bench.open(calibration_id, body)
            case CalibrationClosed():
                words = (body.outcome, body.reason, body.result, body.actor)
                return lambda: self._bench.close(*words)
            case _:
                return None

    async def _arm(self, opened: ArmOpened, entries: Sequence[Recorded]) -> None:
        settings = StrokeSettings(
            _MODES[opened.mode],
            opened.protrusion_um,
            opened.stroke_period_us,
            opened.steps,
            opened.dwell_us,
        )
        allowance = allowed_once(opened, entries)
        request = Request(
            opened.purpose, self._zone(opened), settings, allowance, opened.picolitres_a_step
        )
        async with self._acting.one_at_a_time:
            pen = self._acting.linked()
            await self._acting.opener.open(pen, request, opened.actor, lambda *_: None)

    def _zone(self, opened: ArmOpened) -> Zone | None:
        book = self._acting.engine.book
        if opened.zone is None or not isinstance(book, SessionBook):
            return None
        zones = terms_of(book.opened).plan.zones
        return next((zone for zone in zones if zone.name == opened.zone), None)

    async def _stop_at(self, mono_s: float, stop_id: int) -> None:
        stops = self._acting.engine.stops
        await asyncio.sleep(max(0.0, mono_s - OWN_STOP_S - self._clock.mono_s()))
        before = stops.count
        await asyncio.sleep(max(0.0, mono_s - self._clock.mono_s()))
        if stops.count == before:
            self._chance.staged = stop_id
            self._acting.engine.stop("recorded")


def allowed_once(opened: ArmOpened, entries: Sequence[Recorded]) -> Allowance:
    """How far the arm was ever allowed, by the ceilings that were committed for it.

    `binding` is the plan unless the record says, before the next arm, that a limit was reached.
    """
    punctures, steps = opened.first.punctures, base_steps(opened)
    binding, is_after = "plan", False
    for entry in entries:
        if entry.kind == ArmOpened.kind and entry.body:
            is_after = entry.body["arm_id"] == opened.arm_id
        if is_after and entry.body and entry.body.get("name") == "limit_reached":
            binding = "recorded limit"
        if entry.kind == Strokes.kind and entry.body and entry.body["arm_id"] == opened.arm_id:
            punctures = max(punctures, entry.body["puncture_ceiling"])
            steps = max(steps, entry.body["step_ceiling"])
    return Allowance(punctures - opened.first.punctures, steps - base_steps(opened), binding)
