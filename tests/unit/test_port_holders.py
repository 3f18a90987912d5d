"""Finding the process that holds a port."""

from pathlib import Path

from controller.link.holders import UNKNOWN_HOLDER, describe_holders, holders_of


def a_process(proc: Path, pid: int, name: str, *targets: Path) -> None:
    (proc / str(pid) / "fd").mkdir(parents=True)
    (proc / str(pid) / "cmdline").write_text(name.replace(" ", "\0") + "\0")
    for number, target in enumerate(targets):
        (proc / str(pid) / "fd" / str(number)).symlink_to(target)


def test_the_holder_is_found_through_a_link_to_the_device(tmp_path: Path) -> None:
    device, link, proc = tmp_path / "ttyACM0", tmp_path / "by-id", tmp_path / "proc"
    device.touch()
    link.symlink_to(device)
    a_process(proc, 17, "minicom -D x", tmp_path / "other", device)
    a_process(proc, 18, "bash", tmp_path / "other")
    (proc / "uptime").touch()
    assert holders_of(str(link), proc) == ["minicom -D x (process 17)"]


def test_a_process_that_ends_meanwhile_is_passed_over(tmp_path: Path) -> None:
    device, proc = tmp_path / "ttyACM0", tmp_path / "proc"
    (proc / "19").mkdir(parents=True)
    a_process(proc, 20, "screen", device)
    (proc / "20" / "cmdline").unlink()
    assert holders_of(str(device), proc) == ["an unnamed program (process 20)"]


def test_nobody_visible() -> None:
    assert describe_holders("/dev/there-is-no-such-port") == UNKNOWN_HOLDER
