"""One test for each mistake people make in a file: what they read names line, key and the fix."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from controller.errors import (
    FileUnreadable,
    InputError,
    InputRejected,
    LimitMissing,
    LimitRaised,
    MicropenError,
    NotCertified,
    NotToml,
    PlanBlocked,
    UnknownName,
    WrongUsage,
)
from controller.service.commands.config import config_app
from controller.service.commands.plan import plan_app
from controller.session.catalogue import Catalogue
from controller.session.plan import load_plan
from controller.settings import Problem
from tests.support.inputs import folder, line_of, rewrite, spoil

app = typer.Typer()
app.add_typer(plan_app, name="plan")
app.add_typer(config_app, name="config")


@dataclass(frozen=True)
class Shelf:
    """A copy of the config folder, and the micro-dosing plan in it."""

    config: Path

    @property
    def plan(self) -> Path:
        return self.config / "plans" / "lower_face_one_side.toml"

    @property
    def limits(self) -> Path:
        return self.config / "limits" / "micro_dosing_seed.toml"

    def check(self) -> tuple[str, BaseException | None]:
        """What `plan check` prints, and the error it ends with."""
        words = ["plan", "check", str(self.plan), "--config", str(self.config)]
        result = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
        return result.output, result.exception


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(folder(tmp_path))


def refused(shelf: Shelf, key: str, lines: str) -> Problem:
    """The one mistake of the plan after its first line of `key` was replaced."""
    rewrite(shelf.plan, key, lines)
    with pytest.raises(InputRejected) as caught:
        load_plan(shelf.plan)
    (problem,) = caught.value.problems
    assert isinstance(problem, Problem)
    assert str(problem) in str(caught.value)
    assert problem.path == shelf.plan
    return problem


def test_unknown_key_names_the_line_and_the_likely_key(shelf: Shelf) -> None:
    found = refused(shelf, "cartridge", 'cartrige = "x"\ncartridge = "y"')
    assert found.code == "unknown_key"
    assert found.line == line_of(shelf.plan, "cartrige")
    assert found.sentence == "unknown key; did you mean cartridge?"


def test_unknown_key_that_resembles_nothing_lists_what_is_known(shelf: Shelf) -> None:
    found = refused(shelf, "dose_nl", "dose_nl = 9_200\nxyzzy = 1")
    assert found.key == "zones[0].xyzzy"
    assert "known here:" in found.sentence
    assert "dwell_us" in found.sentence


@pytest.mark.parametrize(
    ("key", "lines", "fix"),
    [
        ("dose_nl", "dose_nl = 9_200\ndose_ul = 9", "did you mean dose_nl = 9000?"),
        ("dose_nl", "dose_nl = 9_200\ndose_ul = 9.2", "did you mean dose_nl = 9200?"),
        ("protrusion_um", "protrusion_um = 7\nprotrusion_mm = 0.7", "protrusion_um = 700?"),
        ("cadence_hz", "cadence_hz = 2\ncadence_rpm = 120", "cadence_hz = 2?"),
        ("dwell_us", "dwell_us = 2\ndwell_ms = 200", "dwell_us = 200000?"),
        ("prime_nl", "prime_nl = 5_000\nprime_ml = 0.005", "prime_nl = 5000?"),
    ],
)
def test_wrong_unit_is_converted_for_the_reader(
    shelf: Shelf, key: str, lines: str, fix: str
) -> None:
    found = refused(shelf, key, lines)
    assert found.code == "unknown_key"
    assert fix in found.sentence


@pytest.mark.parametrize(
    ("new", "code"), [("50_001", "out_of_range"), ("-1", "out_of_range"), ('"9"', "int_type")]
)
def test_a_value_out_of_range_is_shown_with_the_range(shelf: Shelf, new: str, code: str) -> None:
    found = refused(shelf, "dose_nl", f"dose_nl = {new}")
    assert found.code == code
    assert found.key == "zones[0].dose_nl"
    assert found.line == line_of(shelf.plan, "dose_nl = ")
    assert "a whole number, 0 to 50000" in found.sentence
    assert new.replace("_", "") in found.sentence


def test_a_missing_key_is_named_at_its_table(shelf: Shelf) -> None:
    found = refused(shelf, "punctures", "")
    assert (found.code, found.key) == ("missing_key", "zones[0].punctures")
    assert found.line == line_of(shelf.plan, "[[zones]]")


def test_a_cadence_outside_its_kind_names_the_second_zones_line(shelf: Shelf) -> None:
    text = shelf.plan.read_text()
    start = text.index('name = "jawline"')
    tail = re.sub(r"cadence_hz = \S+", "cadence_hz = 20", text[start:], count=1)
    shelf.plan.write_text(text[:start] + tail)
    with pytest.raises(InputRejected) as caught:
        load_plan(shelf.plan)
    (problem,) = caught.value.problems
    assert isinstance(problem, Problem)
    assert problem.key == "zones[1].cadence_hz"
    assert problem.line == line_of(shelf.plan, "cadence_hz = 20")
    assert "0.5 to 10 Hz" in problem.sentence


def test_every_mistake_of_a_file_is_told_at_once(shelf: Shelf) -> None:
    rewrite(shelf.plan, "patient", 'patient = "Anna Smith"')
    rewrite(shelf.plan, "punctures", "puncture = 36")
    rewrite(shelf.plan, "punctures", "punctures = 0")
    with pytest.raises(InputRejected, match="4 mistakes") as caught:
        load_plan(shelf.plan)
    assert "1 to 40 lower-case letters, digits and hyphens" in str(caught.value)
    assert "did you mean punctures?" in str(caught.value)


def test_a_file_that_is_not_toml_names_the_line(shelf: Shelf) -> None:
    rewrite(shelf.plan, "cartridge", "cartridge = single_32g")
    with pytest.raises(NotToml) as caught:
        load_plan(shelf.plan)
    assert f"{shelf.plan}:{line_of(shelf.plan, 'cartridge = ')}:" in caught.value.what


def test_a_file_that_is_not_text_is_refused(shelf: Shelf) -> None:
    shelf.plan.write_bytes(b"name = \xff\xfe")
    with pytest.raises(NotToml, match="UTF-8"):
        load_plan(shelf.plan)


def test_a_file_that_is_missing_is_named(shelf: Shelf) -> None:
    with pytest.raises(FileUnreadable) as caught:
        load_plan(shelf.config / "plans" / "nothing.toml")
    assert "nothing.toml" in caught.value.what
    assert caught.value.exit_code == 10


def ends_with(shelf: Shelf, error: type[InputError]) -> InputError:
    """`plan check` ends with this numbered error."""
    _, exception = shelf.check()
    assert isinstance(exception, error), repr(exception)
    assert exception.exit_code == 10
    return exception


@pytest.mark.parametrize(
    ("old", "new", "suggestion"),
    [
        ('"single_32g"', '"single_32"', "did you mean single_32g?"),
        ('"microbotox_24"', '"microbotx_24"', "did you mean microbotox_24?"),
    ],
)
def test_an_unknown_cartridge_or_product_suggests_the_known_one(
    shelf: Shelf, old: str, new: str, suggestion: str
) -> None:
    spoil(shelf.plan, old, new)
    assert suggestion in ends_with(shelf, UnknownName).what


def test_an_unknown_region_is_refused(shelf: Shelf) -> None:
    spoil(shelf.plan, 'region = "neck"', 'region = "nek"')
    error = ends_with(shelf, LimitMissing)
    assert "did you mean neck?" in error.what
    assert f"{shelf.plan}:{line_of(shelf.plan, 'nek')}:" in error.what


@pytest.mark.hazard("H01")
def test_a_plan_that_tries_to_raise_a_limit_names_both_lines(shelf: Shelf) -> None:
    spoil(shelf.plan, "[[zones]]", "[limits]\nmax_dose_nl = 30_000\n\n[[zones]]")
    error = ends_with(shelf, LimitRaised)
    assert f"{shelf.plan}:{line_of(shelf.plan, 'max_dose_nl')}:" in error.what
    assert f"{shelf.limits}:{line_of(shelf.limits, 'max_dose_nl')}:" in error.what
    assert "20000" in error.what
    assert "30000" in error.what


@pytest.mark.hazard("H41")
def test_a_limit_taken_out_of_the_file_refuses_the_plan(shelf: Shelf) -> None:
    spoil(shelf.limits, "max_session_nl", "# max_session_nl")
    assert "max_session_nl is not set" in ends_with(shelf, LimitMissing).what


def test_a_dose_that_no_certificate_covers_is_refused(shelf: Shelf) -> None:
    certificate = shelf.config / "certificates" / "simulated_provisional.toml"
    rewrite(certificate, "dose_to_nl", "dose_to_nl = 9199")
    assert "9200 nl at " in ends_with(shelf, NotCertified).what


@pytest.mark.hazard("H01")
@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("dose_nl", "20_001", "DOSE_OVER_LIMIT"),
        ("punctures", "240", "SESSION_OVER_LIMIT"),
        ("protrusion_um", "751", "PROTRUSION_OVER_LIMIT"),
        ("cadence_hz", "5", "STROKE_DOES_NOT_FIT"),
        ("dwell_us", "1_000_000", "STROKE_DOES_NOT_FIT"),
        ("prime_nl", "4_999", "PRIME_TOO_SMALL"),
    ],
)
def test_a_plan_over_a_limit_is_shown_and_blocked(
    shelf: Shelf, key: str, value: str, code: str
) -> None:
    rewrite(shelf.plan, key, f"{key} = {value}")
    output, exception = shelf.check()
    assert isinstance(exception, PlanBlocked)
    assert f"BLOCK {code}" in output
    assert "This plan is not allowed." in output


def test_a_sound_plan_is_shown_zone_by_zone(shelf: Shelf) -> None:
    output, exception = shelf.check()
    assert exception is None
    for words in ("cheek", "jawline", "neck", "993.72", "23.85", "3394", "ona_u"):
        assert words in output
    assert "WARN LIMITS_NOT_APPROVED" in output
    assert "Every limit holds." in output


@pytest.mark.hazard("H41")
def test_in_the_treatment_realm_unapproved_limits_block(shelf: Shelf) -> None:
    rewrite(shelf.config / "controller.toml", "realm", 'realm = "treatment"')
    output, exception = shelf.check()
    assert isinstance(exception, PlanBlocked)
    assert "BLOCK LIMITS_NOT_APPROVED" in output


def run(*words: str) -> tuple[str, BaseException | None]:
    """A command's output and the error it ends with."""
    result = CliRunner().invoke(app, list(words), env={"COLUMNS": "200"})
    return result.output, result.exception


