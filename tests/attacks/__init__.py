"""Attacks on the running parts, grouped by what is attacked. A case that gets through is a hole."""
