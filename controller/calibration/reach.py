"""Whether a pen can do at all what a procedure will ask of it, said before anything is measured.

Pure. The pen would refuse it too, but only once the vessel stands and an hour has passed.
"""

from controller.calibration.procedure.terms import (
    AnyTerms,
    CadenceTerms,
    DoseTerms,
    ProtrusionTerms,
    SeriesTerms,
)
from controller.errors import CalibrationError
from controller.session.units import microlitres, pumping_us, steps_for
from protocol.messages import Cartridge, Envelope


class SetupBeyondPen(CalibrationError):
    """The setup asks for what this pen or its cartridge cannot do."""

    number = 7086
    cause = "The setup file was written for another pen or cartridge."
    action = "Change the dose, stroke period or protrusion in the setup file."


def check_reach(terms: AnyTerms, envelope: Envelope, fitted: Cartridge) -> None:
    """Refuse terms that this pen with this cartridge cannot carry out.

    Raises SetupBeyondPen (E7086).
    """
    most_um = min(
        envelope.max_protrusion_um, fitted.max_protrusion_um or envelope.max_protrusion_um
    )
    if isinstance(terms, DoseTerms):
        _check_protrusion(terms.protrusion_um, most_um)
        for each in terms.series:
            _check_dose(each, terms, envelope)
    elif isinstance(terms, ProtrusionTerms):
        _check_protrusion(terms.outer_um, most_um)
    elif isinstance(terms, CadenceTerms):
        _check_protrusion(terms.protrusion_um, most_um)
        for period_us in terms.stroke_periods_us:
            _check_period(period_us, envelope.insertion_us + envelope.retraction_us, envelope, "")


def _check_protrusion(wanted_um: int, most_um: int) -> None:
    if wanted_um > most_um:
        raise SetupBeyondPen(
            f"A protrusion of {wanted_um} um is asked for; this pen with this cartridge goes to "
            f"{most_um} um."
        )


def _check_dose(series: SeriesTerms, terms: DoseTerms, envelope: Envelope) -> None:
    # As left, a dose may take so many more steps: with the volume that is fitted in between.
    found = steps_for(series.dose_nl, series.assumed_picolitres_a_step)
    steps = -(-found * 100 // (100 - terms.most_change_percent))
    dose = f" for {microlitres(series.dose_nl)} ul"
    if steps > envelope.max_steps:
        raise SetupBeyondPen(
            f"A stroke may need {steps} steps{dose}; the pen makes {envelope.max_steps}."
        )
    moving_us = envelope.insertion_us + envelope.retraction_us
    pump_us = pumping_us(steps, envelope.max_flow_steps_s)
    _check_period(series.stroke_period_us, moving_us + pump_us + terms.dwell_us, envelope, dose)


def _check_period(period_us: int, needed_us: int, envelope: Envelope, what: str) -> None:
    least_us = max(needed_us, envelope.min_stroke_period_us)
    if period_us < least_us:
        raise SetupBeyondPen(
            f"A stroke{what} may take {least_us} us; a period of {period_us} us is too short."
        )
