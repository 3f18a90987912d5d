"""Where the screen listens: on sockets that the service manager hands over, or on its own.

Handed over (sd_listen_fds(3)): descriptors from 3 on, their number in LISTEN_FDS, meant for the
process in LISTEN_PID. So the controller needs no network of its own, and the port goes on listening
while it is started again. Touches those descriptors, one TCP address and one Unix socket's file.
"""

import os
import socket
import stat
from collections.abc import MutableMapping, Sequence
from pathlib import Path

import msgspec

from controller.console.security import Address
from controller.errors import ServiceError, SystemRefused

FIRST_FD = 3
MOST_FDS = 16
"""A larger number is a mistake (engineering estimate)."""
BACKLOG = 64
MODE = 0o660
"""Who may open the Unix socket: this user and its group."""
_VARIABLES = ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "LISTEN_PIDFDID")


class HandedOverWrongly(ServiceError):
    """What the service manager handed over is no socket that the screen can be served on."""

    number = 8070
    cause = "The .socket unit names something else than one stream address of this machine."
    action = "Correct ListenStream= of the .socket unit, reload the manager, and start both again."


class SocketFileTaken(ServiceError):
    """The Unix socket's path is somebody else's."""

    number = 8071
    cause = "Another program listens there, or console.socket of controller.toml names a file."
    action = "End the other program, or name another path in console.socket."


def handed_over(environ: MutableMapping[str, str] = os.environ) -> list[socket.socket]:
    """The listening sockets meant for this process; empty without any.

    They are closed to children, and the variables are taken out. Raises HandedOverWrongly.
    """
    given = {name: environ.pop(name, "") for name in _VARIABLES}
    if not given["LISTEN_FDS"] or given["LISTEN_PID"] != str(os.getpid()):
        return []
    count = given["LISTEN_FDS"]
    if not (count.isascii() and count.isdigit() and int(count) <= MOST_FDS):
        raise HandedOverWrongly(f"LISTEN_FDS is '{count}', not a small number.")
    return [_listening(fd) for fd in range(FIRST_FD, FIRST_FD + int(count))]


def _listening(fd: int) -> socket.socket:
    try:
        is_socket = stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError as error:
        raise HandedOverWrongly(f"Descriptor {fd} is not open.") from error
    if not is_socket:
        raise HandedOverWrongly(f"Descriptor {fd} is a file, not a socket.")
    os.set_inheritable(fd, False)
    found = socket.socket(fileno=fd)
    if wrong := _wrong_with(found):
        found.close()
        raise HandedOverWrongly(f"Descriptor {fd} is {wrong}.")
    return found


def _wrong_with(found: socket.socket) -> str:
    known = found.family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)
    if not known or found.type != socket.SOCK_STREAM:
        return "no stream socket of this machine"
    if not found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return "a connection, or a socket that does not listen: Accept=no is needed"
    return ""


def address_of(sockets: Sequence[socket.socket], wanted: Address) -> Address:
    """`wanted` at the place where those that were handed over listen.

    Raises HandedOverWrongly for several ports, DoorNotSafe for one that the network reaches
    without TLS and a token.
    """
    on_ports = [each for each in sockets if each.family != socket.AF_UNIX]
    paths = [each.getsockname() for each in sockets if each.family == socket.AF_UNIX]
    address = msgspec.structs.replace(wanted, path=wanted.path or "".join(map(str, paths[:1])))
    if not on_ports:
        return msgspec.structs.replace(address, host="localhost", listens_on_port=False)
    for each in reversed(on_ports):
        host, port = each.getsockname()[:2]
        address = msgspec.structs.replace(address, host=host, port=port)
        address.check()
    if len({each.getsockname()[1] for each in on_ports}) > 1:
        raise HandedOverWrongly("Several ports were handed over; the screen has one.")
    return address


def listen(
    wanted: Address, handed_over: Sequence[socket.socket]
) -> tuple[Address, list[socket.socket]]:
    """Listen as wanted, but in place of the port on what was handed over, if anything was.

    Returns the address that it came to, with the port that was found for port 0, and all sockets.
    Raises DoorNotSafe, HandedOverWrongly, SocketFileTaken, SystemRefused.
    """
    if handed_over:
        address, listening = address_of(handed_over, wanted), list(handed_over)
    else:
        wanted.check()
        listening = [_listen_on_port(wanted)]
        address = msgspec.structs.replace(wanted, port=listening[0].getsockname()[1])
    if wanted.path:
        try:
            listening.append(_listen_on_path(Path(wanted.path)))
        except (SystemRefused, SocketFileTaken):
            let_go(listening, "")
            raise
    return address, listening


def let_go(sockets: Sequence[socket.socket], path: str) -> None:
    """Close them all; the file of a Unix socket of our own goes too."""
    for each in sockets:
        each.close()
    if path and stat.S_ISSOCK(_mode_of(Path(path))):
        Path(path).unlink(missing_ok=True)


def _listen_on_port(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((address.host, address.port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise SystemRefused.of(error) from error
    return listening


def _listen_on_path(path: Path) -> socket.socket:
    _clear(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(listening.fileno(), MODE)  # Linux: the file is born with no more than this
        listening.bind(str(path))
        path.chmod(MODE)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise SystemRefused(f"{path}: {error.strerror or error}.") from error
    return listening


def _clear(path: Path) -> None:
    """Take away the file of a service that was killed; nothing else is ever removed."""
    mode = _mode_of(path)
    if not mode:
        return
    if not stat.S_ISSOCK(mode):
        raise SocketFileTaken(f"{path} is there already, and is no socket.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except FileNotFoundError:
            return
        except OSError as error:  # its queue is full, or it may not be opened: somebody is there
            raise SocketFileTaken(f"{path} is in use: {error.strerror}.") from error
    raise SocketFileTaken(f"Another program listens on {path}.")


def _mode_of(path: Path) -> int:
    """0 for what is not there."""
    try:
        return path.lstat().st_mode
    except OSError:
        return 0
