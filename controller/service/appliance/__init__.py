"""The machine in the room: installed, updated and taken off again by one command each.

Touches files, accounts and systemd of this machine, or of an image below another root. Never the
record: no step here deletes a file below /var/lib/micropen*.
"""
