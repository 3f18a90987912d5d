"""Both languages say the same, the page asks for no text that is missing, and what the controller
says in an emergency is known in German."""

import ast
import builtins
import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from controller.calibration import (
    cadence,
    conditions,
    curve,
    cycle,
    face,
    fitting,
    guide,
    protrusion,
    reach,
    rig,
    taking_back,
    weigher,
)
from controller.calibration import errors as calibration_errors
from controller.calibration.balance import ports, reader
from controller.calibration.certificate import errors as certificate_errors
from controller.calibration.certificate import issuing
from controller.calibration.procedure import begun, dose_state, series_record
from controller.calibration.procedure.steps import Finish
from controller.console import calibration_errors as leading_errors
from controller.console import checklist, views
from controller.console import errors as console_errors
from controller.console.calibration_views import Procedure
from controller.console.routes_page import PAGE
from controller.errors import MicropenError
from controller.record import calibration_events
from controller.service import (
    calibrating,
    calibration_desk,
    calibration_screen,
)
from controller.session import interlocks, measures
from controller.session.alarms import KINDS
from protocol.faults import FAULTS
from protocol.words import PenState
from tests.support.technician import Hands, cadence_terms, dose_terms, protrusion_terms, run

READINGS = (
    calibration_events.CalibrationRoom,
    calibration_events.CalibrationBalanceChecked,
    calibration_events.CalibrationPrimed,
    calibration_events.CalibrationWeighed,
    calibration_events.CalibrationDiscarded,
    calibration_events.CalibrationTouched,
    calibration_events.CalibrationRun,
)
TELL_WHY = (calibration_errors, certificate_errors, leading_errors, console_errors, calibrating)
RAISE = (
    *(cadence, conditions, curve, cycle, face, fitting, guide, protrusion, reach, rig, weigher),
    *(taking_back, ports, reader, issuing, dose_state, series_record),
    *(calibrating, calibration_desk, calibration_screen),
)
"""Modules whose errors a person at the screen's calibration can meet."""
SCRIPTS = sorted(path for path in PAGE.rglob("*.js"))
PLACE = re.compile(r"\{\w*\}")
ASKED = re.compile(r'\bt\(\s*"([^"]+)"')
NAMED = re.compile(r'"((?:plan|session|hint|vial|limits|lost|treat)\.[a-z_0-9]+)"')
BUILT = {
    "place": ("prepare", "treat", "alarms", "history", "calibrate"),
    "step": ("plan", "product", "patient", "checks", "limits"),
    "report": ("pdf", "html", "csv", "jsonl"),
    "treat": ("remaining", "punctures", "cadence", "protrusion"),
    "lamp": tuple(f"{n}_{o}" for n in ("contact", "trigger", "ready") for o in ("on", "off")),
    "state": get_args(views.SessionState),
    "role": get_args(views.Role),
    "priority": get_args(views.Priority),
    "act": get_args(views.ActName),
    "pen_state": tuple(state.name.lower() for state in PenState),
    "subject": ("session", "course"),
    "kind": ("micro_dosing", "collagen_induction"),
    "outcome": ("complete", "ended_early"),
    "pen": ("connected", "lost"),
    "calibration": get_args(Procedure),
    "calibration_outcome": ("measured", "refused", "aborted"),
    "balance": ("stable", "moving", "silent"),
    "value": (
        *("mass", "liquid", "air", "pressure", "humidity"),
        *("indicator", "cadence", "uncertainty"),
    ),
    "reading": tuple(each.kind for each in READINGS),
    "due_end": ("doses", "hours", "punctures"),
    "reason": (
        *("drop", "touched", "draught", "mistyped"),
        *("instrument", "pen", "time", "training"),
    ),
    "calibrate": (
        *("begin_dose", "begin_protrusion", "begin_cadence"),
        *("why_redo", "why_abort", "kept_redo", "kept_abort"),
        *("plot_protrusion", "plot_cadence", "none", "touch_again"),
    ),
}
"""Sets whose keys are put together while the page runs, with every value that can come."""


