"""systemd as the installer needs it: tell it about new files, start, stop, enable, disable.

Where systemd does not run (an image, a container) units are only enabled, and that is said.
"""

from typing import Final

from controller.service.appliance.errors import StepFailed
from controller.service.appliance.machine import Machine, Say

SOCKET: Final = "micropen-console.socket"
CONTROLLER: Final = "micropen-controller.service"
TIMER: Final = "micropen-doctor.timer"
ENABLED: Final = (SOCKET, CONTROLLER, TIMER)
"""What runs on every machine."""
ON_REQUEST: Final = ("micropen-telemetry.service", "micropen-archive.service")
"""What a person enables once a broker is named."""


def take_note(machine: Machine, say: Say) -> None:
    """Let systemd, udev and journald read the files that were put. Raises StepFailed."""
    root = f"--root={machine.layout.root}"
    if machine.has("systemd-tmpfiles"):
        machine.run("systemd-tmpfiles", root, "--create", machine.layout.tmpfiles)
    if not machine.runs_systemd:
        say("systemd does not run here: units, udev rule and log settings hold from the next boot.")
        return
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "try-restart", "systemd-journald.service")
    if machine.has("udevadm"):
        machine.run("udevadm", "control", "--reload")
        machine.run("udevadm", "trigger", "--subsystem-match=usb", "--subsystem-match=tty")


def forget(machine: Machine) -> None:
    """Let systemd and udev notice that the files are gone. Raises StepFailed."""
    if machine.runs_systemd:
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "try-restart", "systemd-journald.service")
        if machine.has("udevadm"):
            machine.run("udevadm", "control", "--reload")


def enable(machine: Machine, say: Say) -> None:
    """Have the units started at each boot. Raises StepFailed."""
    if not machine.has("systemctl"):
        say("There is no systemctl here: nothing is started at boot.")
        return
    machine.run("systemctl", f"--root={machine.layout.root}", "--quiet", "enable", *ENABLED)


def restart(machine: Machine, say: Say) -> None:
    """Start what is enabled, with the environment that is current now. Raises StepFailed."""
    if not machine.runs_systemd:
        return
    machine.run("systemctl", "reset-failed", "micropen-*")
    machine.run("systemctl", "start", SOCKET, TIMER)
    try:
        machine.run("systemctl", "restart", CONTROLLER)
    except StepFailed as error:
        raise StepFailed(f"{error.what}\nIts last words:\n{_last_words(machine)}") from error
    machine.run("systemctl", "try-restart", *ON_REQUEST)
    say(f"{CONTROLLER} runs.")


def _last_words(machine: Machine) -> str:
    """What the controller wrote before it ended, for whoever does not know journalctl."""
    words = ("--lines=8", "--output=cat", "--no-pager", "--quiet")
    try:
        said = machine.run("journalctl", "--unit", CONTROLLER, *words)
    except StepFailed as error:
        said = error.what
    return "\n".join(f"    {line}" for line in said.splitlines())


def stop(machine: Machine) -> None:
    """Stop the controller, and the socket by which a waiting screen would start it again.

    Raises StepFailed.
    """
    if machine.runs_systemd:
        machine.run("systemctl", "stop", SOCKET, CONTROLLER)


def stop_for_good(machine: Machine) -> None:
    """Stop every unit and have none started again. Raises StepFailed."""
    if not machine.has("systemctl"):
        return
    every = (*ENABLED, *ON_REQUEST, "micropen-doctor.service")
    if machine.runs_systemd:
        machine.run("systemctl", "stop", *every)
    machine.run(
        "systemctl", f"--root={machine.layout.root}", "--quiet", "disable", *ENABLED, *ON_REQUEST
    )
