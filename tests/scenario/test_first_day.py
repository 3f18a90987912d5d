"""The technician's first day, as the handbook tells it: a config folder that treats real pens."""

import re
import shutil
from pathlib import Path

import pytest

from tests.architecture import repo
from tests.support.command_line import in_process
from tests.support.inputs import CONFIG, folder, rewrite

PAGE = repo.text(Path("docs/handbook/technician.md"))
(APPROVAL,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Steps 4 to 6 of the page: limits copied and signed, a pen of one's own, the realm."""
    config = folder(tmp_path)
    copy(config, "limits/micro_dosing_seed.toml", "clinic_micro_dosing", APPROVAL)
    copy(config, "pens/simulated.toml", "our_pen")
    rewrite(config / "controller.toml", "micro_dosing", 'micro_dosing = "clinic_micro_dosing"')
    rewrite(config / "controller.toml", "pen", 'pen = "our_pen"')
    rewrite(config / "controller.toml", "realm", 'realm = "treatment"')
    rewrite(config / "controller.toml", "state_folder", f'state_folder = "{tmp_path}/treatment"')
    return config


def copy(config: Path, file: str, name: str, end: str = "") -> None:
    """Under a new name, which is written into it."""
    old = config / file
    new = Path(shutil.copy(old, old.with_stem(name)))
    rewrite(new, "name", f'name = "{name}"')
    new.write_text("\n".join(line.lstrip() for line in [new.read_text(), *end.splitlines()]))


def test_the_folder_is_sound_and_a_plan_under_signed_limits_is_allowed(config: Path) -> None:
    checked = in_process("config", "check", "--config", config)
    assert checked.code == 0, checked.err
    assert "clinic_micro_dosing.toml" in checked.out
    plan = in_process("plan", "check", "short_check", "--config", config)
    assert plan.code == 0, plan.err
    assert "Every limit holds" in plan.out


def test_a_plan_under_seeds_is_refused_there_and_warned_of_in_training(config: Path) -> None:
    plan = in_process("plan", "check", "collagen_induction", "--config", config)
    assert (plan.code, plan.number) == (10, 1010)
    assert "No clinician has approved the limits file" in plan.err
    trained = in_process("plan", "check", "collagen_induction", "--config", CONFIG)
    assert trained.code == 0
    assert "LIMITS_NOT_APPROVED" in trained.out


def test_a_copy_that_still_bears_the_old_name_is_told(config: Path) -> None:
    rewrite(config / "pens" / "our_pen.toml", "name", 'name = "simulated"')
    checked = in_process("config", "check", "--config", config)
    assert checked.code == 10
    assert '"simulated" is not the name of its file; write "our_pen"' in checked.err


def test_without_the_clinic_s_limits_nothing_stands_in(config: Path) -> None:
    limits = config / "limits" / "clinic_micro_dosing.toml"
    rewrite(limits, "max_session_nl", "")
    plan = in_process("plan", "check", "short_check", "--config", config)
    assert (plan.code, plan.number) == (10, 1007)
