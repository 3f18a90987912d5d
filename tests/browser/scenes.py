"""Views as the controller sends them, for every situation that the screen has to show."""

import tomllib
from datetime import UTC, datetime, timedelta

from controller.console import views
from tests.support.bills import CONFIG

NOW_WALL = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
TREATING: list[views.ActName] = ["logout", "login", "acknowledge", "pause_audio"]
HOSTILE = "<img src=x onerror=alert(1)>"


def regions() -> set[str]:
    """Every region that a limits file or a plan of the config folder names."""
    limits = [tomllib.loads(path.read_text()) for path in CONFIG.glob("limits/*.toml")]
    plans = [tomllib.loads(path.read_text()) for path in CONFIG.glob("plans/*.toml")]
    named = {region for file in limits for region in file["max_protrusion_um"]}
    return named | {zone["region"] for plan in plans for zone in plan["zones"]}


def wall(seconds: float = 0.0) -> str:
    """Seconds after `NOW_WALL`, as it is written on the wire."""
    return (NOW_WALL + timedelta(seconds=seconds)).isoformat()


def pen(
    *,
    state: str = "idle",
    contact: bool = False,
    trigger: bool = False,
    stop_latched: bool = False,
    connected: bool = True,
    cadence_hz: float = 0.0,
    protrusion_um: tuple[int, int] = (700, 0),
) -> views.PenView:
    """A simulated pen. `protrusion_um`: set and reached."""
    return views.PenView(
        uid="f0000000000a11ce",
        model="SIM-1",
        firmware="1.4.0",
        simulated=True,
        connected=connected,
        state=state,
        flags=views.PenFlags(
            at_rest=not trigger,
            contact=contact,
            trigger=trigger,
            holding=False,
            stop_latched=stop_latched,
        ),
        fault=None,
        battery_percent=84,
        protrusion_set_um=protrusion_um[0],
        protrusion_reached_um=protrusion_um[1],
        cadence_hz=cadence_hz,
        punctures=123_456,
    )


def zone(
    name: str, region: str, planned: int, made: int, *, is_next: bool = False, title: str = ""
) -> views.ZoneView:
    """A zone of 9,200 nl a puncture at 24 units a millilitre."""
    dose_nl, units_a_nl = 9_200.0, 24 / 1_000_000
    return views.ZoneView(
        name=name,
        region=region,
        title=title or name,
        planned_punctures=planned,
        punctures=made,
        planned_nl=planned * dose_nl,
        certain_nl=made * dose_nl,
        possible_nl=made * dose_nl,
        planned_units=planned * dose_nl * units_a_nl,
        certain_units=made * dose_nl * units_a_nl,
        possible_units=made * dose_nl * units_a_nl,
        unit="ona_u",
        is_next=is_next,
        is_complete=made >= planned,
    )


def session(
    state: views.SessionState = "ready",
    *,
    made: tuple[int, int, int] = (0, 0, 0),
    armed: str | None = None,
    needs_prime: bool = False,
    lost: views.LostView | None = None,
    title: str = "",
) -> views.SessionView:
    """The session of the example plan; `made`: punctures in cheek, jawline and neck."""
    planned = (24, 36, 48)
    following = next((i for i in range(3) if made[i] < planned[i]), None)
    names = (("cheek", "cheek"), ("jawline", "submandibular"), ("neck", "neck"))
    zones = [
        zone(
            name, region, planned[i], made[i], is_next=i == following, title=title if not i else ""
        )
        for i, (name, region) in enumerate(names)
    ]
    given = sum(made)
    last = views.DeliveredView(zone="cheek", puncture=made[0], wall=wall(-2)) if given else None
    return views.SessionView(
        id="s-20261123-093000-demo",
        plan_title="lower_face_one_side",
        patient="demo-0001",
        operator="A. Practitioner",
        state=state,
        zone=armed,
        zones=zones,
        syringe=views.SyringeView(
            left_nl=995_000.0 - given * 9_200, fill_nl=1_000_000, needs_prime=needs_prime
        ),
        last_delivered=last,
        lost=lost,
    )


def alarm(
    priority: views.Priority, name: str = "stop-latched", *, acknowledged: bool = False
) -> views.AlarmView:
    """One alarm of each priority, with the controller's own sentences."""
    sentences: dict[views.Priority, tuple[str, str, str]] = {
        "high": (
            "The pen was stopped.",
            "Somebody or a check asked for a stop.",
            "Find the reason, then clear the stop and arm again.",
        ),
        "medium": (
            "The pen rested by itself because it did not hear from this computer in time.",
            "A disturbed cable, a busy computer or a slow disk.",
            "Check the cable, then arm again.",
        ),
        "low": (
            "The pen's battery is under 20 %.",
            "Normal use.",
            "Charge the pen after this session.",
        ),
    }
    sentence, cause, action = sentences[priority]
    return views.AlarmView(
        id=name,
        priority=priority,
        sentence=sentence,
        cause=cause,
        action=action,
        raised_wall=wall(-20),
        acknowledged=acknowledged,
        active=True,
    )


def checks(*, bad: bool = False) -> list[views.CheckView]:
    """The checklist; with `bad`, two lines that ask for something."""
    good = [
        ("pen", "The pen is connected."),
        ("battery", "The battery, 84 %, is in order."),
        ("certificate", "The calibration is in order."),
        ("cartridge", "The cartridge is unused."),
        ("record", "Record and pen agree, and nothing is open."),
        ("disk", "The disk has 41210 MB left."),
        ("clock", "The clock is synchronised."),
        ("power", "The power supply is in order."),
    ]
    lines = [views.CheckView(id=i, ok=True, sentence=s, action="") for i, s in good]
    if bad:
        used = "The fitted cartridge was used before."
        action = "Fit a new cartridge of the planned type."
        lines[3] = views.CheckView(id="cartridge", ok=False, sentence=used, action=action)
        unknown = "The system does not say whether its clock is set."
        lines[6] = views.CheckView(id="clock", ok=None, sentence=unknown, action="Look at it.")
    return lines


