"""C12 on every rig. What is proven stands in protocol/conformance/checks/c12_prime.py."""

from protocol.conformance.checks import c12_prime
from tests.conformance.suite import as_tests

globals().update(as_tests(c12_prime))
