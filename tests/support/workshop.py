"""A calibration in the theatre: pen and balance share the drop, a script is the technician.

The script answers what it is asked and does what the steps say; a test may put in a word of its
own at any step, wish for something, or do something to pen, balance and cable.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from controller.calibration.acceptance import AcceptanceFile, load_acceptance
from controller.calibration.balance.words import Heard
from controller.calibration.face import Kind, Question, Wish
from controller.calibration.instruments import Setup
from controller.calibration.procedure.steps import Step, Weigh
from controller.link.port import BytePort, LineSettings
from controller.record.calibration_events import CalibrationWeighed, Procedure
from controller.record.events import Actor, Body
from controller.service import calibrating
from controller.session.books import CalibrationBook
from controller.session.catalogue import Catalogue
from simulator.attach import InProcessOpener
from simulator.balance import BalanceSettings, shown_ug_per_nl
from simulator.bench import BalanceDriver
from simulator.indicator import indicated_um
from simulator.plunger import PlungerSettings
from simulator.scenario import Scenario
from simulator.technician import TechnicianSettings
from tests.support.bills import CONFIG, dosing, pen_for
from tests.support.theatre import Theatre
from tests.support.virtual import START_S, VirtualLoop, advance

TECHNICIAN = Actor(name="Ana", role="technician")
BALANCE_PATH = "/dev/serial/by-id/balance"
PATIENCE_S = 4 * 3600.0
ANSWER_S = 0.4
LIMITS = load_acceptance(CONFIG / "calibration.toml")
BALANCE = BalanceSettings(resolution_ug=10, noise_ug=4.0, evaporation_ug_h=6_000.0)


def quick_limits(replicates: int = 2, volumes: int = 2) -> AcceptanceFile:
    """The shipped limits, but for how much has to be weighed."""
    method = LIMITS.method
    changed = method.model_copy(
        update={
            "replicates": method.replicates.model_copy(update={"value": replicates}),
            "volumes": method.volumes.model_copy(update={"value": volumes}),
        }
    )
    return LIMITS.model_copy(update={"method": changed})


def setup_of(**changes: Any) -> Setup:
    """A bench with simulated instruments; `changes` are whole tables."""
    simulated = {"make": "simulated", "simulated": True}
    tables: dict[str, Any] = {
        "pump_head": "syringe 1 ml",
        "balance": {
            **simulated,
            "serial": "B200000001",
            "certificate_number": "BAL-1",
            "due": "2031-01-01",
            "resolution_ug": 10,
            "repeatability_ug": 10,
            "linearity_ug": 20,
        },
        "check_weight": {
            **simulated,
            "serial": "W-20",
            "nominal_ug": 20_000_000,
            "allowed_error_ug": 100,
            "allowed_noise_ug": 20,
            "allowed_drift_ug": 100,
            "seconds": 3,
        },
        "sensors": {
            "liquid_mdegc": 100,
            "air_mdegc": 200,
            "pressure_pa": 100,
            "humidity_permille": 20,
            "source": "certificates T-1",
        },
        "indicator": {**simulated, "serial": "I-1", "resolution_um": 1, "max_error_um": 4},
        "dose": {
            "doses_nl": [5_000, 10_000],
            "stroke_periods_us": [500_000],
            "replicates": 2,
            "protrusion_um": 1_000,
            "settle_s": 8,
            "prime_steps": 4_000,
        },
        "protrusion": {"points_um": [200, 400, 600, 800, 900], "outer_um": 1_000, "repeats": 2},
        "cadence": {"stroke_periods_us": [100_000, 500_000], "strokes": 21, "protrusion_um": 500},
    }
    return Setup.model_validate({**tables, **changes})


class ScriptedFace:
    """A technician who does what the guide says. `on_step` and `answers` are the test's."""

    def __init__(self) -> None:
        self.shown: list[Step] = []
        self.told: list[str] = []
        self.asked: list[Question] = []
        self.heard: list[Heard] = []
        self.answers: dict[Kind, Callable[[Question], str]] = {
            Kind.ROOM: lambda _: "20.0 20.0 1013 50",
            Kind.TACHOMETER: lambda _: "-",
            Kind.GO_ON: lambda _: "",
            Kind.CLEAR: lambda _: "",
            Kind.REASON: lambda _: "a drop stayed at the needle",
        }
        self.on_step: Callable[[Step], None] = lambda _: None
        self.wishes: asyncio.Queue[Wish] = asyncio.Queue()

    def show(self, step: Step) -> None:
        self.shown.append(step)
        self.on_step(step)

    def live(self, heard: Heard) -> None:
        self.heard.append(heard)

    def tell(self, sentence: str) -> None:
        self.told.append(sentence)

    async def ask(self, question: Question) -> str:
        self.asked.append(question)
        answer = self.answers.get(question.kind)
        assert answer is not None, f"nobody answers: {question.text}"
        await advance(ANSWER_S)
        return answer(question)

    async def wish(self) -> Wish:
        return await self.wishes.get()


