"""Runs the tests on each mutant of one target, in a forked process each; figures to stdout.

All that the target does not reach is imported once, before the forks. Run in the copy of the tree:
`python -m tests.mutation.worker NAME JOBS [again]`. Nothing is written into the sources: the
changed tree is what `import` gets.
"""

import ast
import importlib
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

import pytest

from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.page import figures
from tests.mutation.targets import TARGETS, Target

OWN = ("controller", "protocol", "simulator", "tests")
PYTEST = ("-x", "-q", "--tb=no", "--assert=plain", "-p", "no:cacheprovider")
WALL_S = 300
MEMORY_BYTES = 3 << 30


class MutantFinder(PathFinder):
    """Finds one module, with another tree than its file's."""

    name = ""
    tree: ast.Module = ast.Module([], [])

    @classmethod
    def find_spec(
        cls,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """As PathFinder, for the one module."""
        if fullname != cls.name:
            return None
        spec = super().find_spec(fullname, path, target)
        assert spec is not None
        assert spec.origin is not None
        spec.loader = _Loader(fullname, spec.origin)
        return spec


class _Loader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType | None:
        return compile(MutantFinder.tree, self.path, "exec")


def dependents(module: str) -> set[str]:
    """The own modules loaded now that import `module`, however far around."""
    loaded = {name: each for name, each in sys.modules.items() if name.split(".")[0] in OWN}
    imports = {name: set(_imported(each)) for name, each in loaded.items()}
    found = {module}
    while more := {name for name, used in imports.items() if used & found} - found:
        found |= more
    return found


def _imported(module: ModuleType) -> Iterator[str]:
    file = getattr(module, "__file__", None)
    for node in ast.walk(ast.parse(Path(file).read_text())) if file else ():
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def forget(names: set[str]) -> None:
    """Let the next `import` load these modules anew."""
    for name in names:
        sys.modules.pop(name, None)
        package, _, last = name.rpartition(".")
        if package in sys.modules:
            vars(sys.modules[package]).pop(last, None)


def passes(target: Target, tree: ast.Module, tests: Sequence[str], cpu_s: int) -> bool:
    """Whether `tests` are green with `tree` as the module. Only for a process of its own."""
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    signal.alarm(WALL_S)
    MutantFinder.name, MutantFinder.tree = target.module, tree
    sys.meta_path.insert(0, MutantFinder)
    return pytest.main([*PYTEST, *tests]) == 0


def fork(target: Target, tree: ast.Module, tests: Sequence[str], cpu_s: int) -> int:
    """Start `passes` in a fork; the process id."""
    pid = os.fork()
    if pid:
        return pid
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    code = 1
    try:
        code = 0 if passes(target, tree, tests, cpu_s) else 1
    finally:
        os._exit(code)


def lives(target: Target, mutant: Mutant, cpu_s: int) -> bool:
    """Whether the mutant gets through both sets of tests."""
    for tests in (target.fast, target.then):
        if tests and not _green(fork(target, mutant.tree, tests, cpu_s)):
            return False
    return True


def _green(pid: int) -> bool:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def survivors(target: Target, mutants: Sequence[Mutant], jobs: int, cpu_s: int) -> list[Mutant]:
    """Those that live; mutant number n is judged by process n modulo `jobs`."""
    workers = []
    for job in range(jobs):
        reader, writer = os.pipe()
        pid = os.fork()
        if not pid:
            with os.fdopen(writer, "w") as out:
                for at in range(job, len(mutants), jobs):
                    if lives(target, mutants[at], cpu_s):
                        sys.stderr.write(f"{target.name} lives: {mutants[at].key}\n")
                        out.write(f"{at}\n")
            os._exit(0)
        os.close(writer)
        workers.append((pid, reader))
    found = []
    for pid, reader in workers:
        with os.fdopen(reader) as lines:
            found += [int(line) for line in lines]
        if not _green(pid):
            raise SystemExit(f"{target.name}: a process that judges mutants ended early")
    return [mutants[at] for at in sorted(found)]


def warm_up(target: Target) -> int:
    """Import what every fork needs and run the tests unchanged; a mutant's CPU limit in seconds."""
    for test in (*target.fast, *target.then):
        importlib.import_module(test.removesuffix(".py").replace("/", "."))
    importlib.import_module("tests.conftest")
    forget(dependents(target.module))
    tree = ast.parse(Path(target.path).read_text())
    before_s = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    if not _green(fork(target, tree, (*target.fast, *target.then), 600)):
        raise SystemExit(f"{target.name}: its tests fail without any mutant")
    return 10 + 4 * int(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before_s)


def main(name: str, jobs: int, again: bool) -> None:
    """Judge all mutants of one target, or `again` its last survivors; the figures as JSON."""
    target = next(each for each in TARGETS if each.name == name)
    mutants = list(mutants_of(Path(target.path).read_text(), target.only))
    last = {each["change"] for each in figures()[name]["survivors"]} if again else set()
    began_s = time.monotonic()
    judged = [each for each in mutants if not again or each.key in last]
    living = survivors(target, judged, jobs, warm_up(target))
    found = {
        "mutants": len(mutants),
        "survivors": [{"line": each.line, "change": each.key} for each in living],
    }
    sys.stderr.write(f"{name}: {time.monotonic() - began_s:.0f} s\n")
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), again=sys.argv[3:] == ["again"])
