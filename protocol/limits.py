"""Every number of the wire contract that both ends must agree on.

Source of all values: rules C1-C12 of SPEC.md, whose table "Constants" the test suite compares.
Times are microseconds of the pen's own tick unless the name ends otherwise.
"""

from typing import Final

PROTOCOL_VERSION: Final = 1

# C1 framing. 7 header + payload + 4 CRC; COBS adds one byte up to 254, two delimiters.
HEADER_BYTES: Final = 7
CRC_BYTES: Final = 4
PAYLOAD_MAX_BYTES: Final = 240
RAW_MAX_BYTES: Final = HEADER_BYTES + PAYLOAD_MAX_BYTES + CRC_BYTES
ENCODED_MAX_BYTES: Final = RAW_MAX_BYTES + 1
FRAME_MAX_BYTES: Final = ENCODED_MAX_BYTES + 2

# C1, C8 events
EVENT_BATCH_MAX_US: Final = 25_000
EVENT_RING_MIN_RECORDS: Final = 1_024

# C2 handshake and requests
REPLACED_NONCES_KEPT: Final = 16
HELLO_REPEAT_US: Final = 100_000
HANDSHAKE_US: Final = 3_000_000
REQUEST_REPEAT_US: Final = 60_000
REPLY_WITHIN_US: Final = 10_000

# C4 arm
ARM_WITHOUT_GRANT_US: Final = 1_000_000
ARM_RECORDS_KEPT: Final = 16
HOSTS_KEPT: Final = 8
ARM_RING_FREE_RECORDS: Final = 256

# C5 grant and status
GRANT_PERIOD_US: Final = 25_000
LEASE_HOST_MAX_US: Final = 200_000
LEASE_PEN_MAX_US: Final = 250_000
GRANT_REFUSED_PAUSE_US: Final = 100_000
STATUS_PERIOD_US: Final = 100_000
STATUS_STALE_US: Final = 1_000_000

# C6 motion
CONTACT_STABLE_US: Final = 20_000
BRAKE_TO_REST_MAX_US: Final = 150_000
DOSE_AHEAD_US: Final = 400_000
NO_DISPENSE_AHEAD_US: Final = 1_000_000
COMMIT_STALE_US: Final = 1_000_000

# C7 partial
CONTACT_LOST_US: Final = 50_000

# C9 reservation, in strokes or slices
RESERVATION_MAX_STROKES: Final = 256

# C10 stop
STOP_REPEAT_US: Final = 20_000
STOP_UNCONFIRMED_US: Final = 100_000

# C12 prime, reload, bench
SLICE_US: Final = 100_000
PRIME_AHEAD_US: Final = 500_000

HEALTH_PERIOD_US: Final = 1_000_000

# Uids whose top four bits are all set belong to simulated pens and to nothing else (hazard H47).
SIMULATED_UID_MIN: Final = 0xF000_0000_0000_0000


def is_simulated_uid(uid: int) -> bool:
    """Tell whether a 64-bit pen uid lies in the range reserved for simulated pens."""
    return uid >= SIMULATED_UID_MIN
