"""What can keep the machine from being installed or cleared: numbered, each with what to do."""

from controller.errors import ServiceError


class NotRoot(ServiceError):
    """Only root may change what is installed."""

    number = 8060
    cause = "The command was typed without sudo."
    action = "Type it again with sudo in front."


class InstallerBusy(ServiceError):
    """Another install, update, rollback or uninstall is running."""

    number = 8061
    cause = "Two people, or a person and a script, work on this machine."
    action = "Wait until the other one is done."


class NotARelease(ServiceError):
    """A folder is not a release, or not a complete one."""

    number = 8062
    cause = "The path is wrong, or copying it was cut short."
    action = "Name the folder that `make release` made, and copy it again if need be."


class StepFailed(ServiceError):
    """A command of the system failed."""

    number = 8063
    cause = "See its last words above."
    action = "Remove what they name, then type the same command again: nothing is lost by that."


class NotInstalled(ServiceError):
    """There is no installation to work on."""

    number = 8064
    cause = "It was never installed here, or the root folder is another one."
    action = "`sudo make install` in the sources installs it."


class AccountMissing(ServiceError):
    """A user or group of the installation does not exist."""

    number = 8065
    cause = "Neither systemd-sysusers nor useradd made it, or somebody removed it."
    action = "Install again; it makes what is missing."
