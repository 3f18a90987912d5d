"""The bench as a file: the terms of each procedure, missing tables, instruments that ran out."""

from datetime import date
from pathlib import Path

import pytest

from controller.calibration.instruments import InstrumentExpired, check_due, load_setup
from controller.calibration.procedure import CadenceTerms, DoseTerms, ProtrusionTerms
from controller.errors import WrongUsage
from tests.support.bills import CONFIG
from tests.support.technician import LIMITS, instrument
from tests.support.workshop import quick_limits, setup_of

TODAY = date(2030, 1, 1)
SHIPPED = load_setup(CONFIG / "calibration-setup.toml")


def assumed(dose_nl: int, stroke_period_us: int) -> int:
    return 2_700 + dose_nl // 1_000 + stroke_period_us // 1_000_000


def test_the_shipped_setup_gives_terms_for_all_three() -> None:
    dose = SHIPPED.terms("dose", LIMITS, TODAY, assumed)
    assert isinstance(dose, DoseTerms)
    assert [(each.dose_nl, each.assumed_picolitres_a_step) for each in dose.series] == [
        (2_000, 2_704),
        (5_000, 2_707),
        (10_000, 2_712),
        (2_000, 2_702),
        (5_000, 2_705),
        (10_000, 2_710),
    ]
    assert dose.balance.instrument.simulated
    assert dose.balance.resolution_ug == 100
    assert dose.check.weight.role == "check weight"
    assert dose.check.weight_nominal_ug == 20_000_000
    assert dose.check.seconds == 30
    assert isinstance(SHIPPED.terms("protrusion", LIMITS, TODAY, assumed), ProtrusionTerms)
    cadence = SHIPPED.terms("cadence", LIMITS, TODAY, assumed)
    assert isinstance(cadence, CadenceTerms)
    assert cadence.tachometer is None


def test_terms_come_back_from_a_journal() -> None:
    dose = SHIPPED.terms("dose", LIMITS, TODAY, assumed)
    written = dose.model_dump(mode="json")
    assert DoseTerms.model_validate(written).model_dump(mode="json") == written
    axis = SHIPPED.terms("protrusion", LIMITS, TODAY, assumed)
    written = axis.model_dump(mode="json")
    assert ProtrusionTerms.model_validate(written).model_dump(mode="json") == written


@pytest.mark.parametrize(
    ("due", "holds"), [(TODAY, True), (None, True), (date(2029, 12, 31), False)]
)
def test_an_instrument_holds_until_the_end_of_its_day(due: date | None, holds: bool) -> None:
    checked = instrument("thermometer", "T-1").model_copy(update={"due": due})
    if holds:
        check_due(checked, TODAY)
        return
    with pytest.raises(InstrumentExpired, match="thermometer bench T-1 was due on 2029-12-31"):
        check_due(checked, TODAY)


def test_any_instrument_that_ran_out_refuses_its_procedure_only() -> None:
    old = instrument("hygrometer", "H-1").model_copy(update={"due": date(2029, 6, 1)})
    with pytest.raises(InstrumentExpired):
        setup_of(instruments=(old,)).terms("cadence", LIMITS, TODAY, assumed)
    indicator = {"make": "i", "serial": "1", "resolution_um": 1, "max_error_um": 4}
    setup = setup_of(indicator={**indicator, "due": "2029-06-01"})
    setup.terms("dose", quick_limits(), TODAY, assumed)
    with pytest.raises(InstrumentExpired):
        setup.terms("protrusion", LIMITS, TODAY, assumed)


@pytest.mark.parametrize("missing", ["dose", "balance", "check_weight", "sensors"])
def test_a_missing_table_is_named(missing: str) -> None:
    setup = setup_of().model_copy(update={missing: None})
    with pytest.raises(WrongUsage) as refused:
        setup.terms("dose", LIMITS, TODAY, assumed)
    assert f"[{missing}]" in refused.value.what


def test_the_file_is_named_where_it_is_known(tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    path.write_text('pump_head = "syringe"\n')
    with pytest.raises(WrongUsage) as refused:
        load_setup(path).terms("cadence", LIMITS, TODAY, assumed)
    assert str(path) in refused.value.what
