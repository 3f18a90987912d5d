"""The tests' own service manager keeps systemd's rules: what it shows is worth something."""

import asyncio
from math import inf
from pathlib import Path

import pytest

from tests.support.supervisor import Supervisor
from tests.support.unit_file import Service, Socket, UnitFile, seconds

REAL = "real processes"
WITHIN_S = 20.0
UNIT = """
[Unit]
StartLimitIntervalSec=60
StartLimitBurst=3
[Service]
Type=notify
ExecStart=/bin/sh -c 'exit 7'
Environment=ONE=1 "TWO=a b"
# A comment.
Environment=THREE=3
WatchdogSec=2min 500ms
Restart=on-failure
RestartSec=10ms
RestartPreventExitStatus=2 10
"""


def unit(folder: Path, *drop_ins: str) -> Service:
    (folder / "a.service").write_text(UNIT, "utf-8")
    return Service.read(folder / "a.service", *drop_ins)


@pytest.mark.parametrize(
    ("text", "wanted_s"),
    [("10", 10.0), ("500ms", 0.5), ("2min 3s", 123.0), ("0", 0.0), ("infinity", inf)],
)
def test_spans_of_time(text: str, wanted_s: float) -> None:
    assert seconds(text) == wanted_s


def test_lists_grow_an_empty_value_clears_them_and_the_last_one_holds(tmp_path: Path) -> None:
    service = unit(tmp_path, "[Service]\nExecStart=\nExecStart=/bin/true\nWatchdogSec=3")
    assert service.environment == {"ONE": "1", "TWO": "a b", "THREE": "3"}
    assert service.exec_start == ("/bin/true",)
    assert service.watchdog_s == 3.0
    assert unit(tmp_path).watchdog_s == 120.5
    assert UnitFile("[A]\nkey=1\nkey=2").all("A", "key") == ["1", "2"]


@pytest.mark.parametrize(
    ("restart", "code", "was_bitten", "again"),
    [
        ("on-failure", 0, False, False),
        ("on-failure", 1, False, True),
        ("on-failure", -9, False, True),
        ("on-failure", -6, True, True),
        ("on-failure", 10, False, False),
        ("on-watchdog", 1, False, False),
        ("on-watchdog", -6, True, True),
        ("on-abnormal", -11, False, True),
        ("always", 0, False, True),
        ("no", 1, False, False),
    ],
)
def test_who_is_started_again(
    tmp_path: Path, restart: str, code: int, was_bitten: bool, again: bool
) -> None:
    service = unit(tmp_path, f"[Service]\nRestart={restart}")
    assert service.restarts_after(code, was_bitten=was_bitten) is again


@pytest.mark.real_time(REAL)
async def test_the_start_limit_ends_it(tmp_path: Path) -> None:
    async with Supervisor(unit(tmp_path), None, tmp_path) as manager:
        starting = asyncio.create_task(manager.start())
        await manager.until("failed", WITHIN_S)
        with pytest.raises(AssertionError, match="ended for good"):
            await starting
        codes = [event.detail for event in manager.events if event.kind == "exited"]
        assert codes == ["7"] * 3


SOCKETS = """
[Socket]
ListenStream=127.0.0.1:0
ListenStream=127.0.0.1:0
FileDescriptorName=door
"""
CHILD = """
import os, socket
assert os.environ["LISTEN_PID"] == str(os.getpid()) and os.environ["LISTEN_FDNAMES"] == "door:door"
ports = [socket.socket(fileno=fd).getsockname()[1] for fd in (3, 4)]
told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
told.connect(os.environ["NOTIFY_SOCKET"])
if not os.fork():
    told.send(b"STATUS=a child speaks for its parent")
    os._exit(0)
os.wait()
told.send(f"READY=1\\nSTATUS={ports}, {os.environ['WATCHDOG_USEC']}".encode())
while True:
    pass
"""


@pytest.mark.real_time(REAL)
async def test_what_it_hands_over_and_how_it_bites(tmp_path: Path) -> None:
    (tmp_path / "child.py").write_text(CHILD, "utf-8")
    (tmp_path / "a.socket").write_text(SOCKETS, "utf-8")
    command = f"[Service]\nExecStart=\nExecStart=python3 {tmp_path}/child.py\nRestart=no"
    service = unit(tmp_path, f"{command}\nWatchdogSec=200ms")
    async with Supervisor(service, Socket.read(tmp_path / "a.socket"), tmp_path) as manager:
        await manager.start()
        await manager.until("exited", WITHIN_S)
        ports = [each.getsockname()[1] for each in manager._listening]
        assert manager.status == f"{ports}, 200000"
        assert manager.count("bite") == 1
        assert manager.last("exited").detail == "-6"
        assert manager.last("bite").mono_s - manager.last("ready").mono_s >= 0.2
