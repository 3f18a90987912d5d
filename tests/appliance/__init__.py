"""The life of an installation, in a Debian of its own with the real systemd: `make appliance`.

Not part of `make test`: it needs root, a mirror of Debian, and some minutes.
"""
