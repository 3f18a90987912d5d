"""`python -m simulator`: one simulated pen on a pty or a TCP port, with a balance if wanted."""

import argparse
import asyncio
import sys
from pathlib import Path

from simulator.life import LifeError
from simulator.runner import RunOptions, run
from simulator.scenario import Scenario, ScenarioError, load


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r}: HOST:PORT is needed")
    return host or "127.0.0.1", int(port)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--pty", type=Path, help="symlink to create; open it like a serial port")
    where.add_argument("--tcp", type=_address, help="HOST:PORT to listen on")
    parser.add_argument("--balance-pty", type=Path, help="symlink of a balance under the needle")
    parser.add_argument("--scenario", type=Path, help="TOML file; default: the built-in ideal pen")
    parser.add_argument("--seed", type=int, help="other than the scenario's")
    parser.add_argument("--nvm", type=Path, help="keeps the pen's life between runs")
    parser.add_argument("--oracle", type=Path, help="truth as JSON, at SIGUSR2 and at the end")
    return parser


def _announce(line: str) -> None:
    sys.stdout.write(f"simulator: {line}\n")
    sys.stdout.flush()


def main() -> int:
    """Run until SIGTERM or SIGINT; 2 when scenario, life or port cannot be used."""
    given = _parser().parse_args()
    try:
        scenario = load(given.scenario) if given.scenario else Scenario()
        seed = scenario.seed if given.seed is None else given.seed
        options = RunOptions(seed, given.pty, given.tcp, given.nvm, given.oracle, given.balance_pty)
        asyncio.run(run(scenario, options, _announce))
    except (ScenarioError, LifeError, OSError) as error:
        sys.stderr.write(f"simulator: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
