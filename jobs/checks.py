"""System checks: misconfiguration of downloads shows before the first request."""
