"""What the service manager is told: over a real socket, and what becomes of a broken one."""

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from controller.notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "path":
        return str(tmp_path / "notify")
    return f"@micropen-test-{os.getpid()}-{tmp_path.name}"


@pytest.fixture
def manager(address: str) -> Iterator[socket.socket]:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening:
        listening.bind("\0" + address[1:] if address.startswith("@") else address)
        listening.settimeout(5.0)
        yield listening


def test_lines_arrive_in_one_datagram(address: str, manager: socket.socket) -> None:
    notifier = Notifier(address)
    assert notifier.is_wanted
    assert notifier.tell("READY=1", "STATUS=two\nlines")
    assert manager.recv(4_096) == b"READY=1\nSTATUS=two lines"


def test_the_variables_are_taken_out_so_that_no_child_speaks_for_us(
    address: str, manager: socket.socket
) -> None:
    environ = {
        "NOTIFY_SOCKET": address,
        "WATCHDOG_USEC": "10000000",
        "WATCHDOG_PID": str(os.getpid()),
        "HOME": "/",
    }
    notifier = Notifier.from_environment(environ)
    assert environ == {"HOME": "/"}
    assert notifier.watchdog_s == 10.0
    notifier.tell("WATCHDOG=1")
    assert manager.recv(4_096) == b"WATCHDOG=1"


@pytest.mark.parametrize(
    ("given", "watchdog_s"),
    [
        ({"WATCHDOG_USEC": "500000"}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_only_this_process_is_watched(given: dict[str, str], watchdog_s: float | None) -> None:
    environ = {"NOTIFY_SOCKET": "@nobody", **given}
    assert Notifier.from_environment(environ).watchdog_s == watchdog_s
    assert environ == {}


def test_without_a_manager_nothing_is_sent() -> None:
    notifier = Notifier.from_environment({})
    assert not notifier.is_wanted
    assert notifier.tell("READY=1")


def test_more_time_is_asked_for_in_microseconds(address: str, manager: socket.socket) -> None:
    Notifier(address).ask_for_time()
    assert manager.recv(4_096) == b"EXTEND_TIMEOUT_USEC=30000000"


@pytest.mark.parametrize("address", ["missing", "x" * 300, "vsock:2:1234"])
def test_a_manager_that_does_not_listen_ends_nothing_and_is_logged_once(
    tmp_path: Path, address: str
) -> None:
    notifier = Notifier(str(tmp_path / address))
    with capture_logs() as lines:
        assert not notifier.tell("WATCHDOG=1")
        assert not notifier.tell("WATCHDOG=1")
    assert [line["log_level"] for line in lines] == ["warning"]


def test_a_full_queue_is_not_waited_for(address: str, manager: socket.socket) -> None:
    notifier = Notifier(address)
    while notifier.tell("WATCHDOG=1"):
        pass
    assert manager.recv(4_096) == b"WATCHDOG=1"
    while True:
        manager.setblocking(False)
        try:
            manager.recv(4_096)
        except BlockingIOError:
            break
    assert notifier.tell("READY=1")
