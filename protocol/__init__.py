"""The wire between host and pen: pure functions and frozen values, shared by both ends.

No clock, no I/O, no asyncio. SPEC.md in this folder is the contract in prose; the tables in
`messages.py` are the contract in code, and the test suite holds the two together.
"""
