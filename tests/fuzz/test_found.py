"""Inputs by which fuzzing broke a parser, each with the words that it is refused with now."""

from pathlib import Path

import pytest

from controller.errors import InputRejected, MicropenError, NotToml, NoVialFacts
from controller.service.opening import vial_of
from controller.session.plan import load_plan
from controller.session.product import load_product
from controller.settings import Problem, load_settings
from simulator.scenario import ScenarioError, load
from tests.support.inputs import folder, line_of, rewrite

DIGITS = "1" + "0" * 5_000


def the_plan(tmp_path: Path) -> Path:
    return folder(tmp_path) / "plans" / "lower_face_one_side.toml"


def problem_of(error: InputRejected, key: str) -> Problem:
    found = [each for each in error.problems if isinstance(each, Problem) and each.key == key]
    return found[0]


@pytest.mark.parametrize(
    "value", [DIGITS, "[" * 3_000, "{a=" * 3_000, "[" * 3_000 + "]" * 3_000], ids=lambda v: v[:3]
)
def test_what_the_toml_reader_gives_up_is_refused_with_its_line(tmp_path: Path, value: str) -> None:
    path = rewrite(the_plan(tmp_path), "prime_nl", f"prime_nl = {value}")
    with pytest.raises(NotToml) as caught:
        load_plan(path)
    assert f"{path}:{line_of(path, 'prime_nl')}: not TOML that this program reads" in str(
        caught.value
    )


@pytest.mark.parametrize("value", ["1e999999999", "1e-999999999", "nan", "inf", '"1e999999999"'])
def test_a_cadence_beyond_all_numbers_is_refused_at_once(tmp_path: Path, value: str) -> None:
    path = rewrite(the_plan(tmp_path), "cadence_hz", f"cadence_hz = {value}")
    with pytest.raises(InputRejected) as caught:
        load_plan(path)
    found = problem_of(caught.value, "zones[0].cadence_hz")
    assert found.line == line_of(path, "cadence_hz")
    assert "at most 30 digits" in found.sentence


def test_a_hexadecimal_number_without_end_is_told_by_its_size(tmp_path: Path) -> None:
    path = rewrite(the_plan(tmp_path), "prime_nl", "prime_nl = 0x" + "f" * 5_000)
    with pytest.raises(InputRejected) as caught:
        load_plan(path)
    assert problem_of(caught.value, "prime_nl").sentence.startswith("a number of 20000 bits")


@pytest.mark.parametrize("value", ["nan", "inf", "1e999999999"])
def test_no_value_is_converted_that_has_none(tmp_path: Path, value: str) -> None:
    path = rewrite(the_plan(tmp_path), "prime_nl", f"prime_nl = 5_000\nprime_ul = {value}")
    with pytest.raises(InputRejected) as caught:
        load_plan(path)
    sentence = problem_of(caught.value, "prime_ul").sentence
    assert sentence == "unknown key; did you mean prime_nl?"


@pytest.mark.parametrize(
    ("value", "words"), [('"~nobody-here/x"', "home folder"), ('"a\\u0000b"', "zero character")]
)
def test_a_folder_that_cannot_be_is_refused(tmp_path: Path, value: str, words: str) -> None:
    path = rewrite(folder(tmp_path) / "controller.toml", "state_folder", f"state_folder = {value}")
    with pytest.raises(InputRejected) as caught:
        load_settings(path)
    assert words in problem_of(caught.value, "state_folder").sentence


@pytest.mark.parametrize("mixed", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_a_vial_of_the_ends_of_the_calendar_is_refused(tmp_path: Path, mixed: str) -> None:
    path = folder(tmp_path) / "products" / "nutrients_plain.toml"
    vial = f'[vial]\nlot = "L"\nexpiry_wall = 2031-01-01\nreconstituted_at_wall = {mixed}\n'
    path.write_text(path.read_text() + vial)
    with pytest.raises(InputRejected) as caught:
        load_product(path)
    found = problem_of(caught.value, "vial.reconstituted_at_wall")
    assert "2000 to 2199" in found.sentence
    with pytest.raises(NoVialFacts):
        vial_of("L", "2031-01-01", mixed)
    with pytest.raises(NoVialFacts):
        vial_of("L", "2031-01-01", mixed[:19])


@pytest.mark.parametrize("data", [b"\xff", b"seed = " + DIGITS.encode(), b"a = " + b"[" * 3_000])
def test_a_scenario_that_is_none_is_refused_by_its_name(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "scenario.toml"
    path.write_bytes(data)
    with pytest.raises(ScenarioError) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_the_errors_are_the_documented_ones() -> None:
    assert {NotToml.number, InputRejected.number, NoVialFacts.number} == {1002, 1003, 1005}
    assert issubclass(NotToml, MicropenError)
