"""`python -m tests.appliance --root-folder FOLDER`: all checkpoints, as a table. Needs root.

FOLDER keeps a Debian for the next time; remove it as a whole when it is not wanted any more.
"""

import argparse
import os
import signal
import sys
import time
import traceback
from pathlib import Path

from tests.appliance import trial, updates
from tests.appliance.room import CommandFailed, Room, room
from tests.appliance.seen import Checkpoint

CHECKPOINTS = (*trial.CHECKPOINTS, *updates.CHECKPOINTS, trial.image)
USUAL = Path("/var/tmp/micropen-appliance")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.appliance")
    parser.add_argument("--root-folder", type=Path, default=USUAL)
    names = [each.__name__ for each in CHECKPOINTS]
    parser.add_argument("--first", choices=names, default=names[0], help="go on with FOLDER here")
    parser.add_argument("--last", choices=names, default=names[-1], help="and end here")
    given = parser.parse_args()
    if os.geteuid() != 0:
        sys.stderr.write("Only root may make a machine in a folder: sudo make appliance\n")
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the room is ended too
    began_s = time.monotonic()
    wanted = CHECKPOINTS[names.index(given.first) : names.index(given.last) + 1]
    is_new = given.first == names[0]
    with room(given.root_folder.absolute(), is_new=is_new) as where:
        took_s = time.monotonic() - began_s
        version = where.run("systemctl", "--version").splitlines()[0]
        _row("boot", took_s, f"Debian in a folder, {version}")
        return 0 if all(_done(each, where) for each in wanted) else 1


def _done(checkpoint: Checkpoint, where: Room) -> bool:
    """Do one; what it needs is not there when it fails, so it is the last."""
    began_s = time.monotonic()
    name = checkpoint.__name__.replace("_", " ")
    try:
        said = checkpoint(where)
    except (AssertionError, CommandFailed, TimeoutError):
        _row(name, time.monotonic() - began_s, "FAILED")
        traceback.print_exc()
        return False
    _row(name, time.monotonic() - began_s, said)
    return True


def _row(name: str, took_s: float, said: str) -> None:
    sys.stdout.write(f"| {name:18} | {took_s:6.1f} s | {said} |\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
