"""Which pen the suite runs on: simulated ones, or with `--pen-port` the one on the bench."""

from collections.abc import Callable, Iterator

import pytest

from protocol.conformance.host import RawHost, enter, leave
from protocol.conformance.rig import Rig
from tests.conformance.memory_rig import MemoryRig
from tests.conformance.port_rig import PortRig
from tests.conformance.world_rig import WorldRig

SIMULATED: dict[str, Callable[[], Rig]] = {"memory": MemoryRig, "world": WorldRig}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "rig" in metafunc.fixturenames:
        port = metafunc.config.getoption("--pen-port")
        names = ["port"] if port else list(SIMULATED)
        metafunc.parametrize("rig", names, indirect=True)


@pytest.fixture
def rig(request: pytest.FixtureRequest, pen_port: str | None) -> Iterator[Rig]:
    """A pen that nobody touches: a simulated one is new, the one on the bench has its past."""
    made: Rig = PortRig(pen_port) if pen_port else SIMULATED[request.param]()
    yield made
    made.hand.release()
    made.hand.lift()
    made.close()


@pytest.fixture
def host(rig: Rig) -> Iterator[RawHost]:
    """A host that has opened a link to a pen at rest, and leaves it as it was found."""
    made = enter(rig)
    yield made
    leave(made)
    assert made.timings.exceeded() == []
