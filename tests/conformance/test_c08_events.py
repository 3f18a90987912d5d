"""C8 on every rig. What is proven stands in protocol/conformance/checks/c08_events.py."""

from protocol.conformance.checks import c08_events
from tests.conformance.suite import as_tests

globals().update(as_tests(c08_events))
