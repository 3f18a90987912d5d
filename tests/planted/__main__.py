"""`python -m tests.planted [B01 ...]`: put each historic bug back and let the suite find it."""

import argparse
import sys

from tests.planted.bugs import BUGS
from tests.planted.hunt import hunt

LIMIT_S = 60
TRACE_LINES = 80


def main() -> int:
    """Hunt; 1 when a bug was not found within the limit or its trace is too long to read."""
    parser = argparse.ArgumentParser(prog="python -m tests.planted", description=__doc__)
    parser.add_argument("bugs", nargs="*", metavar="B01", help="only these")
    parser.add_argument("--limit", type=int, default=LIMIT_S, help="seconds of CPU for each")
    given = parser.parse_args()
    missed = 0
    for bug in BUGS:
        if given.bugs and bug.id not in given.bugs:
            continue
        find = hunt(bug, limit_s=given.limit)
        ok = find.test is not None and find.cpu_s <= given.limit and find.trace_lines <= TRACE_LINES
        missed += not ok
        what = find.test or "NOT FOUND"
        sys.stdout.write(
            f"{bug.id} {find.cpu_s:5.1f} s CPU, trace of {find.trace_lines:2} lines: {what}\n"
            f"    {bug.plant} ({bug.field})\n"
        )
        sys.stdout.flush()
    sys.stdout.write(f"{missed} missed\n" if missed else "all found\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
