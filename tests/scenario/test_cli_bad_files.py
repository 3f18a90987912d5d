"""Whatever a person writes wrongly: a numbered error with file, line and range; nothing started."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.command_line import Said, in_process, micropen
from tests.support.inputs import folder, line_of, rewrite, spoil

NOW = datetime.now(UTC)


@dataclass(frozen=True)
class Room:
    """A copy of the config folder, a state folder that does not exist, and a port that does not."""

    config: Path
    state: Path

    @property
    def plan(self) -> Path:
        return self.config / "plans" / "lower_face_one_side.toml"

    def treat(
        self,
        *more: str | Path,
        mixed_h_ago: float = 1,
        expires_in_days: int = 90,
        run: Callable[..., Said] = in_process,
    ) -> Said:
        """`micropen run` with a vial; the port is looked at last."""
        mixed = NOW - timedelta(hours=mixed_h_ago)
        expiry = NOW + timedelta(days=expires_in_days)
        vial = ["--lot", "L1", "--expiry", f"{expiry:%F}", "--reconstituted-at", mixed.isoformat()]
        words = ("run", "--program", "--plan", self.plan, *vial, *more)
        return self.ask(*words, run=run)

    def ask(self, *words: str | Path, run: Callable[..., Said] = in_process) -> Said:
        """Any command on this config and state."""
        place = ("--config", self.config, "--state", self.state)
        port = ("--port", "/nowhere")
        said = run(*words, *place, *(port if words[0] == "run" else ()))
        assert not self.state.exists(), "something was started"
        return said


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(folder(tmp_path), tmp_path / "state")


@pytest.mark.parametrize("run", [in_process, micropen], ids=["in_process", "process"])
def test_all_sound_files_come_as_far_as_the_port(room: Room, run: Callable[..., Said]) -> None:
    said = room.treat(run=run)
    assert (said.code, said.number) == (20, 2001)
    assert "There is no serial port at /nowhere." in said.err


Spoiling = Callable[[Room], object]


@pytest.mark.hazard("H01")
@pytest.mark.parametrize(
    ("spoiling", "number", "key", "words"),
    [
        (
            lambda r: rewrite(r.plan, "dose_nl", "dose_ul = 9.2"),
            1003,
            "dose_ul",
            ["zones[0].dose_ul: unknown key", "did you mean dose_nl = 9200?"],
        ),
        (
            lambda r: rewrite(r.plan, "dwell_us", "dwell_ms = 100"),
            1003,
            "dwell_ms",
            ["did you mean dwell_us = 100000?"],
        ),
        (
            lambda r: rewrite(r.plan, "punctures", "punctres = 24"),
            1003,
            "punctres",
            ["did you mean punctures?"],
        ),
        (
            lambda r: rewrite(r.plan, "protrusion_um", "protrusion_um = 5_000"),
            1003,
            "protrusion_um",
            ["5000 is not accepted", "1 to 3000"],
        ),
        (
            lambda r: rewrite(r.plan, "punctures", 'punctures = "24"'),
            1003,
            "punctures",
            ['"24" is not accepted', "a whole number, 1 to 1000000"],
        ),
        (lambda r: rewrite(r.plan, "patient", "patient = p-1"), 1002, "patient", ["not TOML"]),
        (
            lambda r: rewrite(r.plan, "dose_nl", "dose_nl = 20_001"),
            1010,
            "dose_nl",
            ["cheek: dose is", "at most 20000 nl"],
        ),
        (
            lambda r: rewrite(r.plan, "cadence_hz", "cadence_hz = 5"),
            1010,
            "cadence_hz",
            ["200000 us; it must be at least 288460 us", "3.460 Hz or slower"],
        ),
        (
            lambda r: rewrite(r.plan, "punctures", "punctures = 240"),
            1010,
            "punctures",
            ["cheek: zone volume is", "at most 1000000 nl"],
        ),
        (
            lambda r: rewrite(r.plan, "cartridge", 'cartridge = "singel_32g"'),
            1004,
            "cartridge",
            ['has no "singel_32g"; did you mean single_32g?'],
        ),
        (
            lambda r: rewrite(r.plan, "product", 'product = "microbotox_42"'),
            1004,
            "product",
            ['has no "microbotox_42"; did you mean microbotox_2'],
        ),
        (
            lambda r: rewrite(r.plan, "region", 'region = "upper-lip"'),
            1007,
            "region",
            ['no protrusion limit is set for "upper-lip"'],
        ),
    ],
)
def test_a_mistake_in_the_plan(
    room: Room, spoiling: Spoiling, number: int, key: str, words: list[str]
) -> None:
    spoiling(room)
    said = room.treat()
    assert (said.code, said.number) == (10, number)
    assert f"{room.plan}:{line_of(room.plan, f'{key} = ')}: " in said.err
    for each in words:
        assert each in said.err
    assert "Likely cause: " in said.err
    assert "What to do: " in said.err


def test_a_mistake_in_the_settings(room: Room) -> None:
    file = rewrite(room.config / "controller.toml", "baud", "baudrate = 115200")
    said = room.treat()
    assert (said.code, said.number) == (10, 1003)
    assert f"{file}:{line_of(file, 'baudrate')}: pen_port.baudrate: unknown key" in said.err
    assert "did you mean baud?" in said.err


def test_all_mistakes_of_a_folder_at_once(room: Room) -> None:
    rewrite(room.plan, "punctures", "punctres = 24")
    rewrite(room.config / "pens" / "simulated.toml", "ring_depth", "ring_depth = 2.5")
    said = in_process("config", "check", "--config", room.config)
    assert (said.code, said.number) == (10, 1003)
    assert "3 mistakes:" in said.err
    assert said.out.count("bad ") == 2


@pytest.mark.hazard("H27")
@pytest.mark.parametrize(
    ("mixed_h_ago", "expires_in_days", "words"),
    [
        (24.1, 90, "is past its use-by of"),
        (1, -2, "Lot L1 of microbotox_24 expired on"),
        (-2, 90, "which is in the future"),
    ],
)
def test_a_product_that_may_not_be_given(
    room: Room, mixed_h_ago: float, expires_in_days: int, words: str
) -> None:
    said = room.treat(mixed_h_ago=mixed_h_ago, expires_in_days=expires_in_days)
    assert (said.code, said.number) == (10, 1010)
    assert words in said.err


@pytest.mark.parametrize("more", [[], ["--lot", "L1"], ["--lot", "L1", "--expiry", "soon"]])
def test_a_vial_that_is_not_entered(room: Room, more: list[str]) -> None:
    said = room.ask("run", "--program", "--plan", room.plan, *more)
    assert (said.code, said.number) == (10, 1005)
    assert "--lot, --expiry and --reconstituted-at" in said.err


def test_a_plan_may_not_raise_a_limit(room: Room) -> None:
    spoil(room.plan, "[[zones]]", "[limits]\nmax_dose_nl = 30_000\n\n[[zones]]")
    said = room.treat()
    assert (said.code, said.number) == (10, 1006)
    assert f"{room.plan}:{line_of(room.plan, 'max_dose_nl')}: limits.max_dose_nl" in said.err


def test_a_dose_that_no_certificate_covers(room: Room) -> None:
    certificate = room.config / "certificates" / "simulated_provisional.toml"
    rewrite(certificate, "dose_to_nl", "dose_to_nl = 9_199")
    said = room.treat()
    assert (said.code, said.number) == (10, 1009)


@pytest.mark.parametrize(
    ("plan", "number", "words"),
    [
        ("/nowhere.toml", 1001, "No such file"),
        ("/tmp", 1001, "Is a directory"),
        ("lower_face", 1004, "did you mean lower_face_one_side?"),
    ],
)
def test_a_plan_that_is_not_there(room: Room, plan: str, number: int, words: str) -> None:
    for command in (["run", "--plan", plan], ["plan", "check", plan], ["simulate", "--plan", plan]):
        said = in_process(*command, "--config", room.config)
        assert (said.code, said.number) == (10, number), command
        assert words in said.err


def test_a_config_folder_that_is_none(room: Room, tmp_path: Path) -> None:
    for command in (["config", "check"], ["run", "--resume"], ["simulate"], ["session", "list"]):
        said = in_process(*command, "--config", tmp_path)
        assert said.code == 10
        assert f"{tmp_path}/controller.toml" in said.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run"], "either --plan FILE or --resume"),
        (["run", "--resume", "--plan", "x.toml"], "not both"),
        (["run", "--plan"], "requires an argument"),
        (["run", "--plann", "x"], "--plan"),
        (["sessions"], "Did you mean 'session'"),
        (["plan", "check"], "Missing argument"),
        (["config", "schema", "plans"], "is not one of"),
        (["errors", "E1"], "There is no error E1"),
    ],
)
def test_wrong_usage_is_exit_code_2(words: list[str], says: str) -> None:
    said = in_process(*words)
    assert said.code == 2
    assert says in said.err


def test_nobody_at_a_terminal_starts_nothing(room: Room) -> None:
    plan = room.config / "plans" / "collagen_induction.toml"
    said = room.ask("run", "--plan", plan)
    assert (said.code, said.number) == (80, 8011)
