"""`micropen update`: the new program runs, or everything is as it was; the record is whole."""

import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from controller.errors import MicropenError
from controller.record.entry import Draft
from controller.record.events import ServiceStarted
from controller.record.journal import Journal
from controller.record.reader import JournalReader
from controller.record.verify import verify
from controller.service.appliance import takeover
from controller.service.appliance.errors import (
    InstallerBusy,
    NotARelease,
    NotInstalled,
    StepFailed,
)
from controller.service.appliance.ground import only_one
from controller.service.appliance.layout import CHECKSUMS_FILE, LOCK_FILE, RELEASE_FILE, WHEELHOUSE
from controller.service.appliance.releases import checked_release
from controller.service.appliance.switches import current_slot, history
from controller.service.appliance.takeover import failure_of
from controller.service.appliance.update_errors import (
    NeitherRuns,
    NotIdle,
    PreflightRefused,
    ReleaseDamaged,
    UpdateUndone,
)
from tests.support.inputs import spoil
from tests.support.journals import closed, opened
from tests.support.next_layout import next_layout
from tests.support.room_machine import PERSON, RoomMachine, Version, released

OLD, NEW = "1.0.0", "1.1.0"


@pytest.fixture
def room(tmp_path: Path) -> Iterator[RoomMachine]:
    """A machine with 1.0.0 installed and running."""
    machine = RoomMachine(tmp_path / "root")
    machine.installs(tmp_path)
    machine.ran.clear()
    machine.said.clear()
    yield machine
    machine.halt()


def running(room: RoomMachine) -> str | None:
    """The version whose service runs."""
    if room.service is None:
        return None
    with next_layout():
        started = [e.body() for e in room.service.entries() if e.kind == "service_started"]
    newest = started[-1]
    assert isinstance(newest, ServiceStarted)
    return newest.software_version


def switched(room: RoomMachine) -> list[tuple[object, object, object]]:
    """Every switch but the installation: from, to, why."""
    rows = history(room.layout)[1:]
    assert {row["who"] for row in rows} <= {PERSON}
    return [(_version(row["from"]), _version(row["to"]), row["why"]) for row in rows]


def _version(named: object) -> object:
    assert isinstance(named, dict)
    return named["version"]


def record(*drafts: Draft) -> Callable[[Journal | None], None]:
    def append(journal: Journal | None) -> None:
        assert journal is not None
        journal.append(drafts)

    return append


def test_the_new_program_runs_on_the_same_record(room: RoomMachine, tmp_path: Path) -> None:
    assert running(room) == OLD
    record(opened(), closed())(room.service)
    room.updates(tmp_path, NEW)
    assert (running(room), current_slot(room.layout)) == (NEW, "b")
    assert switched(room) == [(OLD, NEW, "update")]
    room.halt()
    assert verify(room.journal).head_seq == 5
    steps = [line for line in room.ran if line.startswith(("setpriv", "systemctl"))]
    asked = [n for n, line in enumerate(steps) if "preflight" in line]
    stopped = steps.index("systemctl stop micropen-console.socket micropen-controller.service")
    migrated = next(n for n, line in enumerate(steps) if "migrate" in line)
    started = steps.index("systemctl restart micropen-controller.service")
    assert asked[1] < stopped < asked[2] < migrated < started < asked[3]
    assert "/opt/micropen/a/bin" in steps[asked[0]]
    assert all("/opt/micropen/b/bin" in steps[n] for n in (*asked[1:], migrated))
    assert all("--reuid=micropen --regid=micropen-record" in steps[n] for n in (*asked, migrated))
    assert any("green    config" in line for line in room.said)


def test_each_update_builds_into_the_other_environment(room: RoomMachine, tmp_path: Path) -> None:
    room.updates(tmp_path, NEW)
    room.updates(tmp_path, "1.2.0")
    assert (current_slot(room.layout), running(room)) == ("a", "1.2.0")
    assert room.layout.slot("b").joinpath("bin/micropen").read_text() == NEW


# --- refused -----------------------------------------------------------------------------------


@pytest.mark.hazard("H46")
def test_a_failed_preflight_leaves_everything_as_it_was(room: RoomMachine, tmp_path: Path) -> None:
    file = room.layout.config / "controller.toml"
    spoil(file, "[planning]", "[planing]")
    with pytest.raises(
        PreflightRefused, match=r"micropen 1\.1\.0 may not run here: config"
    ) as caught:
        room.updates(tmp_path, NEW)
    assert caught.value.exit_code == 80
    assert (running(room), current_slot(room.layout)) == (OLD, "a")
    assert not [line for line in room.ran if line.startswith("systemctl")]
    mark = failure_of(room.layout.slot("b"))
    assert mark is not None
    assert (mark["who"], "config" in mark["why"]) == (PERSON, True)
    ((before, after, why),) = switched(room)
    assert (before, after, str(why).startswith("refused: ")) == (OLD, OLD, True)
    assert any("RED" in line and "E1003" in line for line in room.said)
    spoil(file, "[planing]", "[planning]")
    room.updates(tmp_path, NEW)
    assert running(room) == NEW
    assert failure_of(room.layout.slot("b")) is None


