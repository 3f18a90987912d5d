"""The screen in a real Chromium: a whole session, STOP, an unplug, a stale page, first run."""
