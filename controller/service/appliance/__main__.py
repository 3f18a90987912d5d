"""`python3 -B -m controller.service.appliance install|uninstall`: out of the sources.

The first installation has no environment yet, so this needs nothing but Python itself.
"""

import argparse
import sys
from pathlib import Path

from controller.errors import MicropenError, SystemRefused
from controller.service.appliance.install import install
from controller.service.appliance.layout import Layout
from controller.service.appliance.machine import Machine
from controller.service.appliance.uninstall import uninstall


def main(arguments: list[str]) -> int:
    """Exit code 0, or the error's own with its sentence."""
    parser = argparse.ArgumentParser(prog="micropen")
    parser.add_argument("what", choices=("install", "uninstall"))
    parser.add_argument("--release", type=Path, default=Path("dist/release"))
    parser.add_argument("--root", type=Path, default=Path("/"))
    given = parser.parse_args(arguments)
    machine = Machine(Layout(given.root.resolve()))
    try:
        if given.what == "install":
            install(machine, given.release.resolve(), say)
        else:
            uninstall(machine, say)
    except MicropenError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except OSError as error:
        sys.stderr.write(f"{SystemRefused.of(error)}\n")
        return SystemRefused.exit_code
    return 0


def say(sentence: str) -> None:
    """One sentence to the person who waits."""
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
