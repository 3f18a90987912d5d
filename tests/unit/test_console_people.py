"""Logins by their own rules, without a screen: time-out, lock-out, the file of people."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from controller.console.errors import (
    LoginRefused,
    NotLoggedIn,
    PeopleUnreadable,
    PersonLocked,
    RequestRejected,
)
from controller.console.logins import (
    EVERYBODY,
    LOCKED_S,
    MOST_LOGINS,
    TIME_OUT_S,
    TREATING,
    WRONG_PINS,
    Logins,
)
from controller.console.people import (
    FILE,
    NOBODY,
    People,
    Person,
    read_people,
    write_people,
)
from controller.record.events import Body
from controller.session.act_errors import NotAllowed
from tests.support.screen import PIN, person, three_people

OLGA = person("Olga", "operator")


class SetClock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.at_s = 1_000.0

    def mono_s(self) -> float:
        return self.at_s

    def now_wall(self) -> datetime:
        return datetime(2030, 1, 1, tzinfo=UTC) + timedelta(seconds=self.at_s)


class Desk:
    """Logins with three people, as in treatment; what they note; whether an arm is open."""

    def __init__(self) -> None:
        self.clock = SetClock()
        self.noted: list[Body] = []
        self.arm_is_open = False
        self.logins = Logins(self.clock, self.noted.append, lambda: not self.arm_is_open)
        self.logins.people = three_people()

    def log_in(self, who: Person = OLGA) -> str:
        return self.logins.enter(who, None, pin_is_right=True)

    def kinds(self) -> list[str]:
        return [body.kind for body in self.noted]


def test_a_login_times_out_and_an_act_puts_it_off() -> None:
    desk = Desk()
    token = desk.log_in()
    for _ in range(3):
        desk.clock.at_s += TIME_OUT_S - 1.0
        assert desk.logins.require(token, TREATING).name == "Olga"
    desk.clock.at_s += TIME_OUT_S
    with pytest.raises(NotLoggedIn):
        desk.logins.require(token, TREATING)
    assert desk.logins.view(token) is None
    assert desk.kinds() == ["logged_in", "logged_out"]
    assert desk.noted[1].model_dump()["reason"] == "time_out"


def test_no_login_times_out_while_an_arm_is_open() -> None:
    desk = Desk()
    token = desk.log_in()
    desk.arm_is_open = True
    desk.clock.at_s += 10 * TIME_OUT_S
    assert not desk.logins.expire()
    assert desk.logins.who(token) is not None
    desk.arm_is_open = False
    assert desk.logins.expire()
    assert desk.logins.who(token) is None


def test_the_page_is_told_when_the_login_will_end() -> None:
    desk = Desk()
    view = desk.logins.view(desk.log_in())
    assert view is not None
    left = datetime.fromisoformat(view.expires_wall) - desk.clock.now_wall()
    assert left == timedelta(seconds=TIME_OUT_S)


def test_five_wrong_pins_in_a_row_lock_one_person_for_five_minutes() -> None:
    desk = Desk()
    for _ in range(WRONG_PINS):
        assert desk.logins.candidate("Olga") is OLGA
        with pytest.raises(LoginRefused):
            desk.logins.enter(OLGA, None, pin_is_right=False)
    desk.clock.at_s += LOCKED_S - 0.1
    with pytest.raises(PersonLocked):
        desk.logins.candidate("Olga")
    assert desk.logins.candidate("Theo").name == "Theo"
    desk.clock.at_s += 0.2
    assert desk.logins.candidate("Olga") is OLGA
    assert desk.kinds() == ["login_refused"] * WRONG_PINS + ["locked_out", "login_refused"]


def test_a_right_pin_forgets_the_wrong_ones_before() -> None:
    desk = Desk()
    for _ in range(3):
        for _ in range(WRONG_PINS - 1):
            with pytest.raises(LoginRefused):
                desk.logins.enter(OLGA, None, pin_is_right=False)
        desk.log_in()
    assert "locked_out" not in desk.kinds()


def test_a_technician_does_not_treat_where_patients_are() -> None:
    desk = Desk()
    token = desk.log_in(person("Theo", "technician"))
    assert desk.logins.require(token, EVERYBODY).name == "Theo"
    with pytest.raises(NotAllowed):
        desk.logins.require(token, TREATING)
    desk.logins.realm = "training"
    assert desk.logins.require(token, TREATING).name == "Theo"


def test_without_people_nobody_may_treat_a_patient() -> None:
    desk = Desk()
    desk.logins.people = People()
    with pytest.raises(NotLoggedIn):
        desk.logins.require(None, TREATING)
    desk.logins.realm = "training"
    assert desk.logins.require(None, TREATING).name == "trainee"


def test_the_number_of_logins_is_bounded() -> None:
    desk = Desk()
    tokens = [desk.log_in() for _ in range(MOST_LOGINS + 1)]
    assert desk.logins.who(tokens[0]) is None
    assert desk.logins.who(tokens[1]) is not None


@pytest.mark.parametrize("token", [None, "", "x", "\ud800", "x" * 100_000])
def test_a_token_that_was_never_given_is_nobodys(token: str | None) -> None:
    desk = Desk()
    desk.log_in()
    assert desk.logins.who(token) is None


# --- the file ------------------------------------------------------------------------------------


def test_people_are_kept_so_that_no_pin_can_be_read_back(tmp_path: Path) -> None:
    write_people(tmp_path, three_people())
    text = (tmp_path / FILE).read_text("utf-8")
    assert PIN not in text
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
    back = read_people(tmp_path)
    assert back == three_people()
    olga = back.named("Olga")
    assert olga is not None
    assert olga.knows(PIN)
    assert not olga.knows(PIN + "0")
    assert not NOBODY.knows(PIN)
    salts = {each.salt for each in back.people}
    assert len(salts) == 3


def test_a_person_is_replaced_and_removed() -> None:
    changed = three_people().with_person(person("Olga", "technician"))
    assert [each.role for each in changed.people if each.name == "Olga"] == ["technician"]
    assert changed.without("Olga").named("Olga") is None


@pytest.mark.parametrize("pin", ["123", "1" * 13, "12a4", "", "\uff11\uff12\uff13\uff14"])
def test_a_pin_has_four_to_twelve_digits(pin: str) -> None:
    with pytest.raises(RequestRejected):
        Person.with_pin("Olga", "operator", pin)


@pytest.mark.parametrize("name", ["", "x" * 61, "a\nb", "a\x00"])
def test_a_name_can_be_shown(name: str) -> None:
    with pytest.raises(RequestRejected):
        Person.with_pin(name, "operator", PIN)


def test_a_damaged_file_lets_nobody_in_and_says_so(tmp_path: Path) -> None:
    assert read_people(tmp_path) == People()
    (tmp_path / FILE).write_text('{"people": [{"name": "x"}]}', "utf-8")
    with pytest.raises(PeopleUnreadable):
        read_people(tmp_path)
