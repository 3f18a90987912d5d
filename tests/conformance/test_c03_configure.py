"""C3 on every rig. What is proven stands in protocol/conformance/checks/c03_configure.py."""

from protocol.conformance.checks import c03_configure
from tests.conformance.suite import as_tests

globals().update(as_tests(c03_configure))
