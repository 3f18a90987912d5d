"""Draws the transition table, so that the page in `docs/` cannot say anything else than the code.

`python -m controller.session.state_diagram > docs/session-states.md`
"""

import sys

from controller.session.states import TRANSITIONS, State

_HEAD = """# States of a session

Drawn from the table in `controller/session/states.py`; the test suite compares. An act that is not
in the table is refused, and the refusal names what would be possible.

A state says what may be asked of the session. Whether a pen is connected is another matter.

"""

_MEANINGS = {
    State.NONE: "no session is open",
    State.READY: "nothing is armed; the next step may be asked for",
    State.ARMING: "an arm is being recorded and asked of the pen",
    State.RUNNING: "an arm is open: the pen's trigger moves the needle",
    State.ENDING: "no ceiling rises any more; the pen's final record is fetched",
    State.LATCHED: "a stop or a fault is latched in the pen; an operator clears it",
    State.INTERRUPTED: "the pen was lost with an arm open; its own record is awaited",
    State.BLOCKED: "pen and record contradict each other",
    State.CLOSED: "the account is written",
}


def as_mermaid() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    [*] --> none", "    closed --> [*]"]
    lines += [f"    {here} --> {there}: {act}" for (here, act), there in TRANSITIONS.items()]
    return "\n".join(lines)


def as_table() -> str:
    """The table as Markdown: one row a state."""
    rows = ["| State | Meaning | Acts and where they lead |", "|---|---|---|"]
    for state in State:
        acts = ", ".join(
            f"{act} → {there}" for (here, act), there in TRANSITIONS.items() if here is state
        )
        rows.append(f"| {state} | {_MEANINGS[state]} | {acts} |")
    return "\n".join(rows)


def as_markdown() -> str:
    """The whole page."""
    return f"{_HEAD}```mermaid\n{as_mermaid()}\n```\n\n{as_table()}\n"


if __name__ == "__main__":
    sys.stdout.write(as_markdown())
