"""Guided calibration as data: terms in, recorded bodies folded, the next step out.

Pure: no port, no clock, no file. Who asks the technician and moves the pen stands above it.
"""
