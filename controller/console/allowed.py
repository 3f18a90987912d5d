"""Which acts are possible now, so that the page greys out the rest.

The acts check for themselves; nothing is allowed here.
"""

from controller.console.calibration_room import CALIBRATING
from controller.console.logins import TRAINEE, TREATING
from controller.console.session_view import needs_prime
from controller.console.views import ActName, LoginView
from controller.session.books import SessionBook
from controller.session.engine import Engine
from controller.session.progress import Progress
from controller.session.states import State
from controller.settings.service import Realm

_CLOSABLE = (State.READY, State.LATCHED, State.INTERRUPTED, State.BLOCKED)


def allowed_acts(
    engine: Engine, progress: Progress | None, login: LoginView | None, realm: Realm
) -> list[ActName]:
    """The acts for this person in this state."""
    acts: list[ActName] = ["login"]
    if login is None:
        # The first run needs no person: what the simulated pen does treats nobody.
        return [*acts, "training"] if engine.book is None and not engine.arm_is_open else acts
    acts += ["logout", "acknowledge", "pause_audio"]
    if engine.is_latched and engine.reconciled:
        acts.append("clear")
    if not engine.arm_is_open and engine.book is None:
        acts += ["training", "preview"]
        acts += ["self_test"] if engine.reconciled and not engine.is_latched else []
    acts += _calibrating(engine, login, realm)
    if login.role not in TREATING and realm != "training":
        return acts
    return acts + _treating(engine, progress)


def _calibrating(engine: Engine, login: LoginView, realm: Realm) -> list[ActName]:
    is_trainee = realm == "training" and login.person == TRAINEE.name
    if (login.role not in CALIBRATING and not is_trainee) or isinstance(engine.book, SessionBook):
        return []
    if engine.book is not None:
        return ["calibrate"]
    return ["calibrate", "certify"] if engine.reconciled else []


def _treating(engine: Engine, progress: Progress | None) -> list[ActName]:
    acts: list[ActName] = []
    if progress is None:
        return ["open"] if engine.book is None and engine.reconciled else []
    if engine.state is State.RUNNING:
        acts.append("pause")
    if engine.state in _CLOSABLE:
        acts.append("close")
    if engine.state is not State.READY:
        return acts
    if progress.terms.plan.dispenses:
        acts += ["swap"]
    if not engine.reconciled:
        return acts
    if progress.terms.plan.dispenses:
        acts += ["purge"]
    if needs_prime(engine, progress):
        acts.append("prime")
    elif progress.next_zone() is not None:
        acts.append("treat")
    return acts
