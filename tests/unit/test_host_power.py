"""The board's own supply: what the kernel's files say, and that nothing is armed on too little."""

from pathlib import Path

import pytest

from controller.errors import PortMissing
from controller.link.port import BytePort
from controller.record.events import ArmOpened
from controller.service.app import Wanted, running
from controller.service.host_power import HostPower
from controller.session.act_errors import NotFit
from tests.support.arms import PERSON
from tests.support.paper_pen import Room


def hwmon(sysfs: Path, name: str, alarm: str) -> Path:
    folder = sysfs / "class" / "hwmon" / f"hwmon-{name}"
    folder.mkdir(parents=True)
    (folder / "name").write_text(f"{name}\n")
    (folder / "in0_lcrit_alarm").write_text(alarm)
    return folder / "in0_lcrit_alarm"


@pytest.mark.hazard("H33")
@pytest.mark.parametrize(("alarm", "low"), [("1\n", True), ("0\n", False), ("", False)])
def test_the_kernel_s_supply_monitor_is_believed(tmp_path: Path, alarm: str, low: bool) -> None:
    hwmon(tmp_path, "cpu_thermal", "1\n")
    hwmon(tmp_path, "rpi_volt", alarm)
    assert HostPower(tmp_path).under_voltage() is low


@pytest.mark.hazard("H33")
@pytest.mark.parametrize(
    ("word", "low"),
    [("0\n", False), ("1\n", True), ("50005\n", True), ("50000\n", False), ("4\n", False)],
)
def test_the_firmware_s_word_counts_where_there_is_no_monitor(
    tmp_path: Path, word: str, low: bool
) -> None:
    """Bit 0 is now; the others are other limits, or the past."""
    file = tmp_path / "devices/platform/soc/soc:firmware/get_throttled"
    file.parent.mkdir(parents=True)
    file.write_text(word)
    assert HostPower(tmp_path).under_voltage() is low


def test_it_is_read_anew_each_time_and_a_machine_without_it_is_well(tmp_path: Path) -> None:
    assert not HostPower(tmp_path).under_voltage()
    alarm = hwmon(tmp_path, "rpi_volt", "0\n")
    power = HostPower(tmp_path)
    assert not power.under_voltage()
    alarm.write_text("1\n")
    assert power.under_voltage()
    alarm.unlink()
    assert not power.under_voltage()


@pytest.mark.hazard("H33")
async def test_nothing_is_armed_while_the_supply_is_too_low() -> None:
    async with Room() as room:
        await room.ready()
        low = True
        room.engine.host_under_voltage = lambda: low
        with pytest.raises(NotFit, match="power supply is too weak"):
            await room.acts.treat(PERSON)
        assert room.recorded(ArmOpened) == []
        assert "configure" not in room.pen.asked
        low = False
        assert await room.acts.treat(PERSON) == "one"


class NoPort:
    async def open(self) -> BytePort:
        raise PortMissing("There is no pen.")


@pytest.mark.hazard("H33")
@pytest.mark.real_time("the writer is a thread")
async def test_the_running_service_asks_the_board(tmp_path: Path) -> None:
    wanted = Wanted("none", tmp_path / "journal", "training")
    async with running(wanted, opener=NoPort()) as service:
        asked = getattr(service.engine.host_under_voltage, "__self__", None)
    assert isinstance(asked, HostPower)