@pytest.mark.hazard("H46")
def test_a_session_is_never_cut_short(room: RoomMachine, tmp_path: Path) -> None:
    record(opened())(room.service)
    with pytest.raises(NotIdle, match=r"^E8081 (?!E8).*session s-1 is open"):
        room.updates(tmp_path, NEW)
    assert running(room) == OLD
    assert not room.layout.slot("b").exists()  # not even built: the disk is the session's
    record(closed())(room.service)
    room.on_stop = record(opened("s-2"))  # opened between the look and the stop
    with pytest.raises(NotIdle, match=r"^E8081 (?!E8).*session s-2 is open"):
        room.updates(tmp_path, NEW)
    assert (running(room), current_slot(room.layout), switched(room)) == (OLD, "a", [])
    assert failure_of(room.layout.slot("b")) is None
    room.on_stop = lambda _: None
    record(closed("s-2"))(room.service)
    room.updates(tmp_path, NEW)
    assert running(room) == NEW


def test_a_journal_that_somebody_else_holds_is_left_to_them(
    room: RoomMachine, tmp_path: Path
) -> None:
    room.held_on = True
    with pytest.raises(NotIdle, match="another process has the journal open"):
        room.updates(tmp_path, NEW)
    assert (running(room), switched(room)) == (OLD, [])


def test_a_program_that_cannot_even_look_is_refused(room: RoomMachine, tmp_path: Path) -> None:
    room.versions[NEW] = Version(looks=False)
    with pytest.raises(StepFailed, match="no module named x"):
        room.updates(tmp_path, NEW)
    assert running(room) == OLD
    assert failure_of(room.layout.slot("b")) is not None


def test_a_present_program_that_cannot_look_is_no_obstacle(
    room: RoomMachine, tmp_path: Path
) -> None:
    room.versions[OLD] = Version(looks=False)
    room.updates(tmp_path, NEW)
    assert running(room) == NEW


@pytest.mark.hazard("H25")
@pytest.mark.parametrize(("before", "refused"), [(True, True), (False, False)])
def test_a_certificate_refuses_only_if_the_present_program_accepts_it(
    room: RoomMachine, tmp_path: Path, before: bool, refused: bool
) -> None:
    room.versions |= {OLD: Version(certifies=before), NEW: Version(certifies=False)}
    if refused:
        with pytest.raises(PreflightRefused, match="certificate"):
            room.updates(tmp_path, NEW)
    else:
        room.updates(tmp_path, NEW)
        assert any("refuses the certificate too" in line for line in room.said)
    assert running(room) == (OLD if refused else NEW)


def test_a_machine_without_an_installation_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotInstalled):
        RoomMachine(tmp_path / "root").updates(tmp_path, NEW)


def test_one_at_a_time(room: RoomMachine, tmp_path: Path) -> None:
    with only_one(room.layout), pytest.raises(InstallerBusy):
        room.updates(tmp_path, NEW)


# --- the release -------------------------------------------------------------------------------


def test_a_release_is_named_by_its_folder_or_its_wheel(tmp_path: Path) -> None:
    folder = released(tmp_path / "r", NEW)
    release = checked_release(folder)
    assert (release.version, checked_release(release.wheel)) == (NEW, release)
    other = tmp_path / "elsewhere" / release.wheel.name
    other.parent.mkdir()
    other.write_bytes(release.wheel.read_bytes())
    with pytest.raises(NotARelease):
        checked_release(other)


@pytest.mark.parametrize(
    ("harm", "what"),
    [
        (lambda folder: (folder / LOCK_FILE).write_text("# other"), LOCK_FILE),
        (lambda folder: (folder / LOCK_FILE).unlink(), LOCK_FILE),
        (lambda folder: (folder / RELEASE_FILE).write_text("{}"), RELEASE_FILE),
        (lambda folder: (folder / "extra.whl").write_text("x"), "not released: extra.whl"),
        (lambda folder: _strangers(folder / WHEELHOUSE), "and 2 more"),
    ],
)
@pytest.mark.hazard("H46")
def test_a_release_with_a_wrong_file_is_refused(
    room: RoomMachine, tmp_path: Path, harm: Callable[[Path], object], what: str
) -> None:
    harm(released(tmp_path / f"release-{NEW}", NEW))
    with pytest.raises(ReleaseDamaged, match=what):
        room.updates(tmp_path, NEW)
    assert not room.layout.slot("b").exists()


def _strangers(folder: Path) -> None:
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}.whl").write_text("x")


