"""C2 on every rig. What is proven stands in protocol/conformance/checks/c02_handshake.py."""

from protocol.conformance.checks import c02_handshake
from tests.conformance.suite import as_tests

globals().update(as_tests(c02_handshake))
