"""C9 on every rig. What is proven stands in protocol/conformance/checks/c09_counters.py."""

from protocol.conformance.checks import c09_counters
from tests.conformance.suite import as_tests

globals().update(as_tests(c09_counters))
