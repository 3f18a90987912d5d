"""A fleet of simulated pens that are calibrated by the real procedures: is what they promise true?

`python -m tests.fleet --pens 200 --seed 1`. The simulator's mechanics and balance without wire,
firmware and event loop: stroke by stroke in simulated time.
"""
