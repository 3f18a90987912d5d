"""Whatever may be wrong with the record or its disk: a numbered error, and not one byte changed."""

import hashlib
import resource
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from tests.support import journals
from tests.support.command_line import Said, in_process, micropen
from tests.support.inputs import CONFIG, folder, rewrite
from tests.support.journals import open_journal, whole_session
from tests.support.strangers import silence, stranger

PLAN = CONFIG / "plans" / "collagen_induction.toml"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder whose journal holds one closed session."""
    journal = open_journal(tmp_path / "state" / "journal")
    for drafts in whole_session("s-1", batches=5):
        journal.append(drafts)
    journal.close()
    return tmp_path / "state"


def treat(state: Path, *more: str) -> Said:
    """Start a session on a port that does not exist: the record is looked at first."""
    what = more or ("--plan", str(PLAN))
    where = ("--config", CONFIG, "--state", state, "--port", "/nowhere")
    return in_process("run", "--program", *what, *where)


def digests(place: Path) -> dict[str, str]:
    """Every journal file with its content. SQLite may leave a -wal beside it, an empty one."""
    assert all(path.stat().st_size == 0 for path in place.rglob("*-wal"))
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in place.rglob("*.db")
    }


def test_a_sound_journal_comes_as_far_as_the_port(state: Path) -> None:
    before = digests(state)
    said = treat(state)
    assert (said.code, said.number) == (20, 2001)
    assert digests(state) == before


def _make_newer(file: Path) -> None:
    other = apsw.Connection(str(file))
    other.pragma("user_version", 99)
    other.close()


def _edit(file: Path) -> None:
    other = apsw.Connection(str(file))
    other.execute("DROP TRIGGER no_update")
    other.execute("UPDATE entries SET body = replace(body, '\"steps\":4', '\"steps\":3')")
    other.close()


def _overwrite(file: Path) -> None:
    with file.open("r+b") as raw:
        raw.seek(4096)
        raw.write(b"\xa5" * 2048)


def _cut(file: Path) -> None:
    with file.open("r+b") as raw:
        raw.truncate(5000)


@pytest.mark.hazard("H17")
@pytest.mark.parametrize(
    ("spoil", "number", "words"),
    [
        (_make_newer, 5002, "Install the newer version again"),
        (_edit, 5004, "The disk lost or changed data"),
        (_overwrite, 5004, "The disk lost or changed data"),
        (_cut, 5004, "The disk lost or changed data"),
    ],
)
@pytest.mark.parametrize("ask", ["run", "list", "show", "verify", "export"])
def test_a_journal_that_cannot_be_trusted(
    state: Path, spoil: Callable[[Path], None], number: int, words: str, ask: str
) -> None:
    spoil(state / "journal" / "journal.db")
    before = digests(state)
    said = treat(state) if ask == "run" else in_process("session", ask, "--state", state)
    if spoil is _edit and ask in ("list", "show", "export"):
        assert said.code == 0, "only `verify` and a start recompute hashes"
        return
    assert (said.code, said.number) == (50, number)
    assert words in said.err
    assert str(state / "journal" / "journal.db") in said.err or "Entry " in said.err
    assert digests(state) == before


@pytest.mark.parametrize("ask", ["list", "show", "verify", "export"])
def test_a_state_folder_without_a_journal(tmp_path: Path, ask: str) -> None:
    said = in_process("session", ask, "--state", tmp_path)
    assert (said.code, said.number) == (50, 5001)
    assert f"There is no journal in {tmp_path}/journal." in said.err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", Path("/proc/micropen")):
        said = treat_at_a_port(place)
        assert (said.code, said.number) == (50, 5003), place
        assert f"{place}/journal cannot be used" in said.err


@pytest.mark.hazard("H17")
def test_a_disk_that_is_full(tmp_path: Path) -> None:
    def full_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    said = treat_at_a_port(tmp_path, before=full_disk)
    assert (said.code, said.number) == (50, 5003)
    assert "has no room left" in said.err
    assert "Free space" in said.err
    assert not list(tmp_path.rglob("*.db"))


def treat_at_a_port(state: Path, before: Callable[[], None] | None = None) -> Said:
    """Start a session on a port that is one, so that the journal is opened. No pen answers."""
    with stranger(silence) as port:
        where = ("--config", CONFIG, "--state", state, "--port", port)
        return micropen("run", "--program", "--plan", PLAN, *where, before=before)


def test_a_treatment_is_not_recorded_in_a_training_journal(tmp_path: Path) -> None:
    open_journal(tmp_path / "journal", realm="treatment").close()
    before = digests(tmp_path)
    said = treat(tmp_path)
    assert (said.code, said.number) == (50, 5005)
    assert "is a treatment journal, not a training one" in said.err
    assert digests(tmp_path) == before


def test_an_open_session_must_be_gone_on_with(state: Path) -> None:
    journal = open_journal(state / "journal", seed=2)
    journal.append([journals.opened("s-2")])
    journal.close()
    said = treat(state)
    assert (said.code, said.number) == (40, 4034)
    assert "Session s-2 of patient P-0001 is still open." in said.err
    assert "micropen run --resume" in said.err


def test_nothing_to_resume(state: Path, tmp_path: Path) -> None:
    for place in (state, tmp_path / "new"):
        said = treat(place, "--resume")
        assert (said.code, said.number) == (40, 4033)
        assert "micropen run --plan FILE" in said.err
    assert not (tmp_path / "new").exists()


def test_a_session_that_is_not_there(state: Path) -> None:
    for ask in ("show", "export"):
        said = in_process("session", ask, "s-9", "--state", state)
        assert (said.code, said.number) == (50, 5020)
        assert "micropen session list" in said.err


def test_an_export_that_cannot_be_written(state: Path, tmp_path: Path) -> None:
    said = in_process("session", "export", "--state", state, "--out", tmp_path / "no" / "x.csv")
    assert (said.code, said.number) == (80, 8002)
    assert "No such file or directory" in said.err


def test_a_run_folder_that_cannot_be_made() -> None:
    place = ("--config", CONFIG, "--folder", "/proc/micropen/run")
    said = in_process("simulate", "--plan", PLAN, *place)
    assert (said.code, said.number) == (80, 8002)
    assert "/proc/micropen" in said.err


def test_a_simulated_run_never_mixes_with_another(tmp_path: Path) -> None:
    (tmp_path / "oracle.json").touch()
    said = in_process("simulate", "--plan", PLAN, "--config", CONFIG, "--folder", tmp_path)
    assert (said.code, said.number) == (80, 8022)
    assert [path.name for path in tmp_path.iterdir()] == ["oracle.json"]


def test_simulate_is_training(tmp_path: Path) -> None:
    config = folder(tmp_path)
    rewrite(config / "controller.toml", "realm", 'realm = "treatment"')
    said = in_process("simulate", "--config", config, "--folder", tmp_path / "run")
    assert (said.code, said.number) == (50, 5005)
    assert not (tmp_path / "run").exists()