def texts(name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in (PAGE / "texts" / f"{name}.json", PAGE / "texts" / f"calibrate.{name}.json"):
        found |= json.loads(path.read_text()) if path.exists() else {}
    return found


def test_both_languages_have_the_same_keys_and_places() -> None:
    english, german = texts("en"), texts("de")
    assert english.keys() == german.keys()
    assert all(english.values())
    for key in english:
        assert set(PLACE.findall(english[key])) == set(PLACE.findall(german[key])), key


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_text_that_a_script_asks_for_is_there(script: Path) -> None:
    source = script.read_text()
    asked = set(ASKED.findall(source)) | set(NAMED.findall(source))
    assert asked - texts("en").keys() == set()


@pytest.mark.parametrize("name", BUILT)
def test_every_value_that_can_come_has_a_word(name: str) -> None:
    assert {f"{name}.{value}" for value in BUILT[name]} - texts("en").keys() == set()


def test_every_measure_has_a_name() -> None:
    """`measures` names them in calls of `_of`, `_units` and `Measure`."""
    calls = [n for n in ast.walk(_tree(measures)) if isinstance(n, ast.Call)]
    names = {"stroke period", "stroke period for this dose", "session volume", "course volume"}
    for call in calls:
        kind = getattr(call.func, "id", "")
        if kind in {"_of", "Measure"} and isinstance(call.args[2], ast.Constant):
            names.add(str(call.args[2].value))
        if kind == "_units" and isinstance(call.args[3], ast.Constant):
            names.add(f"{call.args[3].value!s} units")
    assert len(names) > 10
    assert {f"measure.{n.replace(' ', '_')}" for n in names} - texts("en").keys() == set()


def test_no_text_is_left_over() -> None:
    source = "".join(script.read_text() for script in SCRIPTS)
    built = {f"{name}.{value}" for name, values in BUILT.items() for value in values}
    unused = {key for key in texts("en") if f'"{key}"' not in source} - built
    assert {key for key in unused if not key.startswith("measure.")} == set()


def test_every_alarm_and_fault_is_known_in_german() -> None:
    said = texts("said.de")
    spoken = {text for kind in KINDS.values() for text in (kind.sentence, kind.cause, kind.action)}
    spoken |= {text for fault in FAULTS.values() for text in (fault.sentence, fault.action)}
    assert spoken - said.keys() == set()


def test_every_line_of_the_checklist_is_known_in_german() -> None:
    said = texts("said.de")
    spoken = set()
    for call in ast.walk(_tree(checklist)):
        name = getattr(call.func, "id", "") if isinstance(call, ast.Call) else ""
        if isinstance(call, ast.Call) and name in {"_good", "_bad", "_unknown"}:
            spoken |= {_form(argument) for argument in call.args[1:]}
        if isinstance(call, ast.Call) and name == "_of":
            subject = next(form for form in map(_form, call.args) if form.startswith("The "))
            spoken.add(f"{subject} is in order.{{}}")
    spoken -= {"", "{} is in order.{}"}
    assert len(spoken) > 20
    assert spoken - said.keys() == set()


def test_every_finding_about_plan_pen_and_vial_is_known_in_german() -> None:
    known = [_matcher(form) for form in texts("said.de")]
    spoken = set()
    for node in ast.walk(_tree(interlocks)):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "sentence":
            spoken.add(_form(node.value))
    spoken -= {""}
    assert len(spoken) > 12
    said = {form.replace("{}", "at most") for form in spoken}
    assert {each for each in said if not any(form.fullmatch(each) for form in known)} == set()


def test_every_step_of_a_calibration_is_known_in_german() -> None:
    known = [_matcher(form) for form in texts("said.de")]
    spoken: set[str] = set()
    for terms in (dose_terms(), protrusion_terms(), cadence_terms()):
        steps = run(begun(terms), Hands())
        spoken |= {step.title for step in steps}
        spoken |= {step.instruction for step in steps if not isinstance(step, Finish)}
    for module in (guide, rig, cycle, weigher):
        for call in (n for n in ast.walk(_tree(module)) if isinstance(n, ast.Call)):
            if getattr(call.func, "id", "") == "Question" and len(call.args) > 1:
                spoken.add(_form(call.args[1]))
    spoken -= {"", "{} (ENTER alone: nothing happens)", "{} {}"}
    assert len(spoken) > 100
    assert {each for each in spoken if not any(form.fullmatch(each) for form in known)} == set()


def test_every_error_of_a_calibration_is_known_in_german() -> None:
    """Cause and action of each kind, and what is said where one is raised."""
    known = [_matcher(form) for form in texts("said.de")]
    spoken = {
        line
        for kind in _kinds_of(MicropenError)
        if kind.__module__ in {each.__name__ for each in TELL_WHY}
        for line in (kind.cause, kind.action)
    }
    assert len(spoken) > 90
    raised = {_form(call.args[0]) for module in RAISE for call in _raised(_tree(module))} - {""}
    assert len(raised) > 50
    left = {each for each in spoken | raised if not any(form.fullmatch(each) for form in known)}
    assert left == set()


def _kinds_of(kind: type[MicropenError]) -> set[type[MicropenError]]:
    return {kind}.union(*(_kinds_of(each) for each in kind.__subclasses__()))


def _raised(tree: ast.Module) -> list[ast.Call]:
    """Errors of our tree; Python's own are defects, and nobody's to translate."""
    found = (node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise))
    calls = (call for call in found if isinstance(call, ast.Call) and call.args)
    return [call for call in calls if not hasattr(builtins, getattr(call.func, "id", ""))]


def test_what_is_filled_in_stays_in_its_place() -> None:
    for english, german in texts("said.de").items():
        assert english.count("{}") == german.count("{}"), english


def test_what_only_a_terminal_has_is_left_out_in_english_too() -> None:
    terminal = re.compile(r"ENTER|`micropen|- for none")
    for said, shown in texts("said.en").items():
        assert not terminal.search(shown), said


def _tree(module: Any) -> ast.Module:
    return ast.parse(Path(module.__file__).read_text())


def _matcher(form: str) -> re.Pattern[str]:
    """As the page looks a sentence up."""
    return re.compile("(.*?)".join(re.escape(part) for part in form.split("{}")))


def _form(node: ast.expr) -> str:
    """A text with "{}" for what is filled in; "" for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value if " " in node.value else ""
    if isinstance(node, ast.JoinedStr):
        parts = (p.value if isinstance(p, ast.Constant) else "{}" for p in node.values)
        return "".join(str(part) for part in parts)
    return ""
