"""Guided calibration as data: terms in, recorded bodies folded, the next step out.

Pure: no port, no clock, no file. Who asks the technician and moves the pen stands above it.
"""

from controller.calibration.procedure.folding import (
    CadenceOutcome,
    DoseOutcome,
    Outcome,
    Procedure,
    ProtrusionOutcome,
    begun,
    outcome_of,
    procedure_of,
)
from controller.calibration.procedure.terms import (
    AnyTerms,
    CadenceTerms,
    DoseTerms,
    ProtrusionTerms,
    terms_of,
)

__all__ = [
    "AnyTerms",
    "CadenceOutcome",
    "CadenceTerms",
    "DoseOutcome",
    "DoseTerms",
    "Outcome",
    "Procedure",
    "ProtrusionOutcome",
    "ProtrusionTerms",
    "begun",
    "outcome_of",
    "procedure_of",
    "terms_of",
]
