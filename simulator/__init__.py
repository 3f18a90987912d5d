"""The pen that is not there: firmware, mechanism and hand, for tests, demos and training."""
