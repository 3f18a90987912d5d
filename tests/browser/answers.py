"""What the paper controller answers to questions that no view holds."""

from collections.abc import Callable
from typing import Any

from controller.console.report.sheet import Bar, Sheet, SheetAlarm, SheetZone
from controller.console.requests import AlarmLine
from tests.browser import calibrate_scenes
from tests.browser.scenes import HOSTILE, wall

PLAN: dict[str, Any] = {
    "name": "lower_face_one_side",
    "title": "lower_face_one_side",
    "kind": "micro_dosing",
    "patient": "demo-0001",
    "product": "microbotox_24",
    "cartridge": "single_32g",
    "syringe_fill_nl": 1_000_000.0,
    "prime_nl": 5_000.0,
    "unit": "ona_u",
    "zones": [
        {
            "name": name,
            "region": region,
            "title": name,
            "punctures": count,
            "dose_nl": 9_200.0,
            "total_nl": count * 9_200.0,
            "total_units": count * 0.2208,
            "protrusion_um": protrusion_um,
            "cadence_hz": 3.0,
        }
        for name, region, count, protrusion_um in (
            ("cheek", "cheek", 24, 700),
            ("jawline", "submandibular", 36, 700),
            ("neck", "neck", 48, 750),
        )
    ],
}


def refusal(number: int, what: str, cause: str = "", action: str = "") -> dict[str, Any]:
    """An error of the numbered tree."""
    return {"number": number, "what": what, "cause": cause, "action": action}


def _measure(
    subject: str, name: str, value: float, limit: float, unit: str, *, at_least: bool = False
) -> dict[str, Any]:
    holds = value >= limit if at_least else value <= limit
    return {
        "subject": subject,
        "name": name,
        "value": value,
        "limit": limit,
        "unit": unit,
        "at_least": at_least,
        "holds": holds,
    }


def preview(*, over: bool = False) -> dict[str, Any]:
    """The plan against its limits; with `over`, one of them does not hold."""
    measures = []
    for zone in PLAN["zones"]:
        name, depth = zone["name"], 900 if over and zone["name"] == "cheek" else 700
        measures += [
            _measure(name, "protrusion", depth, 750, "um"),
            _measure(name, "stroke period", 333_334, 100_000, "us", at_least=True),
            _measure(name, "dose", 9_202.5, 20_000, "nl"),
            _measure(name, "zone volume", zone["total_nl"], 1_000_000, "nl"),
            _measure(name, "zone units", zone["total_units"], 28, "ona_u"),
        ]
    measures += [
        _measure("session", "session volume", 993_600, 2_000_000, "nl"),
        _measure("session", "session units", 23.85, 56, "ona_u"),
        _measure("course", "course units", 23.85, 400, "ona_u"),
    ]
    seed = "These limits are seed values: nobody approved them."
    findings = [{"code": "SEED_LIMITS", "blocks": False, "sentence": seed}]
    if over:
        sentence = "cheek: protrusion 900 um is over the limit of 750 um."
        findings.append({"code": "PROTRUSION_OVER_LIMIT", "blocks": True, "sentence": sentence})
    return {"plan": PLAN, "measures": measures, "findings": findings, "possible": not over}


def sessions() -> list[dict[str, Any]]:
    """The history; one title is an attack."""
    titles = ("lower_face_one_side", HOSTILE, "short_check", "collagen_induction")
    return [
        {
            "id": f"s-{number}",
            "plan_title": title,
            "patient": f"demo-000{number}",
            "operator": "A. Practitioner",
            "opened_wall": wall(-86_400 * number),
            "closed_wall": wall(-86_400 * number + 1_800),
            "outcome": "complete" if number % 2 else "ended_early",
            "simulated": number != 3,
        }
        for number, title in enumerate(titles, start=1)
    ]


