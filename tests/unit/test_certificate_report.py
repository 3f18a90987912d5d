"""The calibration report: what the core computed as integers, its digest, and who may sign."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from controller.calibration.acceptance import Verdict
from controller.calibration.certificate.building import Identity, Weighed, report_of
from controller.calibration.certificate.report import (
    NOT_APPROVED,
    SIMULATED,
    CalibrationReport,
    Pen,
    Signature,
    Stage,
)
from controller.calibration.errors import SeriesIncomplete
from tests.support import calibrated

WEIGHED, FITTED = calibrated.calibrated()
REPORT = calibrated.sample_report()


def changed(change: Callable[[dict[str, Any]], object]) -> CalibrationReport:
    """The sample read anew after a change of its JSON."""
    raw = json.loads(REPORT.canonical_json())
    change(raw)
    return CalibrationReport.model_validate_json(json.dumps(raw))


def minimal(weighed: list[Weighed] = WEIGHED) -> CalibrationReport:
    """A report with no optional part at all."""
    return report_of(
        Identity(
            "00000000000000a7",
            None,
            "journal",
            "0.1.0",
            calibrated.ISSUED,
            calibrated.ISSUED + timedelta(days=30),
            None,
        ),
        Pen(uid="00a0000000000001", model="m", firmware="1", cartridge_type="c", pump_head="p"),
        calibrated.INSTRUMENTS,
        weighed,
        FITTED,
        calibrated.LIMITS,
        Signature(person="Ana", at_wall=calibrated.ISSUED),
    )


def test_results_are_the_cores_in_picolitres() -> None:
    for one, shown in zip(WEIGHED, REPORT.series, strict=True):
        spread, budget = one.point.spread, one.point.budget
        assert shown.result.mean_pl == pytest.approx(1_000 * spread.mean_nl, abs=0.5)
        assert shown.result.error_pl == pytest.approx(1_000 * spread.error_nl, abs=0.5)
        assert shown.result.cv_ppm == pytest.approx(10_000 * spread.cv_percent, abs=0.5)
        assert 0 <= shown.result.expanded_pl - 1_000 * budget.expanded_nl < 1
        assert shown.result.verdict is calibrated.LIMITS.judge_dose(spread, budget.expanded_nl)
        assert [line.name for line in shown.budget] == [c.name for c in budget.contributions]


def test_limits_stand_beside_the_result() -> None:
    # 5 ul: 6 and 8 %, that is 300 and 400 nl; CV 5 %. From config/calibration.toml.
    (shown,) = [each for each in REPORT.of(Stage.AS_FOUND) if each.dose_nl == 5_000]
    result = shown.result
    assert (result.pass_error_pl, result.fail_error_pl) == (300_000, 400_000)
    # 10 weighings of 4 doses are 200 ul: 5 % of them together. Those of 2 ul are only 80 ul.
    assert result.accumulated_error_pl == 250_000
    assert REPORT.series[0].result.accumulated_error_pl is None
    assert (result.pass_cv_ppm, result.fail_cv_ppm) == (50_000, 50_000)


def test_only_fitted_series_have_residuals() -> None:
    has = {each.stage: each.residual_pl is not None for each in REPORT.series}
    assert has == {Stage.AS_FOUND: False, Stage.FIT: True, Stage.AS_LEFT: False}


def test_ranges_and_prime_are_the_fits() -> None:
    assert [(each.picolitres_a_step, each.interval_pl) for each in REPORT.ranges] == [
        (each.configuration.picolitres_a_step, each.interval_pl) for each in FITTED.ranges
    ]
    assert REPORT.ranges[0].longest_period_us == calibrated.SLOW_US
    assert REPORT.prime_picolitres_a_step == FITTED.prime_picolitres_a_step


def test_redone_and_typed_weighings_stay() -> None:
    (series,) = [each for each in REPORT.series if any(len(place) > 1 for place in each.replicates)]
    first, second = series.replicates[0]
    assert first.discarded_because == "a drop stayed at the needle <seen> & wiped"
    assert (first.typed, second.typed, second.discarded_because) == (False, True, None)
    assert sum(each.typed for place in series.replicates for each in place) == 2


def test_the_axis_is_in_nanometres_with_its_readings() -> None:
    axis = REPORT.axis
    assert axis is not None
    # Errors 38, 41, 44, 47, 50 um: mean 44; 3 um each 500: gain 1.006; outside 25 um further.
    assert (axis.offset_um, axis.gain_ppm, axis.backlash_nm) == (44, 1_006_000, 25_000)
    assert [each.remaining_nm for each in axis.points] == [-6_000, -3_000, 0, 3_000, 6_000]
    assert [each.typed for each in axis.readings].index(True) == 2


def test_the_pen_as_found_does_not_decide() -> None:
    assert Verdict.FAIL in {each.result.verdict for each in REPORT.of(Stage.AS_FOUND)}
    assert REPORT.verdict is Verdict.PASS


@pytest.mark.parametrize("part", ["axis", "bench_check", "cadences", "series"])
def test_any_failed_part_fails_the_certificate(part: str) -> None:
    def fail(raw: dict[str, Any]) -> None:
        where = raw[part]
        where = where[-1] if isinstance(where, list) else where
        where.get("result", where)["verdict"] = "fail"

    assert changed(fail).verdict is Verdict.FAIL


def test_without_a_verification_the_fit_decides() -> None:
    report = minimal([each for each in WEIGHED if each.stage is not Stage.AS_LEFT])
    assert report.verdict is Verdict.PASS


def test_a_simulated_part_marks_the_pages() -> None:
    assert REPORT.marks == (SIMULATED,)
    assert minimal().marks == (NOT_APPROVED,)
    pretended = changed(
        lambda raw: (
            raw["pen"].update(uid="00a0000000000001"),
            raw["instruments"][0].update(simulated=True),
        )
    )
    assert pretended.marks == (SIMULATED,)


@pytest.mark.parametrize("name", ["Ana Núñez", " ana  NÚÑEZ ", "Ana Nu\u0301n\u0303ez"])
def test_one_person_cannot_do_both(name: str) -> None:
    with pytest.raises(ValidationError, match="who measured cannot approve"):
        changed(lambda raw: raw["approved_by"].update(person=name))


def test_an_unclosed_series_has_no_report() -> None:
    series = replace(WEIGHED[0].series, end=None)
    with pytest.raises(SeriesIncomplete):
        minimal([replace(WEIGHED[0], series=series), *WEIGHED[1:]])


def test_the_digest_is_of_the_canonical_json() -> None:
    raw = REPORT.canonical_json()
    again = CalibrationReport.model_validate_json(raw)
    assert again == REPORT
    assert again.canonical_json() == raw
    assert REPORT.digest == hashlib.sha256(raw).hexdigest()
    assert json.dumps(
        json.loads(raw), sort_keys=True, ensure_ascii=False, separators=(",", ":")
    ) == (raw.decode())


def test_one_digit_changes_the_digest() -> None:
    def add(raw: dict[str, Any]) -> None:
        raw["series"][0]["replicates"][0][0]["after_ug"] += 1

    assert changed(add).digest != REPORT.digest


def test_no_float_is_in_the_report() -> None:
    def refuse(number: str) -> None:
        raise AssertionError(number)

    assert json.loads(REPORT.canonical_json(), parse_float=refuse)["pen"]


def test_the_schema_describes_it() -> None:
    schema = CalibrationReport.model_json_schema()
    jsonschema.Draft202012Validator(schema).validate(json.loads(REPORT.canonical_json()))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate({})


def test_what_is_unknown_is_refused() -> None:
    with pytest.raises(ValidationError, match="extra"):
        changed(lambda raw: raw.update(remark="x"))
