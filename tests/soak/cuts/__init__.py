"""Power cuts by the thousand: reference sessions of the real journal, cut at every operation."""
