"""What is in the syringe: an exact concentration, and the facts of the vial in hand.

A `Recipe` is a file of `products/`; a `Product` is a recipe with the vial's facts. Units belong to
one product family each; there is no function from one family to another, because none exists
("cannot be compared to nor converted into units of any other botulinum toxin", product label).
"""

from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from controller.errors import NoVialFacts
from controller.session.units import NANOLITRES_A_MILLILITRE
from controller.settings import Document, Written, parse_as, read_document
from controller.settings.scalars import (
    Exact,
    FileName,
    Moment,
    Source,
    StrictInt,
    Text,
    exact_text,
    in_range,
)

ProductUnit = Literal["ona_u", "abo_u", "inco_u", "prabo_u", "leti_u", "daxi_u"]
Share = Annotated[Exact, in_range(0, 1)]


class Component(BaseModel):
    """Something else in the syringe: its share of the volume, and what it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: Text
    fraction: Share
    strength: str = ""


class Active(BaseModel):
    """The neuromodulator: what the vial holds and how it was diluted.

    stock_fraction: share of the syringe's volume that is reconstituted stock (1 = not diluted
    further). stated_units_a_ml: what the person who mixed it believes; checked against the rest,
    because a wrong dilution is a two- to tenfold dose (H27).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: Text
    unit: ProductUnit
    vial_units: Annotated[StrictInt, Field(ge=1, le=1_000)]
    diluent_nl: Annotated[StrictInt, Field(ge=100_000, le=50_000_000)]
    stock_fraction: Share
    stated_units_a_ml: Exact

    @property
    def units_a_nl(self) -> Fraction:
        """Exact concentration in the syringe."""
        return Fraction(self.vial_units, self.diluent_nl) * self.stock_fraction

    @model_validator(mode="after")
    def _as_stated(self) -> Self:
        computed = self.units_a_nl * NANOLITRES_A_MILLILITRE
        if computed == self.stated_units_a_ml:
            return self
        raise PydanticCustomError(
            "concentration",
            "{stated} U/mL is stated, but {vial} U in {diluent} nl at share {share} give "
            "{computed} U/mL; correct whichever is wrong",
            {
                "stated": exact_text(self.stated_units_a_ml),
                "vial": self.vial_units,
                "diluent": self.diluent_nl,
                "share": exact_text(self.stock_fraction),
                "computed": exact_text(computed),
                "path": ("stated_units_a_ml",),
            },
        )


class Vial(BaseModel):
    """The facts of the vial in hand, entered when it was opened."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    lot: Text
    expiry_wall: date
    reconstituted_at_wall: Moment


class Recipe(Written):
    """What is mixed, independent of the vial. `active` is None for nutrients, filler or PRP only.

    use_by_h: hours from reconstitution; the label of onabotulinumtoxinA says 24 (domain 3.2).
    """

    name: FileName
    title: Text
    source: Source
    use_by_h: Annotated[StrictInt, Field(ge=1, le=720)]
    active: Active | None = None
    components: Annotated[tuple[Component, ...], Field(max_length=50)] = ()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = sum((part.fraction for part in self.components), self._stock_fraction)
        if total != 1:
            raise PydanticCustomError(
                "shares",
                "the shares of stock and components add up to {total}; they must add up to 1",
                {"total": exact_text(total), "path": ("components",)},
            )
        names = [part.name for part in self.components]
        if len(set(names)) != len(names):
            raise PydanticCustomError(
                "repeated", "a component is named twice", {"path": ("components",)}
            )
        return self

    @property
    def _stock_fraction(self) -> Fraction:
        return self.active.stock_fraction if self.active else Fraction(0)

    @property
    def unit(self) -> ProductUnit | None:
        """The product's own unit; None without an active component."""
        return self.active.unit if self.active else None

    @property
    def units_a_nl(self) -> Fraction | None:
        """Exact concentration in the product's own unit; None without an active component."""
        return self.active.units_a_nl if self.active else None

    def units_of(self, nl: Fraction | int) -> Fraction:
        """The units in a volume, exactly; 0 without an active component."""
        return (self.units_a_nl or Fraction(0)) * nl

    def components_of(self, nl: Fraction | int) -> dict[str, Fraction]:
        """The volume of each component in a volume, in exact nanolitres, by name."""
        return {part.name: part.fraction * nl for part in self.components}

    def with_vial(
        self, *, lot: str, expiry_wall: date, reconstituted_at_wall: datetime
    ) -> "Product":
        """This recipe with the facts of the vial in hand."""
        vial = Vial(lot=lot, expiry_wall=expiry_wall, reconstituted_at_wall=reconstituted_at_wall)
        return self.from_vial(vial)

    def from_vial(self, vial: Vial) -> "Product":
        """This recipe, made from `vial`."""
        fields = {name: getattr(self, name) for name in Recipe.model_fields}
        product = Product(**fields, vial=vial)
        return product.written_at(self.origin) if self.origin else product


class Product(Recipe):
    """What is really in the syringe: recipe and vial."""

    vial: Vial

    @property
    def lot(self) -> str:
        """The vial's lot."""
        return self.vial.lot

    @property
    def expiry_wall(self) -> date:
        """The last day (UTC) on which the vial may be used."""
        return self.vial.expiry_wall

    @property
    def reconstituted_at_wall(self) -> datetime:
        """When it was mixed, in UTC."""
        return self.vial.reconstituted_at_wall.astimezone(UTC)


def load_recipe(path: Path) -> Recipe:
    """Read a product file; a [vial] table in it is checked and left out.

    Raises E1001, E1002 or E1003.
    """
    document = read_document(path)
    if "vial" in document.data:
        _product(document)
    return parse_as(Recipe, document.without("vial"))


def load_product(path: Path, vial: Vial | None = None) -> Product:
    """Read a product file with the vial's facts, given here or in its [vial] table.

    Raises E1001, E1002, E1003, or NoVialFacts (E1005) when neither place has them.
    """
    if vial is not None:
        return load_recipe(path).from_vial(vial)
    document = read_document(path)
    if "vial" not in document.data:
        raise NoVialFacts(f"{path}: the vial's lot, expiry and reconstitution are not entered.")
    return _product(document)


def _product(document: Document) -> Product:
    return parse_as(Product, document)
