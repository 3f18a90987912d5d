"""The self-test of STOP, run by the doctor on a pen at rest, with the journal open.

STOP, its echo, CLEAR, so many times; p50 and p99 of request to echo. Moves nothing, and is recorded
like every other stop.
"""

from collections.abc import Sequence
from typing import Final

from controller.errors import NoAnswer
from controller.link.port import PortOpener
from controller.record.events import Actor
from controller.service.app import Wanted, running
from controller.service.doctor.disk import percentile
from controller.service.doctor.line import Line, green, red, warning
from controller.session.self_test import StopTest
from protocol.limits import STOP_REPEAT_US, STOP_UNCONFIRMED_US

ROUNDS: Final = 20
PEN_WITHIN_S: Final = 20.0
"""As at an enrolment: a pen that homes is waited for, and events that it kept are read first."""
_MILLI_US: Final = 1_000


async def stop_latencies(
    wanted: Wanted, actor: Actor, rounds: int = ROUNDS, *, opener: PortOpener | None = None
) -> list[int | None]:
    """Test STOP on the pen at `wanted.port`; microseconds from request to echo, None: no echo.

    Raises AlreadyRunning while a service holds the journal, LinkError, PenError, and what
    `StopTest.run` raises.
    """
    async with running(wanted, opener=opener) as service:
        engine = service.engine
        await engine.changes.until(
            lambda: engine.reconciled or engine.link_error is not None, PEN_WITHIN_S
        )
        if engine.pen is None:
            raise engine.link_error or NoAnswer(f"No pen answers on {wanted.port}.")
        test = StopTest(engine, service.acts, service.line.stop_line)
        return await test.run(actor, rounds)


def judge_stop(latencies_us: Sequence[int | None]) -> Line:
    """The line for measured latencies; None stands for a STOP that was not echoed in time."""
    heard_us = [each for each in latencies_us if each is not None]
    action = "Check the cable and the pen; treat nobody until this is green."
    if len(heard_us) < len(latencies_us) or not heard_us:
        said = f"{len(latencies_us) - len(heard_us)} of {len(latencies_us)} STOPs had no echo."
        return red("stop", said, action, rounds=len(latencies_us))
    middle_ms = percentile(heard_us, 0.5) / _MILLI_US
    rare_ms = percentile(heard_us, 0.99) / _MILLI_US
    figures = {"rounds": len(heard_us), "p50_ms": middle_ms, "p99_ms": rare_ms}
    said = f"STOP is echoed in {middle_ms:.1f} ms (p50), {rare_ms:.1f} ms (p99)."
    if rare_ms * _MILLI_US >= STOP_UNCONFIRMED_US:
        return red("stop", said, action, **figures)
    if rare_ms * _MILLI_US >= STOP_REPEAT_US:
        action = "A STOP was repeated before its echo came: lower the adapter's latency timer."
        return warning("stop", said, action, **figures)
    return green("stop", said, **figures)
