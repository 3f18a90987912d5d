"""C4 on every rig. What is proven stands in protocol/conformance/checks/c04_arm.py."""

from protocol.conformance.checks import c04_arm
from tests.conformance.suite import as_tests

globals().update(as_tests(c04_arm))
