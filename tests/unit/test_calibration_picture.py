"""The drawing of a calibration: as many places as there are readings, and what counts of them."""

import pytest

from controller.calibration.procedure import AnyTerms, begun
from controller.calibration.taking_back import taking_back
from controller.console.calibration_views import PlotView
from controller.service.calibration_picture import plot_view
from controller.session.books import CalibrationBook
from tests.support.technician import (
    TECHNICIAN,
    Hands,
    book_of,
    cadence_terms,
    protrusion_terms,
    run,
)


def measured(terms: AnyTerms) -> CalibrationBook:
    book = book_of(terms)
    run(begun(terms), Hands(), book)
    return book


def drawn(book: CalibrationBook) -> PlotView:
    plot = plot_view(book)
    assert plot is not None
    return plot


@pytest.mark.parametrize("terms", [protrusion_terms(), cadence_terms()], ids=["axis", "cadence"])
def test_each_reading_has_a_place_and_none_is_left_over(terms: AnyTerms) -> None:
    plot = drawn(measured(terms))
    assert [point.place for point in plot.points] == list(range(plot.places))
    assert all(point.counts for point in plot.points)


@pytest.mark.parametrize("terms", [protrusion_terms(), cadence_terms()], ids=["axis", "cadence"])
def test_what_was_taken_back_does_not_count_from_that_moment(terms: AnyTerms) -> None:
    book = measured(terms)
    discarded = taking_back(book, "it slipped", TECHNICIAN)
    book.readings.append((discarded, ""))
    *before, last = drawn(book).points
    assert (last.counts, last.reason) == (False, "it slipped")
    assert all(point.counts for point in before)
