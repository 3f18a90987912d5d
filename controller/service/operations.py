"""What a person at the screen may ask of the service: one method a request, and STOP.

Puts the room of `controller.console.room` together from a running service and a config folder.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from controller.clock import Clock
from controller.console.confirming import confirm_total
from controller.console.errors import RequestRejected
from controller.console.requests import (
    OpenRequest,
    PlanLine,
    PlanView,
    Preview,
    PreviewRequest,
    ProductView,
    VialRequest,
)
from controller.errors import InputError, NoVialFacts, SessionError, UnknownName
from controller.link.stopline import StopLine
from controller.record.events import Actor
from controller.service.app import Service
from controller.service.calibration_desk import CalibrationDesk, Place
from controller.service.opening import (
    Wish,
    for_patient,
    new_session_id,
    terms_with_pen,
    vial_of,
    wish_of,
)
from controller.service.previewing import plan_view, preview_of, product_view
from controller.session.act_errors import NoPen
from controller.session.acts import Acts
from controller.session.catalogue import Catalogue
from controller.session.certificate import Certificate
from controller.session.certificates import certificate_by_id
from controller.session.engine import Engine
from controller.session.product import Vial
from controller.session.states import Act, after
from controller.settings.service import Realm


class Present(msgspec.Struct, frozen=True):
    """The service of this moment, its realm, its journal's folder, and where its ports are.

    balance_path None: whichever port answers as a balance.
    """

    service: Service
    realm: Realm
    journal: Path
    pen_path: str = ""
    balance_path: str | None = None


class Training(Protocol):
    """Puts a simulated pen into the place of the real one, and back."""

    async def start_training(self) -> None:
        """Raises NotTraining."""
        ...

    async def end_training(self) -> None:
        """Raises NotTraining."""
        ...


class Operations:
    """The operator's requests to whatever service is running. Fits `Room`."""

    def __init__(
        self,
        present: Callable[[], Present],
        catalogue: Catalogue,
        clock: Clock,
        training: Training,
    ) -> None:
        self._present = present
        self._training = training
        self.catalogue = catalogue
        self.clock = clock
        self.calibration = CalibrationDesk(self._place, catalogue, clock)

    @property
    def realm(self) -> Realm:
        """Training with simulated pens, or treatment with real ones."""
        return self._present().realm

    @property
    def journal(self) -> Path:
        """The folder of journal files in use."""
        return self._present().journal

    @property
    def engine(self) -> Engine:
        """The running service's engine."""
        return self._present().service.engine

    @property
    def acts(self) -> Acts:
        """The running service's acts."""
        return self._present().service.acts

    @property
    def stop_line(self) -> StopLine:
        """Where STOP leaves."""
        return self._present().service.line.stop_line

    def stop(self, reason: str, actor: Actor | None = None) -> int:
        """STOP from any thread."""
        return self._present().service.stop(reason, actor)

    def certificate(self, wire_id: int) -> Certificate | None:
        """The certificate that a pen stores, of the journal or the config folder."""
        try:
            return certificate_by_id(self.engine.books, self.catalogue, wire_id)
        except (InputError, SessionError):
            return None

    def preview(self, request: PreviewRequest) -> Preview:
        """A plan against every limit, with the attached pen, or else the one that is planned for.

        Raises InputError.
        """
        try:
            wish = self._wish(request.plan, request.patient, request.vial)
        except NoVialFacts:
            wish = self._without_vial(request)
        if request.product is not None and request.product != wish.plan.product:
            raise RequestRejected(f"The plan names product {wish.plan.product}, not another one.")
        return preview_of(wish, self.engine.books, self.clock, self.engine.pen)

    async def open_session(self, request: OpenRequest, actor: Actor) -> None:
        """Open a session for the attached pen.

        Raises InputError, NoPen, WrongState, NotConfirmed.
        """
        engine = self.engine
        after(engine.state, Act.OPEN)
        wish = self._wish(request.plan, request.patient, request.vial)
        if not engine.reconciled:
            raise NoPen("No pen is ready.")
        confirm_total(wish.plan, wish.product, request.confirmed_total)
        terms = terms_with_pen(wish, engine.books, self.clock, engine.pen)
        await self.acts.open(new_session_id(self.clock), terms, actor)

    async def start_training(self) -> None:
        """A simulated pen takes the real one's place. Raises NotTraining."""
        await self._training.start_training()

    async def end_training(self) -> None:
        """Back to the pen of the settings. Raises NotTraining."""
        await self._training.end_training()

    def plans(self) -> list[PlanLine]:
        """Every plan of the config folder, and why it cannot be used."""
        return [self._plan_line(name) for name in self.catalogue.names("plans")]

    def plan(self, name: str) -> PlanView:
        """One plan, with units where its product has some. Raises UnknownName, InputError."""
        plan = self.catalogue.plan(name)
        recipe = None if plan.product is None else self.catalogue.recipe(plan.product)
        return plan_view(plan, recipe)

    def products(self) -> list[ProductView]:
        """Every product that can be read; `config check` tells what is wrong with the others."""
        found = (self._product(name) for name in self.catalogue.names("products"))
        return [each for each in found if each is not None]

    def _place(self) -> Place:
        now = self._present()
        return Place(now.service, now.pen_path, now.balance_path)

    def _plan_line(self, name: str) -> PlanLine:
        try:
            plan = self.catalogue.plan(name)
        except InputError as error:
            return PlanLine(name=name, title=name, problem=error.what)
        return PlanLine(name=name, title=plan.name, problem=None)

    def _product(self, name: str) -> ProductView | None:
        try:
            return product_view(self.catalogue.recipe(name))
        except InputError:
            return None

    def _without_vial(self, request: PreviewRequest) -> Wish:
        """Before the vial is in hand the recipe is enough to reckon with, not to open by."""
        plan = self.catalogue.plan(request.plan)
        if request.patient is not None:
            plan = for_patient(plan, request.patient)
        return Wish(plan, self.catalogue, None, self.realm)

    def _wish(self, plan: str, patient: str | None, vial: VialRequest | None) -> Wish:
        # Only names of the config folder: what the page sends is never a path.
        if plan not in self.catalogue.names("plans"):
            raise UnknownName(f"There is no plan '{plan}'.")
        file = self.catalogue.folder / "plans" / f"{plan}.toml"
        return wish_of(file, self.catalogue, patient=patient, vial=_vial(vial), realm=self.realm)


def _vial(given: VialRequest | None) -> Vial | None:
    if given is None:
        return None
    return vial_of(given.lot, given.expiry, given.reconstituted_at_wall)
