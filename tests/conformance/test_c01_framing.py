"""C1 on every rig. What is proven stands in protocol/conformance/checks/c01_framing.py."""

from protocol.conformance.checks import c01_framing
from tests.conformance.suite import as_tests

globals().update(as_tests(c01_framing))
