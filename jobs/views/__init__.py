"""The dashboard's pages. They call services and queries only; what a state looks like is in `cards`."""
