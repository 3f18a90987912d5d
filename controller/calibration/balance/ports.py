"""Where a balance is: serial ports are asked at each of the usual line settings in turn.

May touch: the names under /dev/serial/by-id, and the ports that `OpenPort` opens. The pen's port is
never opened, nor one that something else holds.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from controller.calibration.balance.detect import Identity
from controller.calibration.balance.reader import Balance
from controller.calibration.balance.words import Heard
from controller.calibration.errors import BalanceLost, BalanceUnknown
from controller.clock import Clock
from controller.errors import LinkError
from controller.link.port import BytePort, LineSettings, SerialOpener

OpenPort = Callable[[str, LineSettings], Awaitable[BytePort]]
"""Opens a port by path. Raises what `PortOpener.open` raises."""

BY_ID = Path("/dev/serial/by-id")
USUAL_LINES = (
    LineSettings(9_600, 8, "N", 1),
    LineSettings(1_200, 7, "O", 1),
    LineSettings(9_600, 7, "O", 1),
    LineSettings(9_600, 8, "O", 1),
    LineSettings(9_600, 7, "E", 1),
    LineSettings(19_200, 8, "N", 1),
    LineSettings(2_400, 7, "E", 1),
)
"""First the two factory settings: MT-SICS (AT balances' manual, "Host") and SBI (CP, GC manuals:
1200 baud, odd). The rest are what those manuals let a user choose; their order is an estimate."""
ASK_S = 2.3
"""Both makes are asked once within it; a balance answers within some ten milliseconds."""


async def open_serial(path: str, line: LineSettings) -> BytePort:
    """A real serial port."""
    return await SerialOpener(path, line.baud, line.bytesize, line.parity, line.stopbits).open()


@dataclass(frozen=True, slots=True)
class Found:
    """A balance that answered on a port."""

    path: str
    line: LineSettings
    identity: Identity

    def __str__(self) -> str:
        return f"{self.identity.make} {self.identity.serial} at {self.path}, {self.line}"


def candidates(pen_path: str, folder: Path = BY_ID) -> list[str]:
    """The ports that may have a balance: all that are plugged in but the pen's own, by any name."""
    pen = Path(pen_path).resolve()
    return [str(each) for each in sorted(folder.glob("*")) if each.resolve() != pen]


async def find(
    paths: Iterable[str],
    clock: Clock,
    open_port: OpenPort = open_serial,
    lines: Iterable[LineSettings] = USUAL_LINES,
) -> list[Found]:
    """The balances on these ports, which are asked side by side; a port that is held is left out.

    Takes up to 2.3 s a line setting.
    """
    given = list(lines)
    found = await asyncio.gather(*(_ask(path, given, clock, open_port) for path in paths))
    return [each for each in found if each is not None]


async def find_one(
    paths: Iterable[str],
    clock: Clock,
    open_port: OpenPort = open_serial,
    lines: Iterable[LineSettings] = USUAL_LINES,
) -> Found:
    """The only balance on these ports. Raises BalanceUnknown (E7052) for none or several."""
    asked = list(paths)
    found = await find(asked, clock, open_port, lines)
    if len(found) == 1:
        return found[0]
    if found:
        raise BalanceUnknown(
            f"There are {len(found)} balances: {'; '.join(map(str, found))}.",
            cause="More than one balance is plugged in.",
            action="Name the port of the one under the pen with --balance.",
        )
    where = ", ".join(asked) or f"no port in {BY_ID} but the pen's"
    raise BalanceUnknown(f"No balance answers at the usual line settings: {where}.")


async def _ask(
    path: str, lines: list[LineSettings], clock: Clock, open_port: OpenPort
) -> Found | None:
    for line in lines:
        try:
            identity = await _identity(await open_port(path, line), clock)
        except LinkError:
            return None  # held, denied or gone: at other settings too
        except BalanceLost:
            return None
        if identity is not None:
            return Found(path, line, identity)
    return None


async def _identity(port: BytePort, clock: Clock) -> Identity | None:
    balance = Balance(port, clock)
    try:
        async with asyncio.timeout(ASK_S):
            return await balance.identify()
    except (TimeoutError, BalanceUnknown):
        return None
    finally:
        balance.close()


async def connect(
    found: Found,
    clock: Clock,
    live: Callable[[Heard], None],
    open_port: OpenPort = open_serial,
) -> Balance:
    """The balance, open and known; whoever asked closes it.

    Raises BalanceLost (E7051) when the port is gone, BalanceUnknown (E7052) for silence or another
    balance than the one that was found.
    """
    try:
        balance = Balance(await open_port(found.path, found.line), clock, live)
    except LinkError as error:
        raise BalanceLost(f"The balance's port cannot be opened: {error.what}") from error
    with ExitStack() as undo:
        undo.callback(balance.close)
        identity = await balance.identify()
        if identity != found.identity:
            raise BalanceUnknown(
                f"The balance at {found.path} is now {identity.make} {identity.serial}, "
                f"not {found.identity.serial}.",
                cause="The balances were exchanged.",
                action="Plug in the balance that the calibration was begun with.",
            )
        undo.pop_all()
    return balance
