"""Sockets that a service manager hands over, and the Unix socket of the screen."""

import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from controller.console.errors import DoorNotSafe
from controller.console.security import Address
from controller.errors import SystemRefused
from controller.service.supervised import sockets
from controller.service.supervised.sockets import (
    HandedOverWrongly,
    SocketFileTaken,
    address_of,
    handed_over,
    let_go,
    listen,
)

ANYWHERE = Address(port=0)
TOKEN = "t" * 32

Make = Callable[..., socket.socket]


@pytest.fixture
def make() -> Iterator[Make]:
    with ExitStack() as stack:

        def made(host: str = "127.0.0.1", *, family: int = socket.AF_INET) -> socket.socket:
            listening = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
            listening.bind(host if family == socket.AF_UNIX else (host, 0))
            listening.listen(1)
            return listening

        yield made


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[socket.socket]]:
    """Hand descriptors over, as `execve` would find them."""

    def over(*fds: int, pid: int | None = None, count: str | None = None) -> list[socket.socket]:
        first = min(fds, default=3)
        monkeypatch.setattr(sockets, "FIRST_FD", first)
        environ = {
            "LISTEN_FDS": count or str(len(fds)),
            "LISTEN_PID": str(pid or os.getpid()),
            "LISTEN_FDNAMES": "console",
            "PATH": "/bin",
        }
        try:
            return handed_over(environ)
        finally:
            assert environ == {"PATH": "/bin"}

    return over


def inherited(listening: socket.socket) -> int:
    """A copy as a parent would leave it: open to every child."""
    fd = os.dup(listening.fileno())
    os.set_inheritable(fd, True)
    return fd


def test_a_listening_socket_is_taken_over_and_closed_to_children(
    make: Make, hand: Callable[..., list[socket.socket]]
) -> None:
    listening = make()
    (found,) = hand(inherited(listening))
    assert not found.get_inheritable()
    assert found.getsockname() == listening.getsockname()
    address = address_of([found], Address(names=("room-1.local",)))
    assert (address.host, address.port) == listening.getsockname()
    assert f"room-1.local:{address.port}" in address.hosts
    found.close()


def test_nothing_is_taken_that_is_meant_for_another_process(
    make: Make, hand: Callable[..., list[socket.socket]]
) -> None:
    fd = inherited(make())
    assert hand(fd, pid=1) == []
    os.close(fd)
    assert handed_over({}) == []


@pytest.mark.parametrize("count", ["-1", "x", "999", "²"])
def test_a_number_that_is_none_is_refused(
    hand: Callable[..., list[socket.socket]], count: str
) -> None:
    with pytest.raises(HandedOverWrongly, match="LISTEN_FDS"):
        hand(count=count)


def test_what_cannot_be_listened_on_is_refused(
    make: Make, hand: Callable[..., list[socket.socket]], tmp_path: Path
) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
        pytest.raises(HandedOverWrongly, match="no stream socket"),
    ):
        hand(inherited(datagrams))
    with (
        socket.create_connection(make().getsockname()) as connection,
        pytest.raises(HandedOverWrongly, match="connection"),
    ):
        hand(inherited(connection))
    file = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(HandedOverWrongly, match="a file"):
        hand(file)
    os.close(file)
    with pytest.raises(HandedOverWrongly, match="not open"):
        hand(file)


@pytest.mark.hazard("H38")
def test_a_port_of_the_network_needs_tls_and_a_token(make: Make) -> None:
    open_to_all = make("0.0.0.0")
    for wanted in (Address(), Address(tls=True), Address(token=TOKEN)):
        with pytest.raises(DoorNotSafe):
            address_of([open_to_all], wanted)
        with pytest.raises(DoorNotSafe):
            address_of([make(), open_to_all], wanted)
    safe = Address(tls=True, token=TOKEN)
    assert address_of([open_to_all], safe).host == "0.0.0.0"


def test_several_ports_are_refused_several_families_are_not(make: Make) -> None:
    with pytest.raises(HandedOverWrongly, match="Several ports"):
        address_of([make(), make()], Address())
    first = make()
    port = first.getsockname()[1]
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as second:
        second.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        second.bind(("::1", port))
        address = address_of([first, second], Address())
    assert (address.host, address.port) == ("127.0.0.1", port)
    assert f"[::1]:{port}" in address.hosts


def test_a_unix_socket_alone_needs_no_port_in_names(make: Make, tmp_path: Path) -> None:
    path = str(tmp_path / "screen")
    address = address_of([make(path, family=socket.AF_UNIX)], Address())
    assert (address.path, address.listens_on_port) == (path, False)
    assert {"localhost", "localhost:8080", "127.0.0.1"} <= address.hosts
    assert "localhost" not in Address().hosts


# --- listening by ourselves --------------------------------------------------------------------


def test_the_unix_socket_is_for_user_and_group_and_goes_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "screen"
    before = os.umask(0o077)
    try:
        address, listening = listen(Address(port=0, path=str(path)), ())
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert address.port == listening[0].getsockname()[1]
    assert address.listens_on_port
    let_go(listening, address.path)
    assert not path.exists()


def test_it_listens_beside_what_was_handed_over(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "screen"
    listening = make()
    address, every = listen(Address(port=1, path=str(path)), [listening])
    assert address.port == listening.getsockname()[1]
    assert [each.family for each in every] == [socket.AF_INET, socket.AF_UNIX]
    let_go(every, str(path))


def test_the_file_of_a_killed_service_is_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "screen"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as killed:
        killed.bind(str(path))
        killed.listen(1)
    assert path.is_socket()
    _, listening = listen(Address(port=0, path=str(path)), ())
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as browser:
        browser.connect(str(path))
    let_go(listening, str(path))


def test_what_is_somebody_elses_is_left_alone(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "screen"
    make(str(path), family=socket.AF_UNIX)
    with pytest.raises(SocketFileTaken, match="Another program"):
        listen(Address(port=0, path=str(path)), ())
    assert path.is_socket()
    letter = tmp_path / "letter"
    letter.write_text("mine", "utf-8")
    (tmp_path / "link").symlink_to(letter)
    for wrong in (letter, tmp_path / "link", tmp_path):
        with pytest.raises(SocketFileTaken, match="no socket"):
            listen(Address(port=0, path=str(wrong)), ())
    assert letter.read_text("utf-8") == "mine"


def test_a_path_that_cannot_be_is_told_by_the_system(tmp_path: Path) -> None:
    for wrong in (tmp_path / "nowhere" / "screen", tmp_path / ("x" * 200)):
        with pytest.raises(SystemRefused):
            listen(Address(port=0, path=str(wrong)), ())


def test_a_port_that_is_taken_is_told(make: Make) -> None:
    with pytest.raises(SystemRefused):
        listen(Address(port=make().getsockname()[1]), ())
