"""The checkpoints, in order: each does one thing to the machine and looks at what came of it.

A checkpoint returns a sentence with its figures, or raises. Later ones need the earlier ones.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from controller.record.broker import broker_command
from controller.service.appliance import units
from tests.appliance.room import Room
from tests.appliance.seen import (
    AS_TELEMETRY,
    BITE_WITHIN_S,
    CONTROLLER,
    HERE,
    JOURNAL,
    PIN,
    PYTHON,
    Checkpoint,
    answers,
    entries,
    make,
    release,
    restarts,
    running,
    visit,
)
from tests.architecture.repo import ROOT

# --- the checkpoints ---------------------------------------------------------------------------


def install(room: Room) -> str:
    said = make(room, "install")
    assert "What to do next" in said, said
    assert room.shell("readlink /opt/micropen/current").strip() == "a"
    owners = room.shell("stat -c '%U:%G %a' /etc/micropen /var/lib/micropen /opt/micropen/a")
    expected = ["root:micropen 750", "micropen:micropen-record 2750", "root:root 755"]
    assert owners.split("\n")[:3] == expected, owners
    return "make install: accounts, config, units, environment a"


def started(room: Room) -> str:
    assert room.show(CONTROLLER, "ActiveState") == "active"
    assert answers(room)
    pid = room.show(CONTROLLER, "MainPID")
    spaces = room.shell(f"readlink /proc/{pid}/ns/net /proc/1/ns/net").split()
    assert spaces[0] != spaces[1], "it has the machine's network"
    links = room.run("cat", f"/proc/{pid}/net/dev").splitlines()[2:]
    assert [line.split(":")[0].strip() for line in links] == ["lo"], links
    owner = room.shell(f"stat -c %U /proc/{pid}").split()
    assert owner[0] == "micropen", owner
    return "Type=notify heard; the screen answers over the inherited socket; no network of its own"


def units_are_sound(room: Room) -> str:
    files = " ".join(f"/etc/systemd/system/{path.name}" for path in _unit_files())
    assert room.shell(f"systemd-analyze verify --man=no {files} 2>&1") == ""
    scores = []
    for path in _unit_files():
        if path.suffix == ".service":
            said = room.run("systemd-analyze", "security", "--no-pager", path.name)
            (score,) = re.findall(r"Overall exposure level for \S+: (\d+\.\d+)", said)
            assert float(score) < 2.5
            scores.append(f"{path.stem.removeprefix('micropen-')} {score}")
    return f"verify prints nothing; exposure: {', '.join(scores)}"


def udev_rule(room: Room) -> str:
    """udev itself reads the rule, and does with a port what it says."""
    device, rule = "/sys/class/tty/tty0", HERE.udev_rule
    assert f"{rule}:" not in room.shell(f"udevadm test {device} 2>&1"), "udev has complaints"
    room.shell(
        f"""sed 's/^ENV{{ID_SERIAL}}=="micropen_[*]"/KERNEL=="tty0"/' {rule} >/run/as.rules"""
    )
    room.shell("mkdir -p /run/udev/rules.d && mv /run/as.rules /run/udev/rules.d/61-as.rules")
    said = room.shell(
        f"udevadm test {device} 2>&1; stat -c '%G %a' /dev/tty0; rm -r /run/udev/rules.d"
    )
    for needed in ("DEVLINKS=/dev/micropen/pen", "ID_MM_DEVICE_IGNORE=1", "TAGS=:systemd:"):
        assert needed in said, said
    return "udev has nothing to say against the rule, and gives a port its name and its group"


def _unit_files() -> list[Path]:
    return sorted((ROOT / "config" / "systemd").iterdir())


def readers(room: Room) -> str:
    """The record by its group: in use, closed, and after a crash."""
    verify = f"cd /; {AS_TELEMETRY} env MICROPEN_CONFIG=/etc/micropen /opt/micropen/current/bin/"
    verify += "micropen session verify"
    assert "as they were written" in room.shell(verify)
    room.shell(f"{AS_TELEMETRY} sh -c 'echo >{JOURNAL}/journal.db'", code=2)
    room.shell(f"{AS_TELEMETRY} touch {JOURNAL}/mine", code=1)
    room.shell(f"setpriv --reuid=nobody --regid=nogroup --clear-groups ls {HERE.state}", code=2)
    room.shell("setpriv --reuid=nobody --regid=nogroup --clear-groups cat /etc/micropen/x", code=1)
    for after in ("kill --signal=KILL", "start", "stop"):
        room.shell(f"systemctl {after} {CONTROLLER}")
        room.run("systemctl", "stop", units.SOCKET, CONTROLLER)
        assert "as they were written" in room.shell(verify), after
    room.run("systemctl", "start", units.SOCKET, CONTROLLER)
    return (
        "telemetry's account reads, in use, closed and killed, and writes nothing; others nothing"
    )


def pen(room: Room) -> str:
    """A new simulated pen on the name that the udev rule gives a real one: a new cartridge too."""
    room.run("systemctl", "stop", "trial-pen", code=None)
    room.shell("mkdir -p /dev/micropen && chown micropen:micropen-pen /dev/micropen")
    before = entries(room)
    scenario = HERE.config / "simulator" / "micro_dosing.toml"
    simulator = f"{PYTHON} -m simulator --pty /dev/micropen/pen --scenario {scenario}"
    words = ("--unit=trial-pen", "--uid=micropen", "--gid=micropen-pen", "--quiet")
    room.run("systemd-run", *words, "--collect", *simulator.split(), "--seed", str(before))
    linked_s = room.until(lambda: entries(room) > before, 20, "a link in the record")
    return f"a simulated pen at /dev/micropen/pen; linked after {linked_s:.1f} s"


def session(room: Room) -> str:
    room.run(
        "micropen", "people", "add", "Trial", "--role", "administrator", feed=f"{PIN}\n{PIN}\n"
    )
    owner = room.shell(f"stat -c '%U %a' {HERE.training_state}/people.json").split()
    assert owner == ["micropen", "600"], owner
    view = visit(room, "open", "prime", "treat")
    given = [(zone["name"], zone["punctures"]) for zone in view["session"]["zones"]]
    visit(room, "close")
    room.run("micropen", "backup", "/mnt/copy")
    room.run("micropen", "support-bundle", "--out", "/mnt/bundle.tar.gz")
    log = room.shell("tar -xzOf /mnt/bundle.tar.gz --wildcards '*journalctl.txt'")
    assert "The screen is at" in log, log
    assert room.shell(f"find {HERE.state} -user root") == ""
    return f"a session over the API: {given}; {entries(room)} entries verified"


def killed(room: Room) -> str:
    """SIGKILL while needles move; the lease ends the arm, the service comes back by itself."""
    pen(room)
    visit(room, "open", "prime", "begin")
    before, pid = restarts(room), room.show(CONTROLLER, "MainPID")
    room.run("systemctl", "kill", "--signal=KILL", "--kill-whom=main", CONTROLLER)
    back_s = room.until(
        lambda: room.show(CONTROLLER, "MainPID") not in {pid, "0"} and answers(room), 30, "restart"
    )
    assert restarts(room) == before + 1
    view = visit(room, "treat", "close")
    assert view["session"] is None
    bundles = f"ls {HERE.training_state}/bundles"
    room.until(lambda: "link-lost" in room.shell(bundles, code=None), 30, "a bundle of the fault")
    return f"kill -9 in mid-zone: served again after {back_s:.1f} s; the session was finished"


def bitten(room: Room) -> str:
    """A process that hangs as a whole feeds nobody."""
    before = restarts(room)
    room.run("systemctl", "kill", "--signal=STOP", "--kill-whom=main", CONTROLLER)
    back_s = room.until(
        lambda: restarts(room) > before and answers(room), BITE_WITHIN_S, "the watchdog's bite"
    )
    log = room.run("journalctl", "-u", CONTROLLER, "--no-pager", "-n", "200")
    assert "Watchdog timeout" in log
    return f"hung: bitten and served again after {back_s:.1f} s; {entries(room)} entries verified"


def power_cut(room: Room) -> str:
    """Every process gone at once; the machine comes back by itself."""
    before = entries(room)
    room.cut_power()
    room.boot()
    served_s = room.until(lambda: answers(room), 30, "the screen after a boot")
    assert entries(room) > before
    return f"power cut: served {served_s:.1f} s after systemd was up; nothing of the record is lost"


def telemetry(room: Room) -> str:
    """Broker, archive and telemetry, each in its sandbox."""
    settings = HERE.config / "controller.toml"
    broker = '[broker]\nhost = "127.0.0.1"\nport = 1883\narchive = "archive"\n'
    room.run("tee", "-a", settings, feed=broker)
    words = [str(PYTHON), *broker_command(1883)[1:]]
    room.run("systemd-run", "--unit=trial-broker", "--quiet", *words)
    room.run("systemctl", "enable", "--quiet", "--now", *units.ON_REQUEST)
    behind = "import json,sys; print([l for l in json.load(sys.stdin) if l['name']=='telemetry'])"
    look = f"micropen doctor --json --fsync-rounds 0 --cursor {HERE.telemetry_state}"
    script = f'{look} 2>/dev/null | {PYTHON} -c "{behind}"'
    room.until(lambda: "'behind': 0" in room.shell(script), 60, "telemetry at the record's head")
    kept = room.shell(f"cat {HERE.archive_state}/*.jsonl | wc -l").strip()
    assert int(kept) >= entries(room) - 2
    for unit in units.ON_REQUEST:
        assert room.show(unit, "NRestarts") == "0"
    return f"telemetry and archive under systemd: {kept} entries acknowledged, cursor at the head"


def doctor(room: Room) -> str:
    pen(room)
    code = room.shell("systemctl start micropen-doctor.service; echo $?").split()[-1]
    log = room.run("journalctl", "-u", "micropen-doctor", "--no-pager", "-o", "cat", "-n", "60")
    assert "Operation not permitted" not in log, log
    assert room.show(units.TIMER, "ActiveState") == "active"
    red = re.findall(r"RED +(\S.*)", log)
    assert (code == "0") is (not red), log
    return f"the doctor's unit ends with {'0' if not red else '80'}; red: {red or 'nothing'}"


def update(room: Room) -> str:
    release(room, "0.1.1")
    before = entries(room)
    said = room.run("micropen", "update", "/src/dist/release", "--by", "Trial")
    assert running(room) == "0.1.1", said
    assert entries(room) > before
    return "micropen update: 0.1.1 runs on the same record, the one before stays beside it"


def refused_in_session(room: Room) -> str:
    pen(room)
    visit(room, "open")
    pid = room.show(CONTROLLER, "MainPID")
    said = room.run("micropen", "update", "/src/dist/release", code=80)
    assert room.show(CONTROLLER, "MainPID") == pid
    visit(room, "close")
    return f"update with a session open is refused: {said.strip().splitlines()[0][:70]}"


def failed_preflight(room: Room) -> str:
    plan = HERE.config / "plans" / "spoilt.toml"
    room.run("tee", plan, feed='name = "spoilt"\n')
    pid = room.show(CONTROLLER, "MainPID")
    release(room, "0.1.2")
    said = room.run("micropen", "update", "/src/dist/release", code=80)
    room.run("rm", plan)
    assert room.show(CONTROLLER, "MainPID") == pid, said
    assert running(room) == "0.1.1"
    return "a config that the new program refuses: preflight is red, the old one was never stopped"


def comes_not_up(room: Room) -> str:
    spoil = ("controller/service/commands/serve.py", "asyncio.run(_serve(", "raise SystemExit(3) #")
    release(room, "0.1.3", spoil=spoil)
    said = room.run("micropen", "update", "/src/dist/release", code=80)
    assert running(room) == "0.1.1", said
    assert answers(room)
    return "a program that does not start is undone: 0.1.1 serves again"


def rollback(room: Room) -> str:
    release(room, "0.1.4")
    room.run("micropen", "update", "/src/dist/release")
    assert running(room) == "0.1.4"
    room.run("micropen", "rollback", "--reason", "trial")
    assert running(room) == "0.1.1"
    pen(room)
    visit(room, "open", "prime", "treat", "close")
    return f"micropen rollback: 0.1.1 again, with a session; {entries(room)} entries verified"


def read_only_root(room: Room) -> str:
    """As docs/install.md says: the record on a file system of its own, everything else fixed."""
    room.cut_power()
    room.boot("fixed")
    room.shell("touch /etc/x 2>/dev/null", code=1)
    room.until(lambda: answers(room), 30, "the screen")
    pen(room)
    visit(room, "open", "prime", "treat", "close")
    made = entries(room)
    room.cut_power()
    room.boot()
    assert entries(room) > made
    return f"read-only root: booted, a session, and back; {made} entries verified"


def uninstall(room: Room) -> str:
    before, config = entries(room), room.shell("cd /etc/micropen; find . -type f | xargs md5sum")
    make(room, "uninstall")
    left = room.shell("ls /etc/systemd/system | grep micropen; ls /opt/micropen", code=0).split()
    assert left == ["switches.jsonl"], left
    assert room.shell("systemctl list-units --all --no-legend 'micropen*'").strip() == ""
    assert room.shell("cd /etc/micropen; find . -type f | xargs md5sum") == config
    journal = room.place / "changes" / str(JOURNAL).lstrip("/")
    said = _own("session", "verify", "--journal", str(journal))
    assert f"{before} entries" in said or "as they were written" in said, said
    return f"make uninstall: record and config are there; {said.splitlines()[0]}"


def _own(*words: str) -> str:
    """The sources' own program, outside of the room."""
    line = [sys.executable, "-m", "controller.service", *words]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def install_again(room: Room) -> str:
    said = make(room, "install")
    assert "/etc/micropen stays as it is." in said
    room.until(lambda: answers(room), 30, "the screen")
    return f"installed again on the record of before: {entries(room)} entries verified"


def image(room: Room) -> str:
    """Into another root, by its own Python; then that root is switched on for the first time."""
    release(room, "0.4.0")  # the one that was built last may be one that is made to fail
    room.cut_power()
    room.forget()
    room.install_from_outside()
    room.boot()
    room.until(lambda: answers(room), 30, "the screen of the image")
    assert room.show(CONTROLLER, "NRestarts") == "0"
    return f"make install ROOT=...: served at the first boot; {entries(room)} entries verified"


CHECKPOINTS: Final[tuple[Checkpoint, ...]] = (
    *(
        install,
        started,
        units_are_sound,
        udev_rule,
        readers,
        pen,
        session,
        killed,
        bitten,
        power_cut,
    ),
    *(telemetry, doctor, update, refused_in_session, failed_preflight, comes_not_up),
    *(rollback, read_only_root, uninstall, install_again),
)
