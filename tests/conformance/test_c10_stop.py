"""C10 on every rig. What is proven stands in protocol/conformance/checks/c10_stop.py."""

from protocol.conformance.checks import c10_stop
from tests.conformance.suite import as_tests

globals().update(as_tests(c10_stop))