class Workshop:
    """A theatre with a balance beside the pen, and who calibrates there."""

    def __init__(self, theatre: Theatre, setup: Setup, limits: AcceptanceFile) -> None:
        self.theatre = theatre
        self.face = ScriptedFace()
        self.face.answers[Kind.INDICATOR] = self._indicator
        self.face.answers[Kind.MASS] = self._display
        self.setup = setup
        self.limits = limits
        self.sim = BalanceDriver(theatre.stage.driver)
        self.cable = InProcessOpener(self.sim)
        self.typed = False
        self._rng = Random("indicator")

    async def open_port(self, path: str, line: LineSettings) -> BytePort:
        assert path == BALANCE_PATH
        return await self.cable.open()

    @property
    def book(self) -> CalibrationBook:
        """The newest calibration, open or not."""
        return list(self.theatre.engine.books.calibrations.values())[-1]

    @property
    def bodies(self) -> list[Body]:
        return [body for body, _ in self.book.readings]

    async def calibrate(self, procedure: Procedure = "dose") -> str:
        """As `micropen calibrate` does: go on with what is open, or open a new one."""
        theatre = self.theatre
        await theatre.engine.changes.until(lambda: theatre.engine.reconciled)
        if theatre.engine.book is None:
            wish = calibrating.Wish(procedure, self.setup, self.limits, TECHNICIAN)
            await calibrating.open_new(theatre.service, wish, Catalogue(CONFIG), theatre.clock)
        where = calibrating.BalanceWish("pen", typed=self.typed, path=BALANCE_PATH)
        weigher = await calibrating.weigher_for(
            theatre.bench.book, where, self.face, theatre.clock, self.open_port
        )
        return await calibrating.conduct(
            theatre.service, weigher, self.face, TECHNICIAN, theatre.clock
        )

    def begin(self, procedure: Procedure = "dose") -> "asyncio.Task[str]":
        return asyncio.create_task(self.calibrate(procedure), name="act")

    # --- the truth ----------------------------------------------------------------------------

    def true_nl(self) -> float:
        """What has left the needle."""
        return self.theatre.stage.world.mechanism.oracle.totals.surface_nl

    @property
    def ug_per_nl(self) -> float:
        return shown_ug_per_nl(self.sim.balance.settings)

    def _indicator(self, _: Question) -> str:
        world = self.theatre.stage.world
        axis = world.mechanism.depth
        return f"{indicated_um(axis, world.scenario.indicator, self._rng)} um"

    def _display(self, _: Question) -> str:
        self.sim.run()
        return f"{self.sim.balance.reading(self.sim.now_us()).mass_ug / 1000:.2f} mg"

    def weighed(self) -> list[CalibrationWeighed]:
        return [body for body in self.bodies if isinstance(body, CalibrationWeighed)]


def pen_on_bench(balance: BalanceSettings = BALANCE, **changes: Any) -> Scenario:
    """The micro-dosing pen with a large syringe, over a balance of 0.01 mg, a weight at hand."""
    pen = pen_for(dosing())
    body = msgspec.structs.replace(pen.body, plunger=PlungerSettings(syringe_nl=10_000_000))
    technician = TechnicianSettings(
        check_weight_ug=20_000_000, after_us=5_500_000, for_us=15_000_000
    )
    parts = {"body": body, "balance": balance, "technician": technician, **changes}
    return msgspec.structs.replace(pen, **parts)


@asynccontextmanager
async def workshop(
    folder: Path,
    pen: Scenario | None = None,
    setup: Setup | None = None,
    limits: AcceptanceFile | None = None,
    seed: int = 1,
) -> AsyncIterator[Workshop]:
    """A theatre with its balance, a started controller, the pen plugged in."""
    async with Theatre(folder / "j", pen or pen_on_bench(), seed=seed) as theatre:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.limit_s = loop.time() - START_S + PATIENCE_S
        room = Workshop(theatre, setup or setup_of(), limits or quick_limits())
        try:
            yield room
        finally:
            room.sim.stop()


def burst_of(step: Step) -> bool:
    """Whether a step gives doses into the vessel."""
    return isinstance(step, Weigh) and step.step == "weighing"
