"""Whether the board says that its own supply is too low now (hazard H33).

A Raspberry Pi under 4.63 V resets its USB ports, and the pen's adapter with them. Reads two files
of the kernel; a machine that has neither never says so.
"""

from pathlib import Path
from typing import Final

SYSFS: Final = Path("/sys")
HWMON_NAME: Final = "rpi_volt"
"""Kernel's Documentation/hwmon/raspberrypi-hwmon: `in0_lcrit_alarm` is 1 while under-voltage was
seen within the last 2 s."""
THROTTLED: Final = "devices/platform/soc/soc:firmware/get_throttled"
"""The firmware's own word on older kernels, in hexadecimal; bit 0 is "under-voltage now"."""
UNDER_VOLTAGE_NOW: Final = 0x1


class HostPower:
    """Looks for the files once, and reads the one it found each time it is asked."""

    def __init__(self, sysfs: Path = SYSFS) -> None:
        alarms = [chip.with_name("in0_lcrit_alarm") for chip in sysfs.glob("class/hwmon/*/name")]
        self._alarm = next((path for path in alarms if _is_supply(path)), None)
        self._throttled = sysfs / THROTTLED

    def under_voltage(self) -> bool:
        """True only when the board says so now."""
        if self._alarm is not None:
            return _number(self._alarm, 10) == 1
        return bool(_number(self._throttled, 16) & UNDER_VOLTAGE_NOW)


def _is_supply(alarm: Path) -> bool:
    try:
        return alarm.with_name("name").read_text().strip() == HWMON_NAME and alarm.exists()
    except OSError:
        return False


def _number(path: Path, base: int) -> int:
    try:
        return int(path.read_text().strip(), base)
    except (OSError, ValueError):
        return 0
