"""The config folder as one thing: its files by name, its digest, and everything wrong with it.

May touch: the file system, to read. Session state is not known here.
"""

import hashlib
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from controller.errors import InputError, InputRejected, UnknownName
from controller.session.cartridge import CartridgeType, PenModel
from controller.session.certificate import Certificate, load_certificate
from controller.session.limits import LimitsFile, load_limits
from controller.session.plan import Plan, PlanKind, load_plan
from controller.session.product import Product, Recipe, Vial, load_product, load_recipe
from controller.settings import (
    ControllerSettings,
    Written,
    did_you_mean,
    load_as,
    load_settings,
    read_document,
)

T = TypeVar("T", bound=Written)


def _load_cartridge(path: Path) -> CartridgeType:
    return load_as(CartridgeType, path)


def _load_pen(path: Path) -> PenModel:
    return load_as(PenModel, path)


LOADERS: dict[str, Callable[[Path], Written]] = {
    "pens": _load_pen,
    "cartridges": _load_cartridge,
    "products": load_recipe,
    "certificates": load_certificate,
    "limits": load_limits,
    "plans": load_plan,
}


CALIBRATION = "calibration.toml"
"""When a calibration passes and how long it holds; the calibration reads it."""


class Catalogue:
    """One config folder. Files are read when asked for and never written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def settings(self) -> ControllerSettings:
        """`controller.toml`, read once. Raises E1001, E1002 or E1003."""
        return load_settings(self.folder / "controller.toml")

    def names(self, shelf: str) -> list[str]:
        """The names of the files of one sub-folder, such as "products"."""
        return sorted(path.stem for path in (self.folder / shelf).glob("*.toml"))

    def pen(self, name: str) -> PenModel:
        """A pen model. Raises E1001-E1004, as all of these do."""
        return self._load("pens", name, _load_pen)

    @property
    def pump_head(self) -> str | None:
        """What is built into the site's pen, by the pen file that `controller.toml` names."""
        return self.pen(self.settings.planning.pen).pump_head

    def cartridge(self, name: str) -> CartridgeType:
        """A cartridge type by name."""
        return self._load("cartridges", name, _load_cartridge)

    def recipe(self, name: str) -> Recipe:
        """A product's recipe by name; the vial's facts come from the operator."""
        return self._load("products", name, load_recipe)

    def product(self, name: str, vial: Vial | None) -> Product:
        """A product by name with the facts of the vial in hand. Raises NoVialFacts too."""
        return load_product(self._path("products", name), vial)

    def plan(self, name: str) -> Plan:
        """A plan of the `plans` folder by name."""
        return self._load("plans", name, load_plan)

    def certificate(self, name: str) -> Certificate:
        """A certificate by the name of its file."""
        return self._load("certificates", name, load_certificate)

    def certificate_by_id(self, wire_id: int) -> Certificate:
        """The certificate whose id the pen stores. Raises UnknownName when no file has it."""
        for name in self.names("certificates"):
            found = self.certificate(name)
            if found.wire_id == wire_id:
                return found
        raise UnknownName(
            f"The pen stores certificate {wire_id:016x}; no file of "
            f"{self.folder / 'certificates'} has that id."
        )

    def limits_for(self, kind: PlanKind) -> LimitsFile:
        """The limits file that `controller.toml` chose for this way of working."""
        choice = self.settings.limits
        name = choice.micro_dosing if kind == "micro_dosing" else choice.collagen_induction
        return self._load("limits", name, load_limits)

    def files(self) -> list[Path]:
        """Every file of the folder that counts, in a fixed order."""
        return sorted(
            [self.folder / "controller.toml", *self.folder.glob(CALIBRATION)]
            + [path for shelf in LOADERS for path in (self.folder / shelf).glob("*.toml")]
        )

    @property
    def digest(self) -> str:
        """sha256, in hex, over names and bytes of all files; a session is frozen with it (H40)."""
        whole = hashlib.sha256()
        for path in self.files():
            name = path.relative_to(self.folder).as_posix().encode()
            body = path.read_bytes()
            whole.update(b"%d:%s%d:%s" % (len(name), name, len(body), body))
        return whole.hexdigest()

    def faults(
        self, calibration: Callable[[Path], object] = read_document
    ) -> Iterator[tuple[Path, InputError | None]]:
        """Every file with what is wrong with it, None when nothing is.

        calibration: reads `calibration.toml`, whose meaning is not known here.
        """
        for path in self.files():
            yield path, self._fault(path, calibration)

    def _fault(self, path: Path, calibration: Callable[[Path], object]) -> InputError | None:
        shelf = path.parent.name
        try:
            if path.name == CALIBRATION:
                calibration(path)
            elif path.parent == self.folder:
                self._references()
            else:
                _named_as_file(LOADERS[shelf](path), path)
        except InputError as error:
            return error
        return None

    def _references(self) -> None:
        """Whether every file that the settings name exists; its content is its own line."""
        settings = self.settings
        self._path("pens", settings.planning.pen)
        self._path("certificates", settings.planning.certificate)
        self._path("limits", settings.limits.micro_dosing)
        self._path("limits", settings.limits.collagen_induction)

    def _path(self, shelf: str, name: str) -> Path:
        known = self.names(shelf)
        if name not in known:
            raise UnknownName(f'{self.folder / shelf} has no "{name}"{did_you_mean(name, known)}.')
        return self.folder / shelf / f"{name}.toml"

    def _load(self, shelf: str, name: str, load: Callable[[Path], T]) -> T:
        path = self._path(shelf, name)
        found = load(path)
        _named_as_file(found, path)
        return found


def _named_as_file(found: Written, path: Path) -> None:
    """Refuse a copied file whose `name` still says what it was copied from."""
    name = getattr(found, "name", path.stem)
    if name != path.stem and found.origin is not None:
        sentence = f'"{name}" is not the name of its file; write "{path.stem}"'
        raise InputRejected([found.origin.problem(("name",), "name_of_file", sentence)])
