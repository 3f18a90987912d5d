"""`micropen support-bundle`: all that support needs, without secrets and names."""
