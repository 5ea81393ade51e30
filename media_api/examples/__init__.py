"""Examples in the API's description, a module for each group of calls."""
