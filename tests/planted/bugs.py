"""Which bugs are planted, where the field had them, and the test that knows each by itself."""

from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent


class Bug(NamedTuple):
    """One patch. `field` is where it really happened, `found_by` one test that must fail."""

    id: str
    field: str
    plant: str
    found_by: str

    @property
    def patch(self) -> Path:
        """The patch, against the top of the tree."""
        return FOLDER / f"{self.id}.patch"


BUGS = (
    Bug(
        "B01",
        "Loop 1434",
        "a request without answer is booked as not delivered",
        "tests/unit/test_engine.py::test_a_pen_that_still_brakes_is_asked_again",
    ),
    Bug(
        "B02",
        "AAPS 932",
        "a failed command stays in the queue",
        "tests/unit/test_exchange.py::test_a_failed_request_is_never_sent_again",
    ),
    Bug(
        "B03",
        "AAPS 3342",
        "a retry carries a new id",
        "tests/unit/test_exchange.py::test_an_arm_keeps_its_id_in_every_retry",
    ),
    Bug(
        "B04",
        "Trio 889",
        "the intent is written after it was sent",
        "tests/unit/test_acts_arming.py::test_arm_and_ceilings_are_durable_before_the_pen_is_asked",
    ),
    Bug(
        "B05",
        "OmniBLE before PR 55",
        "the intent is only in memory",
        "tests/unit/test_engine.py::test_events_over_the_grant_stop_the_pen",
    ),
    Bug(
        "B06",
        "Loop 2322",
        "the delivered amount is subtracted twice",
        "tests/unit/test_acts.py::test_sealing_needs_the_role_and_names_whoever_did_it",
    ),
    Bug(
        "B07",
        "Loop 667, 1115",
        "an event's identity contains the time",
        "tests/unit/test_follow.py::test_a_line_that_loses_a_third_of_all_frames_delivers_every_stroke_once",
    ),
    Bug(
        "B08",
        "OmniBLE PR 136",
        "a query changes the evidence",
        "tests/conformance/test_c13_queries.py",
    ),
    Bug(
        "B09",
        "OmniBLE PR 11",
        "the sequence is masked with the wrong width",
        "tests/unit/test_exchange.py::test_the_sequence_counts_modulo_256",
    ),
    Bug(
        "B10",
        "pymodbus, delayed response",
        "a reply is believed without its nonce",
        "tests/unit/test_supervisor.py::test_nothing_is_believed_before_our_own_nonce",
    ),
    Bug(
        "B11",
        "Klipper, fan lease 0",
        "one actuator has no lease",
        "tests/conformance/test_c12_prime.py",
    ),
    Bug(
        "B12",
        "Klipper, monitor off in test mode",
        "a simulated pen skips a check",
        "tests/unit/test_acts_fit.py::test_a_certificate_that_ran_out_since",
    ),
    Bug(
        "B13",
        "AAPS, store error swallowed",
        "a broken record reads as an empty one",
        "tests/unit/test_engine_losses.py::test_what_contradicts_the_books_stops_and_lets_nobody_arm",
    ),
    Bug(
        "B14",
        "Marlin, unnumbered line",
        "a frame without checksum is accepted",
        "tests/unit/test_line.py::test_spoiled_bytes_never_pass_as_another_frame",
    ),
    Bug(
        "B15",
        "mosquitto, loss after PUBACK",
        "the outbox forgets at the PUBACK",
        "tests/unit/test_incoming.py::test_receipt_with_a_number_out_of_bounds_is_ignored",
    ),
    Bug(
        "B16",
        "SQLite NORMAL",
        "a commit does not wait for the disk",
        "tests/unit/test_journal.py::test_commits_are_synchronous_full",
    ),
)
