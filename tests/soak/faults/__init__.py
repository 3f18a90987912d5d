"""The catalogue's faults as classes: one module a place where they strike."""
