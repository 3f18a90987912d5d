"""What each exit code means: for `micropen --help`, for docs/exit-codes.md, for scripts."""

EXIT_CODES: dict[int, str] = {
    0: "done, nothing is wrong",
    1: "a defect of this program; a trace is printed",
    2: "wrong usage: a command or option is unknown or missing",
    10: "something that a person wrote: config, plan, product, limits (E1xxx)",
    20: "the serial port or the link to the pen (E2xxx)",
    30: "the pen refused, or is not what the session needs (E3xxx)",
    35: "the pen failed a rule of the wire contract (pen conformance)",
    36: "no rule failed, but some came to no verdict (pen conformance)",
    40: "the session's own rules forbid the step (E4xxx)",
    50: "the record cannot be written, read or trusted (E5xxx)",
    60: "telemetry, archive or broker; never touches the drive (E6xxx)",
    70: "a defect of this program that it noticed itself (E9xxx)",
    75: "a calibration that cannot go on, or has no result (E7xxx)",
    80: "the service: a second one, told to stop; a red line; an update refused or undone (E8xxx)",
    130: "ended by Ctrl-C",
}
"""Families of `controller.errors` share a code, so that a script can tell a typing mistake from a
pen that is gone."""


def epilog() -> str:
    """The codes as the last lines of `micropen --help`."""
    lines = [f"{code}  {meaning}" for code, meaning in EXIT_CODES.items()]
    return "Exit codes:\n\n" + "\n\n".join(lines)


def exit_code_page() -> str:
    """The codes as a page of Markdown."""
    rows = [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()]
    return "\n".join([_HEAD, *rows]) + "\n"


_HEAD = """# Exit codes

What `micropen` and its processes end with. Families of [errors](errors.md) share a code, so that a
script can tell a typing mistake from a pen that is gone. A test compares this page with the code.

| code | meaning |
|---|---|"""
