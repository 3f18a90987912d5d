"""`make fuzz TARGET=frames SECONDS=60`: coverage-guided fuzzing of one target with atheris.

Atheris is an extra (`fuzz`) and nothing else imports it. The corpus begins with the files that
ship and grows in a folder that is kept between runs; an input that breaks the target is left there
as `crash-...`, with the command that shows it again.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["controller", "protocol", "simulator", "tomllib"]):
    from tests.fuzz.seeds import NASTY, seeds
    from tests.fuzz.targets import TARGETS

CASE_S = 10
MEMORY_MB = 1_024
LONGEST_BYTES = 16_384


def _dictionary(path: Path) -> Path:
    words = (word for word in NASTY if len(word) <= 64)
    lines = ("".join(f"\\x{byte:02x}" for byte in word) for word in words)
    path.write_text("".join(f'"{line}"\n' for line in lines))
    return path


def main() -> None:
    """Fuzz until the time is over; the exit code is not 0 when an input broke the target."""
    parser = argparse.ArgumentParser(description=__doc__, prog="make fuzz")
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--folder", type=Path, default=Path(".fuzz"))
    parser.add_argument("--input", type=Path, help="show what this one input does, and end")
    wanted = parser.parse_args()
    folder = wanted.folder / wanted.target
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for at, seed in enumerate(seeds(wanted.target)):
        (corpus / f"seed-{at}").write_bytes(seed)
    with tempfile.TemporaryDirectory() as scratch:
        target, room = TARGETS[wanted.target], Path(scratch)
        if wanted.input is not None:
            target(wanted.input.read_bytes(), room)
            return
        options = [
            sys.argv[0],
            f"-max_total_time={wanted.seconds}",
            f"-timeout={CASE_S}",
            f"-rss_limit_mb={MEMORY_MB}",
            f"-max_len={LONGEST_BYTES}",
            f"-artifact_prefix={folder}/",
            f"-dict={_dictionary(room / 'words')}",
            "-print_final_stats=1",
            str(corpus),
        ]
        atheris.Setup(options, lambda data: target(data, room))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
