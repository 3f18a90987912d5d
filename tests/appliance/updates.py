"""Checkpoints of updates that change the journal's layout, and of power cuts within an update.

The newer layout is made up here, in the trial's own copy of the sources: no release has it.
"""

import json
import re
from pathlib import Path
from typing import Final

from controller.service.appliance import units
from controller.service.appliance.layout import RELEASE_FILE, SLOTS
from tests.appliance.room import Room
from tests.appliance.seen import (
    CONTROLLER,
    HERE,
    JOURNAL,
    Checkpoint,
    answers,
    entries,
    release,
    running,
    visit,
)
from tests.appliance.trial import pen

NEW: Final = "0.2.0"
RELEASE: Final = "/src/dist/release"
KEPT: Final = HERE.training_state / "journal-before-layout-2"
ASIDE: Final = HERE.training_state / "journal-of-layout-2"
_ENTRY: Final = "controller/record/entry.py"
_LAYOUTS: Final = "controller/record/layouts.py"
_SERVE: Final = "controller/service/commands/serve.py"
_NEXT: Final = 'SCHEMAS[2] = SCHEMAS[1] + "CREATE INDEX by_session ON entries (session_id, seq);"\n'


def newer_layout(room: Room) -> str:
    """The journal goes forward with the program, and back while nothing was recorded."""
    before, old = entries(room), running(room)
    _release_with_next_layout(room, NEW)
    said = room.run("micropen", "update", RELEASE, "--by", "Trial")
    assert "went forward from layout 1 to 2" in said, said
    assert running(room) == NEW
    assert entries(room) > before
    assert "all verified" in room.shell(f"ls {KEPT}; micropen restore {KEPT} --state /tmp/copy")
    owner = room.shell(f"stat -c %U {KEPT} {JOURNAL}/journal-2.db").split()
    assert set(owner) == {"micropen"}, owner
    refused = room.run("micropen", "rollback", code=80)
    assert "--undo-migration" in refused, refused
    assert running(room) == NEW
    room.run("micropen", "rollback", "--undo-migration", "--reason", "trial")
    assert running(room) == old
    room.shell(f"test -f {ASIDE}/journal-2.db")
    room.run("micropen", "rollback", "--reason", "forward again")
    assert running(room) == NEW
    return f"layout 2: forward with a copy, refused to the older program, back unused; {NEW} runs"


def used_newer_layout(room: Room) -> str:
    """Once somebody was treated the older program is refused, with what it would not know."""
    pen(room)
    visit(room, "open", "prime", "treat", "close")
    before = entries(room)
    for words in ((), ("--undo-migration",)):
        said = room.run("micropen", "rollback", *words, code=80)
        assert re.search(r"Missing from it.*session_closed", said), said
        assert str(KEPT) in said
    assert running(room) == NEW
    assert entries(room) >= before
    return (
        "rollback over a session of the newer program: refused, and what would be missing is said"
    )


def back_to_the_copy(room: Room) -> str:
    """By hand, as docs/operations.md says."""
    old = _other_version(room)
    room.run("systemctl", "stop", units.SOCKET, CONTROLLER)
    room.run("mv", JOURNAL, f"{JOURNAL}-of-newer-program")
    room.run("micropen", "restore", KEPT, "--state", HERE.training_state)
    room.run("micropen", "rollback", "--reason", "back to the copy")
    assert running(room) == old
    pen(room)
    visit(room, "open", "prime", "treat", "close")
    return f"back to the kept copy by hand: {old}, a session, {entries(room)} entries verified"


def power_cut_in_update(room: Room) -> str:
    """Cut when the service is stopped, and when the switch has just moved."""
    found = []
    for number, sign in enumerate(("systemctl is-active -q micropen-controller", "true")):
        version = f"0.1.{number + 5}"
        release(room, version)
        before, old = entries(room), running(room)
        slot = room.shell("readlink /opt/micropen/current").strip()
        words = ("--unit=trial-update", "--quiet", "--collect")
        room.run("systemd-run", *words, "/usr/local/bin/micropen", "update", RELEASE)
        still = f"{sign} && test $(readlink /opt/micropen/current) = {slot}"
        room.shell(f"while {still}; do :; done")
        room.cut_power()
        room.boot()
        served_s = room.until(lambda: answers(room), 30, "the screen after a boot")
        assert running(room) in {old, version}
        assert entries(room) > before
        found.append(f"{running(room)} served {served_s:.1f} s after the boot")
        if running(room) == old:
            room.run("micropen", "update", RELEASE)
            assert running(room) == version
    return f"power cut in an update, twice: {'; '.join(found)}; the same command again ends it"


def newer_layout_comes_not_up(room: Room) -> str:
    """It starts, brings the journal forward, records its start, and dies before it is ready."""
    before, old = entries(room), running(room)
    found = room.shell(f"ls -d {ASIDE}* | wc -l").strip()
    _release_with_next_layout(room, "0.3.0", comes_up=False)
    said = room.run("micropen", "update", RELEASE, code=80)
    assert "E8086" in said, said
    assert running(room) == old
    assert answers(room)
    assert int(room.shell(f"ls -d {ASIDE}* | wc -l")) == int(found) + 1
    assert entries(room) > before
    return (
        f"a program of layout 2 that dies at its start is undone, its file put aside: {old} serves"
    )


def _other_version(room: Room) -> str:
    current = room.run("readlink", HERE.current).strip()
    (other,) = set(SLOTS) - {current}
    return str(json.loads(room.run("cat", HERE.slot(other) / RELEASE_FILE))["version"])


def _release_with_next_layout(room: Room, version: str, *, comes_up: bool = True) -> None:
    changes = [
        (_ENTRY, "SCHEMA_VERSION: Final = 1", "SCHEMA_VERSION: Final = 2"),
        (_LAYOUTS, '"""Layout -> schema;', f'{_NEXT}"""Layout -> schema;'),
    ]
    if not comes_up:
        changes.append((_SERVE, "    await _until_linked(switch)\n", "    raise SystemExit(3)\n"))
    before = {name: (room.sources / name).read_text() for name, _, _ in changes}
    try:
        for name, old, new in changes:
            _replace(room.sources / name, old, new)
        release(room, version)
    finally:
        for name, text in before.items():
            (room.sources / name).write_text(text)


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, path
    path.write_text(text.replace(old, new))


CHECKPOINTS: Final[tuple[Checkpoint, ...]] = (
    *(newer_layout, used_newer_layout, back_to_the_copy, power_cut_in_update),
    newer_layout_comes_not_up,
)
