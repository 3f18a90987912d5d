"""`micropen doctor`: what is in order on this machine, line by line, and what to do where not."""
