"""The operator's door: the page on the treatment-room screen, its API and its events."""
