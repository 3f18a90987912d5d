"""C5 on every rig. What is proven stands in protocol/conformance/checks/c05_grant.py."""

from protocol.conformance.checks import c05_grant
from tests.conformance.suite import as_tests

globals().update(as_tests(c05_grant))
