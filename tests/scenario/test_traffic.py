"""How often the controller speaks while an arm is open (C5), and what that costs the line (C1)."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from protocol.codec import encode_payload
from protocol.framing import Frame, encode_frame
from protocol.limits import GRANT_PERIOD_US
from protocol.messages import Grant
from simulator.practitioner import HandSettings
from tests.scenario.conftest import Figure
from tests.support.bills import QUICK, dosing, pen_for, stamping
from tests.support.theatre import Theatre

GRANT_BYTES = len(encode_frame(Frame(6, 1, 0, encode_payload(Grant(1, 1, 2, 3, 4, 5)))))
LINE_BYTES_S = 115_200 / 10
NO_LIFTS: HandSettings = msgspec.structs.replace(QUICK, glide_us=0)


def grants(theatre: Theatre) -> list[dict[str, Any]]:
    """Times and fields of the GRANT frames of the last minute."""
    lines = theatre.service.line.wiretap.dump()
    return [line for line in lines if line.get("message") == "Grant"]


async def test_grants_keep_their_period_at_full_cadence(tmp_path: Path, figure: Figure) -> None:
    plan = stamping(600, cadence_hz=150)
    async with Theatre(tmp_path / "j", pen_for(plan, hand=NO_LIFTS)) as theatre:
        await theatre.play(plan)
        theatre.check()
        times_s = [line["mono_s"] for line in grants(theatre)]
    gaps_s = [after - before for before, after in pairwise(times_s)]
    assert len(gaps_s) > 100
    assert max(gaps_s) <= GRANT_PERIOD_US / 1_000_000 + 0.0051
    rate_hz = len(gaps_s) / (times_s[-1] - times_s[0])
    assert rate_hz <= 1.05 * 1_000_000 / GRANT_PERIOD_US
    share = rate_hz * GRANT_BYTES / LINE_BYTES_S
    figure(f"{rate_hz:.1f} grants/s of {GRANT_BYTES} bytes, {share:.0%} of the line to the pen")
    assert share < 0.25


async def test_a_ceiling_without_reserve_leaves_at_once(tmp_path: Path) -> None:
    plan = dosing(5, cadence_hz=1)
    async with Theatre(tmp_path / "j", pen_for(plan), disk_s=(0.001, 0.002)) as theatre:
        await theatre.play(plan)
        theatre.check()
        sent = grants(theatre)
    zone = [line for line in sent if line["fields"]["arm_id"] == sent[-1]["fields"]["arm_id"]]
    gaps_s = [
        after["mono_s"] - before["mono_s"]
        for before, after in pairwise(zone)
        if after["fields"]["puncture_ceiling"] > before["fields"]["puncture_ceiling"]
    ]
    assert len(gaps_s) == 4
    assert min(gaps_s) < 0.9 * GRANT_PERIOD_US / 1_000_000, "it waited for the period each time"
