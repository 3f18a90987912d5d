"""The composition root and the doors through which people come in."""