def closed_session() -> dict[str, Any]:
    """One session of the history, as the controller's sheet has it."""
    zones = [
        SheetZone(
            name=zone["name"],
            region=zone["region"],
            planned_punctures=zone["punctures"],
            punctures_certain=zone["punctures"] - short,
            punctures_possible=zone["punctures"] - short,
            planned_nl=zone["total_nl"],
            certain_nl=zone["total_nl"] - short * 9_200,
            possible_nl=zone["total_nl"] - short * 9_200,
            certain_units=zone["total_units"],
            possible_units=zone["total_units"],
            parts=[],
        )
        for zone, short in zip(PLAN["zones"], (0, 0, 9), strict=True)
    ]
    stopped = SheetAlarm(
        wall=wall(-86_000),
        priority="high",
        sentence="The pen was stopped.",
        cause="Somebody or a check asked for a stop.",
    )
    return Sheet(
        **sessions()[0],
        realm="training",
        plan_digest="ab" * 32,
        product="microbotox_24",
        unit="ona_u",
        lot="C1234",
        expiry="2027-06-30",
        reconstituted_wall=wall(-90_000),
        cartridge="single_32g",
        cartridge_uids=["00000000000000c1"],
        pens=["f0000000000a11ce"],
        certificate="simulated_provisional",
        zones=zones,
        syringes=[],
        alarms=[stopped],
        protrusion=[Bar(start=660 + 20 * i, count=n) for i, n in enumerate((3, 41, 50, 5))],
        cadence=[Bar(start=2.5 + i / 4, count=n) for i, n in enumerate((2, 30, 66, 1))],
        dots=[],
        entries=160,
        chain_head="160",
        chain_hash="cd" * 32,
    ).model_dump(mode="json")


VERIFIED = {
    "holds": True,
    "entries": 412,
    "entries_of_session": 160,
    "head": "412:" + "cd" * 32,
    "first_bad_seq": None,
    "problem": None,
}


def alarm_log() -> list[dict[str, Any]]:
    """Two alarms that were; one is not acknowledged."""
    sentence = "The pen was stopped."
    cause = "Somebody or a check asked for a stop."
    return [
        AlarmLine(
            id="stop-latched",
            priority="high",
            sentence=sentence,
            cause=cause,
            session_id="s-1",
            raised_wall=wall(-300 * number),
            cleared_wall=None,
            acknowledged_wall=wall(-200) if number == 2 else None,
            acknowledged_by="T. Technician" if number == 2 else None,
        ).model_dump()
        for number in (1, 2)
    ]


def _product(name: str, units_a_ml: float | None) -> dict[str, Any]:
    return {
        "name": name,
        "title": "Microbotox-24: onabotulinumtoxinA 24 U/mL with lidocaine (thin skin)",
        "unit": None if units_a_ml is None else "ona_u",
        "units_a_ml": units_a_ml,
        "use_within_hours": 24.0,
    }


GET: dict[str, Callable[[], Any]] = {
    "/api/people": lambda: [
        {"name": "A. Practitioner", "role": "operator"},
        {"name": "T. Technician", "role": "technician"},
        {"name": HOSTILE, "role": "administrator"},
    ],
    "/api/plans": lambda: [
        {"name": "lower_face_one_side", "title": "lower_face_one_side", "problem": None},
        {"name": "short_check", "title": "short_check", "problem": None},
        {"name": "collagen_induction", "title": "collagen_induction", "problem": None},
        {"name": "broken", "title": "broken", "problem": "broken.toml:4: unknown key 'dosis'"},
    ],
    "/api/plans/lower_face_one_side": lambda: PLAN,
    "/api/products": lambda: [_product("microbotox_24", 24.0)],
    "/api/sessions": sessions,
    "/api/alarms": alarm_log,
    "/api/calibration": lambda: calibrate_scenes.idle().model_dump(mode="json"),
    "/api/sessions/s-1": closed_session,
    "/api/sessions/s-1/verify": lambda: VERIFIED,
}
