"""The cache that rate limits count in."""
