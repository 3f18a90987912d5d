"""`micropen replay`: recorded wire traffic through the real controller code, without any pen."""
