"""The whole house in one command: simulated pen, broker, controller, telemetry, archive."""
