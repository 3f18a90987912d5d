"""Reports of recorded sessions, made in a child process that only reads the journal."""
