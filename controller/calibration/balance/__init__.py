"""What balances say over a serial line, as pure parsers: bytes in, readings and discards out."""

from controller.calibration.balance.detect import QUESTIONS, Identity, Make, Question, identify
from controller.calibration.balance.words import Answer, Discard, Heard, Parser, Reading, Why

__all__ = [
    "QUESTIONS",
    "Answer",
    "Discard",
    "Heard",
    "Identity",
    "Make",
    "Parser",
    "Question",
    "Reading",
    "Why",
    "identify",
]
