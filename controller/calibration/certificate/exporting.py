"""A report as files: its canonical JSON, and the PDF that a child process makes of it.

The child alone loads the package that draws; a controller's process never does.
"""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from controller.calibration.certificate.errors import NoReportExtra, PdfNotMade
from controller.calibration.certificate.report import CalibrationReport

PDF_WITHIN_S = 60.0
"""A certificate of 100 series takes seconds on a Pi; what takes longer hangs."""
_MAKER = "controller.calibration.certificate.pdf"


def export(
    report: CalibrationReport, folder: Path, *, within_s: float = PDF_WITHIN_S
) -> list[Path]:
    """Write `<certificate>.json` and `<certificate>.pdf`; returns both.

    Raises NoReportExtra (E7092), after the JSON was written, PdfNotMade (E7093), OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / f"{report.certificate_id}.json"
    part = source.with_suffix(".json.part")
    part.write_bytes(report.canonical_json())
    part.replace(source)
    if find_spec("reportlab") is None:
        raise NoReportExtra(f"{source} was written, and no PDF beside it.")
    target = source.with_suffix(".pdf")
    _run([sys.executable, "-m", _MAKER, str(source), str(target)], target, within_s)
    return [source, target]


def _run(command: list[str], target: Path, within_s: float) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=within_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise PdfNotMade(f"{target} was not made within {within_s:g} s.") from error
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise PdfNotMade(f"{target} was not made: {last}")