@pytest.mark.parametrize("sums", [None, "", "no sums at all\n", f"{'0' * 64}  ../../etc/passwd\n"])
def test_a_folder_without_a_list_is_no_release(tmp_path: Path, sums: str | None) -> None:
    folder = released(tmp_path / "r", NEW)
    (folder / CHECKSUMS_FILE).unlink()
    if sums is not None:
        (folder / CHECKSUMS_FILE).write_text(sums)
    with pytest.raises(NotARelease):
        checked_release(folder)


# --- what does not come up ---------------------------------------------------------------------


@pytest.mark.hazard("H46")
@pytest.mark.parametrize("fault", [Version(comes_up=False), Version(says_so=False)])
@pytest.mark.parametrize("newer", [False, True])
def test_what_does_not_come_up_is_undone(
    room: RoomMachine, tmp_path: Path, fault: Version, newer: bool
) -> None:
    record(opened(), closed())(room.service)
    room.versions[NEW] = Version(newer, fault.comes_up, fault.says_so)
    with pytest.raises(UpdateUndone, match=r"1\.1\.0 did not come up; 1\.0\.0 runs again"):
        room.updates(tmp_path, NEW)
    assert (running(room), current_slot(room.layout)) == (OLD, "a")
    first, second = switched(room)
    assert first == (OLD, NEW, "update")
    assert (*second[:2], str(second[2]).startswith("undone: ")) == (NEW, OLD, True)
    assert failure_of(room.layout.slot("b")) is not None
    room.halt()
    assert verify(room.journal).ok
    aside = [path.name for path in room.state.iterdir()]
    assert ("journal-of-layout-2" in aside, "journal-before-layout-2" in aside) == (newer, newer)


@pytest.mark.hazard("H46")
def test_when_neither_comes_up_both_are_told(room: RoomMachine, tmp_path: Path) -> None:
    room.versions |= {OLD: Version(comes_up=False), NEW: Version(comes_up=False)}
    with pytest.raises(NeitherRuns, match=r"(?s)1\.1\.0: .*failed.*1\.0\.0: .*failed"):
        room.updates(tmp_path, NEW)
    assert current_slot(room.layout) == "a"
    assert verify(room.journal).ok


def test_a_program_before_that_cannot_look_is_gone_back_to_all_the_same(
    room: RoomMachine, tmp_path: Path
) -> None:
    room.versions |= {OLD: Version(looks=False), NEW: Version(comes_up=False)}
    with pytest.raises(UpdateUndone):
        room.updates(tmp_path, NEW)
    assert running(room) == OLD


def test_an_error_before_the_switch_starts_the_present_program_again(
    room: RoomMachine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(takeover, "switch", full)
    with pytest.raises(OSError, match="No space left"):
        room.updates(tmp_path, NEW)
    assert (running(room), current_slot(room.layout)) == (OLD, "a")


def test_between_stop_and_start_nobody_interrupts(room: RoomMachine, tmp_path: Path) -> None:
    seen: dict[str, object] = {}
    room.on_run = lambda line: seen.__setitem__(line, signal.getsignal(signal.SIGINT))
    before = signal.getsignal(signal.SIGINT)
    room.updates(tmp_path, NEW)
    kept = {
        line: handler is signal.SIG_IGN for line, handler in seen.items() if "systemctl" in line
    }
    assert set(kept.values()) == {True}
    first = next(handler for line, handler in seen.items() if "preflight" in line)
    assert first is before is signal.getsignal(signal.SIGINT)


# --- journals ----------------------------------------------------------------------------------


@pytest.mark.hazard("H46")
def test_the_journal_goes_forward_with_the_program(room: RoomMachine, tmp_path: Path) -> None:
    record(opened(), closed())(room.service)
    room.versions[NEW] = Version(newer_layout=True)
    room.updates(tmp_path, NEW)
    assert any("went forward from layout 1 to 2" in line for line in room.said)
    assert (room.state / "journal-before-layout-2" / "backup.json").exists()
    room.halt()
    with next_layout(), closing(JournalReader(room.journal)) as reader:
        assert reader.segments[-1].origin.layout == 2
        kinds = [entry.kind for entry in reader.entries()]
    assert kinds[-4:] == ["session_opened", "session_closed", "journal_opened", "service_started"]


def test_without_a_restart_only_the_switch_is_moved(room: RoomMachine, tmp_path: Path) -> None:
    room.versions[NEW] = Version(newer_layout=True)
    room.updates(tmp_path, NEW, restart=False)
    assert (running(room), current_slot(room.layout)) == (OLD, "b")
    assert not [
        line for line in room.ran if line.startswith(("systemctl stop", "systemctl restart"))
    ]
    room.halt()
    room.boot()
    assert running(room) == NEW


def test_every_error_says_what_to_do() -> None:
    for kind in (PreflightRefused, NotIdle, ReleaseDamaged, UpdateUndone, NeitherRuns):
        assert issubclass(kind, MicropenError)
        assert 8080 <= kind.number < 8090
        assert kind.cause
        assert kind.action
