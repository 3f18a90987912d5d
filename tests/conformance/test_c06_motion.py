"""C6 on every rig. What is proven stands in protocol/conformance/checks/c06_motion.py."""

from protocol.conformance.checks import c06_motion
from tests.conformance.suite import as_tests

globals().update(as_tests(c06_motion))
