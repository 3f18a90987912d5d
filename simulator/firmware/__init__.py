"""The parts of the pen's firmware. They see the world through `simulator.ports` and the wire only;
no module here may import the mechanism, the oracle or anything else of the simulated world.
"""
