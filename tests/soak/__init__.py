"""The soak: real controller and simulated pen in virtual time, faults drawn from a seed.

`python -m tests.soak --help`. A seed draws a `Script` (draw), a `Trial` plays it (trial), checkers
that share no code with the controller judge it, and a failing script is shrunk to what it needs.
"""
