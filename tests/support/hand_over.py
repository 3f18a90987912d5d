"""Becomes a program, with listening sockets at descriptors 3 and up: a supervisor's last step.

`python -I -S hand_over.py FDS ROOT COMMAND ...`: FDS is comma-separated or "-"; ROOT is "-" or the
folder to change root into. LISTEN_PID is this very process, which nobody knows before it is there.
"""

import os
import sys


def main() -> None:
    """Never comes back."""
    fds, root, *command = sys.argv[1:]
    if root != "-":
        os.chroot(root)
        os.chdir("/")
    if fds != "-":
        # First out of the way: one of them may have the number that another one gets.
        high = [os.dup2(int(fd), 200 + at) for at, fd in enumerate(fds.split(","))]
        for at, fd in enumerate(high):
            os.dup2(fd, 3 + at, inheritable=True)
            os.close(fd)
        os.environ["LISTEN_PID"] = str(os.getpid())
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
