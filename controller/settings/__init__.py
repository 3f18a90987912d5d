"""What a person writes: TOML files, read strictly, refused with file, line, key and the fix."""

from controller.settings.loading import Document, Origin, Written, load_as, parse_as, read_document
from controller.settings.problems import Problem, did_you_mean
from controller.settings.service import (
    BrokerSettings,
    ConsoleSettings,
    ControllerSettings,
    LimitsChoice,
    PlanningChoice,
    Policy,
    PortSettings,
    Realm,
    load_settings,
)

__all__ = [
    "BrokerSettings",
    "ConsoleSettings",
    "ControllerSettings",
    "Document",
    "LimitsChoice",
    "Origin",
    "PlanningChoice",
    "Policy",
    "PortSettings",
    "Problem",
    "Realm",
    "Written",
    "did_you_mean",
    "load_as",
    "load_settings",
    "parse_as",
    "read_document",
]
