"""Exact concentration, vial facts, and no road between product families."""

import inspect
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from controller.errors import InputRejected, NoVialFacts
from controller.session import product as product_module
from controller.session.product import ProductUnit, Vial, load_product, load_recipe
from tests.support.inputs import CONFIG, NOW, folder, product, recipe

VIAL = Vial(lot="C1", expiry_wall=date(2027, 6, 30), reconstituted_at_wall=NOW)


@pytest.mark.parametrize("units_a_ml", [20, 24, 28])
def test_shipped_mixes_have_their_published_concentration(units_a_ml: int) -> None:
    mix = load_recipe(CONFIG / "products" / f"microbotox_{units_a_ml}.toml")
    assert mix.units_a_nl == Fraction(units_a_ml, 1_000_000)
    assert mix.unit == "ona_u"


@pytest.mark.hazard("H27")
def test_units_are_exactly_volume_times_concentration() -> None:
    assert recipe().units_of(9_200) == Fraction(9_200 * 20, 1_000_000)
    assert recipe().units_of(Fraction(1, 3)) == Fraction(20, 3_000_000)


@pytest.mark.hazard("H27")
@pytest.mark.parametrize(
    "changes", [{"diluent_nl": 250_000}, {"vial_units": 50}, {"stated_units_a_ml": 40}], ids=str
)
def test_a_dilution_that_does_not_give_the_stated_concentration_is_refused(
    changes: dict[str, Any],
) -> None:
    active = recipe().model_dump()["active"] | changes
    with pytest.raises(ValidationError, match="U/mL is stated"):
        recipe(active=active)


@pytest.mark.parametrize("share", ["0.4", "0.6"])
def test_shares_add_up_to_the_whole(share: str) -> None:
    with pytest.raises(ValidationError, match="must add up to 1"):
        recipe(components=({"name": "saline", "fraction": share},))


def test_a_component_is_named_once() -> None:
    half = {"name": "saline", "fraction": "1/4"}
    with pytest.raises(ValidationError, match="named twice"):
        recipe(components=(half, half))


def test_components_are_parts_of_the_volume() -> None:
    assert recipe().components_of(9_200) == {"saline": Fraction(4_600)}


def test_a_product_without_active_unit_has_volumes_only() -> None:
    plain = load_recipe(CONFIG / "products" / "nutrients_plain.toml")
    assert plain.unit is None
    assert plain.units_a_nl is None
    assert plain.units_of(1_000) == 0
    assert sum(plain.components_of(1_000).values()) == 1_000


def test_no_function_leads_from_one_product_family_to_another() -> None:
    families = get_args(ProductUnit)
    assert len(set(families)) == len(families) >= 3
    functions = inspect.getmembers(product_module, inspect.isfunction)
    local = [name for name, found in functions if found.__module__ == product_module.__name__]
    assert sorted(local) == ["_product", "load_product", "load_recipe"]


def test_a_recipe_becomes_a_product_with_the_vial_in_hand() -> None:
    made = product(lot="L9")
    assert (made.name, made.lot, made.reconstituted_at_wall) == ("mix", "L9", NOW)
    assert made.units_a_nl == recipe().units_a_nl


def test_a_product_file_needs_the_vial_from_somewhere() -> None:
    path = CONFIG / "products" / "microbotox_24.toml"
    with pytest.raises(NoVialFacts) as caught:
        load_product(path)
    assert caught.value.number == 1005
    assert load_product(path, VIAL).lot == "C1"


def test_vial_facts_may_stand_in_the_file(tmp_path: Path) -> None:
    path = folder(tmp_path) / "products" / "microbotox_24.toml"
    facts = 'lot = "Z7"\nexpiry_wall = 2027-06-30\nreconstituted_at_wall = 2026-03-01T12:00:00Z\n'
    path.write_text(path.read_text() + "\n[vial]\n" + facts)
    assert load_product(path).lot == "Z7"
    assert load_product(path, VIAL).lot == "C1"
    assert load_recipe(path).name == "microbotox_24"


def test_a_reconstitution_time_needs_its_offset(tmp_path: Path) -> None:
    path = folder(tmp_path) / "products" / "microbotox_24.toml"
    facts = 'lot = "Z7"\nexpiry_wall = 2027-06-30\nreconstituted_at_wall = 2026-03-01T12:00:00\n'
    path.write_text(path.read_text() + "\n[vial]\n" + facts)
    with pytest.raises(InputRejected, match=r"vial\.reconstituted_at_wall"):
        load_recipe(path)
