"""C13 on every rig. What is proven stands in protocol/conformance/checks/c13_queries.py."""

from protocol.conformance.checks import c13_queries
from tests.conformance.suite import as_tests

globals().update(as_tests(c13_queries))
