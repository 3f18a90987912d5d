"""The flight recorder: the last minute of wire bytes, kept by the service, and played again."""
