"""C11 on every rig. What is proven stands in protocol/conformance/checks/c11_ceilings.py."""

from protocol.conformance.checks import c11_ceilings
from tests.conformance.suite import as_tests

globals().update(as_tests(c11_ceilings))
