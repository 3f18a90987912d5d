"""One module for each command that a person types; all parameters and messages, no rules."""