def test_config_check_passes_the_shipped_folder(shelf: Shelf) -> None:
    output, exception = run("config", "check", "--config", str(shelf.config))
    assert exception is None
    assert output.count("ok ") == len(Catalogue(shelf.config).files()) == 15
    assert "The config folder is sound." in output


@pytest.mark.parametrize(
    ("spoiling", "words"),
    [
        (lambda c: rewrite(c / "pens" / "simulated.toml", "ring_depth", "ring_depth = 2.5"), "2.5"),
        (lambda c: rewrite(c / "controller.toml", "pen", 'pen = "simulatd"'), "did you mean"),
        (lambda c: spoil(c / "cartridges" / "array_12.toml", '"array_12"', '"x"'), "of its file"),
        (lambda c: (c / "controller.toml").unlink(), "controller.toml"),
        (lambda c: spoil(c / "products" / "microbotox_20.toml", "= 20\n", "= 40\n"), "is stated"),
    ],
)
def test_config_check_finds_a_mistake_anywhere(
    shelf: Shelf, spoiling: Callable[[Path], object], words: str
) -> None:
    spoiling(shelf.config)
    _, exception = run("config", "check", "--config", str(shelf.config))
    assert isinstance(exception, InputRejected)
    assert len(exception.problems) == 1
    assert words in str(exception)


