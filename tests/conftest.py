"""Rules that hold for every test: virtual time, nothing left behind, no silent skip."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import pytest
import pytest_asyncio
from hypothesis import settings

from tests.support.hazard_audit import HazardAudit
from tests.support.hazards import IDS
from tests.support.leaks import Belongings, left_behind
from tests.support.skips import SkipAudit
from tests.support.virtual import VirtualClock, VirtualLoop, assert_no_other_task

# The checks are plain asserts outside of the tests; here too a failed one shows its values.
pytest.register_assert_rewrite("protocol.conformance")

settings.register_profile("dev", deadline=None, print_blob=True)
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--pen-port",
        default=None,
        help="serial port of a real pen on the bench: the conformance suite runs against it",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(SkipAudit(), "skip-audit")
    config.pluginmanager.register(HazardAudit(config), "hazard-audit")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in item.iter_markers():
            _check_mark(item.nodeid, mark)


def _check_mark(nodeid: str, mark: pytest.Mark) -> None:
    words = [word for word in mark.args if isinstance(word, str) and word]
    if mark.name == "hazard" and not (words and set(words) <= set(IDS)):
        raise pytest.UsageError(f"{nodeid}: hazard() names hazards as H01, H02 ... H47")
    if mark.name == "real_time" and not words:
        raise pytest.UsageError(f"{nodeid}: real_time() says why virtual time does not do")


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, LoopFactory]:
    """Async tests run in virtual time, unless marked `real_time(reason)`."""
    if item.get_closest_marker("real_time"):
        return {"real": asyncio.SelectorEventLoop}
    return {"virtual": VirtualLoop}


@pytest_asyncio.fixture
async def _no_task_left() -> AsyncIterator[None]:
    yield
    await assert_no_other_task()


@pytest.fixture
def _nothing_left_behind() -> Iterator[None]:
    before = Belongings.now()
    yield
    left = left_behind(before)
    assert not left, f"left behind by the test: {left}"


@pytest.fixture(autouse=True)
def _clean(request: pytest.FixtureRequest, _nothing_left_behind: None) -> None:
    """Order matters: tasks are counted before the loop closes, threads and files after."""
    if pytest_asyncio.is_async_test(request.node):
        request.getfixturevalue("_no_task_left")


@pytest.fixture
def pen_port(request: pytest.FixtureRequest) -> str | None:
    """The `--pen-port` of this run, None when the simulated pen is to be tested."""
    port: str | None = request.config.getoption("--pen-port")
    return port


@pytest_asyncio.fixture
async def clock() -> VirtualClock:
    """A clock in the virtual time of this test's loop."""
    return VirtualClock.running()
