"""A floor of plain Python: five bodies that attract each other, in lists, tuples and floats.

The problem of the Benchmarks Game ("n-body"), because its time in Python on a Raspberry Pi 4 has
been published. Needs nothing but the standard library, and runs on older Pythons too:
`python tests/benchmark/floor_orbits.py 200000`.
"""

import sys
import time

SUN = 39.47841760435743
YEAR = 365.24
# Places in astronomical units, speeds in units a day, masses in suns.
BODIES = [
    ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 1.0),
    (
        (4.841431442464721, -1.1603200440274284, -0.10362204447112311),
        (0.001660076642744037, 0.007699011184197404, -0.0000690460016972063),
        0.000954791938424326609,
    ),
    (
        (8.34336671824458, 4.124798564124305, -0.4035234171143214),
        (-0.002767425107268624, 0.004998528012349172, 0.00002304172975737639),
        0.000285885980666130812,
    ),
    (
        (12.894369562139131, -15.111151401698631, -0.22330757889265573),
        (0.002964601375647616, 0.0023784717395948095, -0.00002965895685402376),
        0.0000436624404335156298,
    ),
    (
        (15.379697114850917, -25.919314609987964, 0.17925877295037118),
        (0.0026806777249038932, 0.001628241700382423, -0.00009515922545197159),
        0.0000515138902046611451,
    ),
]


def seconds(steps: int) -> float:
    """Processor seconds of so many steps of 0.01 years."""
    bodies = [
        (list(place), [each * YEAR for each in speed], mass * SUN) for place, speed, mass in BODIES
    ]
    pairs = [(one, other) for at, one in enumerate(bodies) for other in bodies[at + 1 :]]
    began_s = time.process_time()
    for _ in range(steps):
        for ([x1, y1, z1], v1, m1), ([x2, y2, z2], v2, m2) in pairs:
            dx, dy, dz = x1 - x2, y1 - y2, z1 - z2
            pull = 0.01 * (dx * dx + dy * dy + dz * dz) ** -1.5
            on_one, on_other = m2 * pull, m1 * pull
            v1[0] -= dx * on_one
            v1[1] -= dy * on_one
            v1[2] -= dz * on_one
            v2[0] += dx * on_other
            v2[1] += dy * on_other
            v2[2] += dz * on_other
        for place, (vx, vy, vz), _mass in bodies:
            place[0] += 0.01 * vx
            place[1] += 0.01 * vy
            place[2] += 0.01 * vz
    return time.process_time() - began_s


if __name__ == "__main__":
    sys.stdout.write("{:.3f}\n".format(seconds(int(sys.argv[1]))))  # noqa: UP032 - any Python 3
