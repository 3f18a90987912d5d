"""One module a rule, in the order in which a pen is put to them."""

from types import ModuleType

from protocol.conformance.checks import (
    c01_framing,
    c02_handshake,
    c03_configure,
    c04_arm,
    c05_grant,
    c06_motion,
    c07_partial,
    c08_events,
    c09_counters,
    c10_stop,
    c11_ceilings,
    c12_prime,
    c13_queries,
)

MODULES: tuple[ModuleType, ...] = (
    c01_framing,
    c02_handshake,
    c03_configure,
    c04_arm,
    c05_grant,
    c06_motion,
    c07_partial,
    c08_events,
    c09_counters,
    c10_stop,
    c11_ceilings,
    c12_prime,
    c13_queries,
)
"""One for each rule."""
