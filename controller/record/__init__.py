"""The journal and what leaves it: the only truth after the fact."""
