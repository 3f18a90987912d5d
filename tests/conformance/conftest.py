"""Which pen the suite runs on: simulated ones, or with `--pen-port` the one on the bench."""

from collections.abc import Callable, Iterator

import pytest

from controller.service.conformance.hand import PersonHand
from controller.service.conformance.port_rig import PortRig
from protocol.conformance.host import RawHost, enter, leave
from protocol.conformance.rig import Rig
from protocol.conformance.tap import Tap
from tests.conformance.memory_rig import MemoryRig
from tests.conformance.world_rig import WorldRig

SIMULATED: dict[str, Callable[[], Rig]] = {"memory": MemoryRig, "world": WorldRig}


def pen_on_the_bench(path: str) -> Rig:
    """A real pen, guarded as `micropen pen conformance` guards it, with a person as its hand."""

    def ask(what: str) -> None:
        with open("/dev/tty", "w", encoding="ascii") as terminal:  # noqa: PTH123 - a device
            terminal.write(f"\n>>> {what}\n")

    return Tap(PortRig(path, PersonHand(ask)))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "rig" in metafunc.fixturenames:
        port = metafunc.config.getoption("--pen-port")
        names = ["port"] if port else list(SIMULATED)
        metafunc.parametrize("rig", names, indirect=True)


@pytest.fixture
def rig(request: pytest.FixtureRequest, pen_port: str | None) -> Iterator[Rig]:
    """A pen that nobody touches: a simulated one is new, the one on the bench has its past."""
    made: Rig = pen_on_the_bench(pen_port) if pen_port else SIMULATED[request.param]()
    yield made
    made.close()


@pytest.fixture
def host(rig: Rig) -> Iterator[RawHost]:
    """A host that has opened a link to a pen at rest, and leaves it as it was found."""
    made = enter(rig)
    yield made
    leave(made)
    assert made.timings.exceeded() == []