def view(
    *,
    session: views.SessionView | None = None,
    pen: views.PenView | None = None,
    alarms: list[views.AlarmView] | None = None,
    checklist: list[views.CheckView] | None = None,
    allowed: list[views.ActName] | None = None,
    logged_in: bool = True,
    simulated: bool = True,
) -> views.View:
    """A whole view; `seq` and time are set when it is sent."""
    person = views.LoginView(person="A. Practitioner", role="operator", expires_wall=wall(600))
    return views.View(
        seq=0,
        now_wall=wall(),
        simulated=simulated,
        realm="training" if simulated else "treatment",
        session=session,
        pen=pen,
        checklist=checks() if checklist is None else checklist,
        alarms=alarms or [],
        audio_paused_until_wall=None,
        stop=views.StopView(under_way=False, last_latency_ms=None, self_test=None),
        login=person if logged_in else None,
        allowed=["login"] if not logged_in else [*TREATING, *(allowed or [])],
    )


def first_run() -> views.View:
    """A machine without hardware that was just switched on."""
    none = [
        views.CheckView(
            id="pen",
            ok=False,
            sentence="No pen is connected.",
            action="Plug the pen in and switch it on.",
        )
    ]
    return view(checklist=none, allowed=["training", "preview"], simulated=False)


def prepared() -> views.View:
    """A pen is there, nothing is open."""
    return view(pen=pen(), allowed=["preview", "open", "training", "self_test"])


def unprimed() -> views.View:
    return view(pen=pen(), session=session(needs_prime=True), allowed=["prime", "swap", "close"])


def ready(made: tuple[int, int, int] = (0, 0, 0)) -> views.View:
    return view(pen=pen(), session=session(made=made), allowed=["treat", "swap", "purge", "close"])


def running(made: tuple[int, int, int] = (7, 0, 0)) -> views.View:
    """The needles run in the zone that is next."""
    names = ("cheek", "jawline", "neck")
    armed = next(n for n, m, p in zip(names, made, (24, 36, 48), strict=True) if m < p)
    return view(
        pen=pen(
            state="running", contact=True, trigger=True, cadence_hz=3.0, protrusion_um=(700, 694)
        ),
        session=session("running", made=made, armed=armed),
        allowed=["pause"],
    )


def stopped(made: tuple[int, int, int] = (9, 0, 0)) -> views.View:
    return view(
        pen=pen(state="latched", stop_latched=True),
        session=session("latched", made=made),
        alarms=[alarm("high")],
        allowed=["clear", "close"],
    )


def unplugged(made: tuple[int, int, int] = (9, 0, 0)) -> views.View:
    """The cable is out; the interval is open."""
    lost = views.LostView(wall=wall(-1), reason="The cable, the pen's power, or this service.")
    return view(
        pen=pen(connected=False),
        session=session("interrupted", made=made, lost=lost),
        alarms=[alarm("high", "uncertain-delivery")],
        allowed=["close"],
    )


def back_again(made: tuple[int, int, int] = (9, 0, 0)) -> views.View:
    """The cable is in, and the pen's record was read."""
    lost = views.LostView(wall=wall(-9), reason="The cable, the pen's power, or this service.")
    return view(
        pen=pen(),
        session=session(made=made, lost=lost),
        allowed=["treat", "swap", "purge", "close"],
    )


def many_alarms() -> views.View:
    return view(
        pen=pen(state="latched", stop_latched=True),
        session=session("latched", made=(9, 0, 0)),
        alarms=[
            alarm("high"),
            alarm("medium", "lease-lapsed"),
            alarm("medium", "lease-lapsed-2", acknowledged=True),
            alarm("low", "battery-low"),
        ],
        allowed=["clear", "close"],
    )


def collagen() -> views.View:
    """Needles without dispense, at 110 Hz."""
    zones = [
        zone(name, region, 570, made).model_copy(
            update={
                "planned_nl": 0.0,
                "certain_nl": 0.0,
                "possible_nl": 0.0,
                "planned_units": None,
                "certain_units": None,
                "possible_units": None,
                "unit": None,
            }
        )
        for name, region, made in (
            ("left-cheek", "cheek", 570),
            ("right-cheek", "cheek", 211),
            ("forehead", "forehead", 0),
        )
    ]
    syringe = views.SyringeView(left_nl=0.0, fill_nl=None, needs_prime=False)
    armed = session("running").model_copy(
        update={"zones": zones, "zone": "right-cheek", "syringe": syringe}
    )
    moving = pen(
        state="running", contact=True, trigger=True, cadence_hz=109.8, protrusion_um=(1000, 991)
    )
    return view(pen=moving, session=armed, allowed=["pause"])


def uncertain() -> views.View:
    """A residual: less is certain than is possible."""
    open_session = session(made=(9, 0, 0))
    first = open_session.zones[0].model_copy(update={"possible_nl": 11 * 9_200.0})
    zones = [first, *open_session.zones[1:]]
    return view(
        pen=pen(),
        session=open_session.model_copy(update={"zones": zones}),
        alarms=[alarm("medium", "residual-delivery")],
        allowed=["treat", "swap", "purge", "close"],
    )
