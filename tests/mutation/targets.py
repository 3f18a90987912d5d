"""Which modules are mutated, and which tests must notice."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """One module. `fast` run for each mutant; `then` only for those that they let live.

    `only` keeps the mutants of one function.
    """

    name: str
    path: str
    fast: tuple[str, ...]
    then: tuple[str, ...] = ()
    only: str | None = None

    @property
    def module(self) -> str:
        """The module's name for `import`."""
        return self.path.removesuffix(".py").replace("/", ".")


_UNIT = "tests/unit/test_"
_ENGINE = (f"{_UNIT}engine.py", f"{_UNIT}engine_losses.py")
TARGETS = (
    Target(
        "ledger",
        "controller/session/ledger.py",
        (f"{_UNIT}ledger.py",),
        ("tests/property/test_ledger_properties.py", f"{_UNIT}recovery.py", *_ENGINE),
    ),
    Target(
        "framing",
        "protocol/framing.py",
        (f"{_UNIT}framing.py", f"{_UNIT}golden_vectors.py"),
        ("tests/conformance/test_c01_framing.py",),
    ),
    Target("drive", "controller/session/drive.py", (f"{_UNIT}drive.py",), _ENGINE[:1]),
    Target("allowance", "controller/session/allowance.py", (f"{_UNIT}allowance.py",)),
    Target("grant", "controller/pen/pen.py", (f"{_UNIT}driver.py",), _ENGINE, "Pen.grant"),
    Target("closing", "controller/session/closing.py", (f"{_UNIT}closing.py",)),
    Target(
        "recovery",
        "controller/session/recovery.py",
        (f"{_UNIT}recovery.py", f"{_UNIT}recovery_edges.py"),
        (f"{_UNIT}engine.py", "tests/scenario/test_closed_once.py"),
    ),
    Target(
        "reconciling",
        "controller/session/reconciling.py",
        (f"{_UNIT}recovery.py", f"{_UNIT}recovery_edges.py"),
        (f"{_UNIT}engine_losses.py", f"{_UNIT}engine.py"),
    ),
)
