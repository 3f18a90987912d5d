"""All benchmarks, one after the other: `python -m tests.benchmark`. A quiet machine helps."""

import subprocess
import sys

PARTS = ("codec", "durable", "roundtrip", "stop", "pipeline", "screen", "simulation")


def main() -> int:
    """Run each in a process of its own; the first failure ends it."""
    for part in PARTS:
        code = subprocess.call([sys.executable, "-m", f"tests.benchmark.{part}"])
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