@pytest.mark.parametrize(
    ("name", "key"), [("plan", "zones"), ("limits", "max_dose_nl"), ("controller", "realm")]
)
def test_schemas_are_printed_as_json(name: str, key: str) -> None:
    output, exception = run("config", "schema", name)
    assert exception is None
    assert f'"{key}"' in output
    assert '"additionalProperties": false' in output


@pytest.mark.hazard("H40")
def test_the_config_digest_knows_every_byte_and_every_name(shelf: Shelf) -> None:
    catalogue = Catalogue(shelf.config)
    before = catalogue.digest
    assert catalogue.digest == before
    spoil(shelf.limits, "20_000", "20_001")
    changed = catalogue.digest
    shelf.plan.rename(shelf.plan.with_name("other.toml"))
    assert len({before, changed, catalogue.digest}) == 3


def test_a_certificate_is_found_by_the_id_that_the_pen_stores(shelf: Shelf) -> None:
    catalogue = Catalogue(shelf.config)
    assert catalogue.certificate_by_id(0x0C0001).provisional
    with pytest.raises(UnknownName, match="00000000000c0002"):
        catalogue.certificate_by_id(0x0C0002)


@pytest.mark.parametrize("error", InputError.__subclasses__())
def test_every_input_error_has_a_number_a_cause_and_an_action(error: type[InputError]) -> None:
    numbers = [each.number for each in InputError.__subclasses__()]
    assert numbers.count(error.number) == 1
    assert 1000 < error.number < 2000
    assert error.exit_code == (2 if error is WrongUsage else 10)
    assert error.cause != MicropenError.cause
    assert error.action != MicropenError.action
