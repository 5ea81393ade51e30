"""Back-ups of a whole installation: `making` writes one, `restoring` brings it back. A back-up is a directory."""
