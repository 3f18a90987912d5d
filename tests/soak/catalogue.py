"""The fault catalogue: 62 kinds by the place where they strike, with the names that scripts use.

The sentence says what happens in the trial; the class that does it is in `tests.soak.faults`.
"""

from enum import StrEnum


class FaultId(StrEnum):
    """One kind of the catalogue."""

    L1 = "L1_drop_frame"
    L2 = "L2_drop_byte"
    L3 = "L3_single_bit"
    L4 = "L4_few_bits"
    L5 = "L5_burst"
    L6 = "L6_duplicate"
    L7 = "L7_reorder"
    L8 = "L8_delay"
    L9 = "L9_truncate"
    L10 = "L10_merge"
    L11 = "L11_garbage"
    L12 = "L12_byte_at_a_time"
    L13 = "L13_local_echo"
    L14 = "L14_wrong_baud"
    L15 = "L15_half_open"
    L16 = "L16_write_blocks"
    L17 = "L17_unplug"
    L18 = "L18_replug_as_other_tty"
    L19 = "L19_another_pen"
    L20 = "L20_stale_bytes_after_reopen"

    P1 = "P1_reboot_idle"
    P2 = "P2_reboot_mid_puncture"
    P3 = "P3_reboot_before_nvm_write"
    P4 = "P4_brown_out_loop"
    P5 = "P5_nvm_torn"
    P6 = "P6_nvm_erased"
    P7 = "P7_hang"
    P8 = "P8_tick_drift"
    P9 = "P9_motor_stall"
    P10 = "P10_sensor_stuck"
    P11 = "P11_late_telemetry"
    P12 = "P12_counter_wrap"
    P13 = "P13_other_firmware"
    P14 = "P14_over_temperature"
    P15 = "P15_occlusion"
    P16 = "P16_air_or_empty"
    P17 = "P17_cartridge_changed"

    H1 = "H1_sigkill"
    H2 = "H2_sigstop"
    H3 = "H3_loop_stall"
    H4 = "H4_memory_error"
    H5 = "H5_exception_in_a_task"
    H6 = "H6_power_cut"
    H7 = "H7_disk_full"
    H8 = "H8_fsync_error"
    H9 = "H9_read_only"
    H10 = "H10_wall_clock_step"
    H11 = "H11_no_time_source"
    H12 = "H12_fd_exhaustion"
    H13 = "H13_slow_fsync"
    H14 = "H14_config_edited"
    H15 = "H15_second_instance"

    B1 = "B1_down"
    B2 = "B2_flapping"
    B3 = "B3_never_pubacks"
    B4 = "B4_puback_then_loses"
    B5 = "B5_session_forgotten"
    B6 = "B6_duplicates"
    B7 = "B7_certificate_expired"
    B8 = "B8_slow_consumer"
    B9 = "B9_client_id_takeover"
    B10 = "B10_hostile_publish"

    @property
    def place(self) -> str:
        """`L` link, `P` pen, `H` host, `B` broker."""
        return self.name[0]


class HostState(StrEnum):
    """Where the host is when a fault strikes: no process, no pen, or the session's state."""

    DEAD = "dead"
    UNLINKED = "unlinked"
    NONE = "none"
    READY = "ready"
    ARMING = "arming"
    RUNNING = "running"
    ENDING = "ending"
    LATCHED = "latched"
    INTERRUPTED = "interrupted"
    BLOCKED = "blocked"
    CLOSED = "closed"


class PenPhase(StrEnum):
    """Where the pen is: no power, or the state of its firmware (`protocol.words.PenState`)."""

    OFF = "off"
    IDLE = "idle"
    ARMED = "armed"
    RUNNING = "running"
    BRAKING = "braking"
    LATCHED = "latched"
