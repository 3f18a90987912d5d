"""C7 on every rig. What is proven stands in protocol/conformance/checks/c07_partial.py."""

from protocol.conformance.checks import c07_partial
from tests.conformance.suite import as_tests

globals().update(as_tests(c07_partial))
