"""What a check has to say: its finding, and whether it forbids going on. Pure."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check that did not pass cleanly. `limit` and `value` are for display.

    subject: the zone that it is about, "session", "course", or empty.
    """

    code: str
    severity: Literal["block", "warn"]
    sentence: str
    limit: str = ""
    value: str = ""
    subject: str = ""


Findings = tuple[Finding, ...]


def blocks(findings: Findings) -> bool:
    """Whether any finding forbids going on."""
    return any(finding.severity == "block" for finding in findings)
