"""Proves the image where no engine runs: `python -m deploy.proof DIRECTORY`, as root."""
