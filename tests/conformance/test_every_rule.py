"""The suite is whole: every module of checks has its tests, every word of the wire its check."""

from pathlib import Path

from protocol.conformance.checks import MODULES
from protocol.conformance.checks.c03_configure import ALL
from protocol.conformance.rules import checks_of
from protocol.words import EventKind, Mode


def test_every_module_of_checks_has_a_module_of_tests() -> None:
    names = {module.__name__.rpartition(".")[2] for module in MODULES}
    checks = Path(str(MODULES[0].__file__)).parent
    assert names == {path.stem for path in checks.glob("c*.py")}
    assert {f"test_{name}" for name in names} == {
        path.stem for path in Path(__file__).parent.glob("test_c*.py")
    }


def test_a_check_stands_in_the_module_of_its_rule() -> None:
    for module in MODULES:
        number = module.__name__.rpartition(".")[2][1:3]
        assert {check.rule for check in checks_of(module)} == {f"C{int(number)}"}


def test_every_mode_is_covered() -> None:
    assert {settings.mode for settings in ALL} == set(Mode)


def test_every_kind_of_event_has_a_mode_that_makes_it() -> None:
    assert len(EventKind) == len(Mode)
