"""Running under a service manager: sockets handed over, and signs of life."""
