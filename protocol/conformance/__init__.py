"""The rules C1-C13 of SPEC.md as checks that any pen can be put to.

Pure like the rest of `protocol`: a check sees a pen through a `Rig` (wire, hand and clock as
calls) and knows nothing else. The project's tests run the checks on simulated pens, `micropen pen
conformance` runs the same ones on the pen at a port.
"""
